/** How the cases of every conformance suite are run: in a row with a report, or each as a test of a framework. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TimeSpan from "../../domain/TimeSpan.ts"
import { ConformanceFailure, fail } from "./trial.ts"

/**
 * How one case went, and why.
 *
 * @category models
 * @since 0.1.0
 */
export interface Result {
  readonly name: string
  readonly outcome: "passed" | "failed" | "skipped"
  /** What was not as promised, or why it was skipped; empty when passed. */
  readonly message: string
}

/**
 * How all cases went.
 *
 * @category models
 * @since 0.1.0
 */
export interface Report {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly results: ReadonlyArray<Result>
}

/**
 * What `suite` needs of a test framework: `describe` and `it` of vitest, or anything that looks like them.
 *
 * @category binding
 * @since 0.1.0
 */
export interface Framework {
  readonly describe: (name: string, define: () => void) => unknown
  readonly it: (
    name: string,
    test: (context: { readonly skip?: (reason: string) => unknown }) => Promise<void>,
    timeoutMillis?: number
  ) => unknown
}

/** A case that hangs is a broken promise, and is interrupted. */
export const limited = <A, E, R>(
  run: Effect.Effect<A, E, R>,
  duration: Duration.Duration,
  words: string = TimeSpan.format(duration)
): Effect.Effect<A, E | ConformanceFailure, R> =>
  Effect.timeoutOrElse(run, { duration, orElse: () => fail(`it took longer than ${words}`) })

/** The same service as a second process would open it. */
export const opened =
  <I, S>(tag: Context.Key<I, S>, layer: Layer.Layer<I, unknown>) =>
  <E>(use: (service: S) => Effect.Effect<void, E>): Effect.Effect<void, E | ConformanceFailure> =>
    Layer.build(Layer.fresh(layer)).pipe(
      Effect.mapError(() => new ConformanceFailure({ message: "it could not be opened again" })),
      Effect.flatMap((context) => use(Context.get(context, tag))),
      Effect.scoped
    )

/** What a kind of service promises, as data: the conformance suites differ in this and in nothing else. */
export interface Suite<One extends Trying<R>, R> {
  /** The name of the suite, for the titles of its tests. */
  readonly title: string
  /** What is tried, in a word, for a message about its failure. */
  readonly subject: string
  readonly cases: ReadonlyArray<One>
  /** Why a case does not apply; null when it does. */
  readonly skipReason: (one: One) => Effect.Effect<string | null, never, R>
  /** The most a test of one case may take; more than the case itself, since what ran into its limit still closes its layer. */
  readonly testLimit: Duration.Duration
}

/** A case as every suite has it. */
interface Trying<R> {
  readonly name: string
  readonly run: Effect.Effect<void, unknown, R>
}

/** Runs a case that applies and answers null; of one that does not, answers why. */
const tried = <One extends Trying<R>, R>({ skipReason }: Suite<One, R>, one: One) =>
  Effect.filterOrElse(skipReason(one), (skipped) => skipped !== null, () => Effect.as(one.run, null))

const isFailure = Schema.is(ConformanceFailure)

/** What went wrong, without the text of a defect: it may hold what the subject should have kept to itself. */
const explain = (cause: Cause.Cause<unknown>, subject: string): string => {
  const error = Cause.squash(cause)
  if (isFailure(error)) return error.message
  if (!(error instanceof Error)) return `the ${subject} failed unexpectedly (a defect): ${typeof error}`
  const isOurs = "_tag" in error && (error._tag === "AtlasError" || error._tag === "FlyError")
  return isOurs ? error.message : `the ${subject} failed unexpectedly (a defect): ${error.name}`
}

/** Tries all cases one after the other; `onResult` is told of each as soon as it is over. */
export const report = <One extends Trying<R>, R>(
  suite: Suite<One, R>,
  onResult: (result: Result) => Effect.Effect<void> = () => Effect.void
): Effect.Effect<Report, never, R> =>
  Effect.gen(function*() {
    const results = yield* Effect.forEach(suite.cases, (one) =>
      Effect.exit(tried(suite, one)).pipe(
        Effect.map((exit): Result =>
          Exit.isFailure(exit)
            ? { name: one.name, outcome: "failed", message: explain(exit.cause, suite.subject) }
            : exit.value === null
            ? { name: one.name, outcome: "passed", message: "" }
            : { name: one.name, outcome: "skipped", message: exit.value }
        ),
        Effect.tap(onResult)
      ))
    const count = (outcome: Result["outcome"]) => results.filter((result) => result.outcome === outcome).length
    return { passed: count("passed"), failed: count("failed"), skipped: count("skipped"), results }
  })

/** Makes a test of every case, on a layer that is built anew for each. */
export const bind = <One extends Trying<R>, R, E>(
  framework: Framework,
  suite: Suite<One, R>,
  name: string,
  layer: Layer.Layer<R, E>
): void => {
  framework.describe(`${suite.title} (${name})`, () => {
    for (const one of suite.cases) {
      framework.it(one.name, async (context) => {
        const skipped = await Effect.runPromise(Effect.provide(tried(suite, one), Layer.fresh(layer)))
        if (skipped !== null) context.skip?.(skipped)
      }, Duration.toMillis(suite.testLimit))
    }
  })
}
