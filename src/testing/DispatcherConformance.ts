/**
 * What every dispatcher promises, as cases to run: in a test, or against a bus in use.
 *
 * A case is a name in plain words and an effect. Nothing here needs a test framework; `suite` uses the one it is given.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { Dispatcher } from "../events/Dispatcher.ts"
import { type Bus, dispatcherCases, type DispatcherDefinition } from "./internal/dispatcherCases.ts"
import { bind, type Framework, limited, type Report, report, type Result, type Suite } from "./internal/runner.ts"
import type { ConformanceFailure } from "./internal/trial.ts"

export type { Report } from "./internal/runner.ts"
export { ConformanceFailure } from "./internal/trial.ts"

/**
 * What the suite must know of a dispatcher; everything may be left out.
 *
 * **Details**
 *
 * `R` is what the hooks need. Whether the bus can be subscribed to is not asked here: the dispatcher says so itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<R = never> {
  /** Another end of the same bus, such as a second process would have; cases publish there. Default: the same end. */
  readonly publisher?: Effect.Effect<Dispatcher["Service"], never, R> | undefined
  /** What the bus was handed for a topic so far. Without it the cases that look there are skipped. */
  readonly taken?: ((topic: string) => Effect.Effect<ReadonlyArray<unknown>, never, R>) | undefined
  /** The next message the bus is handed fails; needs `taken` too. Without it that case is skipped. */
  readonly failNext?: Effect.Effect<void, never, R> | undefined
  /** The most one case may take; default 30 seconds. */
  readonly timeLimit?: Duration.Input | undefined
}

/**
 * One promise and how to see that it is kept.
 *
 * @category models
 * @since 0.1.0
 */
export interface Case<R = never> {
  /** In plain words: what holds when it passes. */
  readonly name: string
  /** Only for a bus that can be subscribed to. */
  readonly needs: "subscribe" | null
  /** Only for a bus that cannot. */
  readonly lacks: "subscribe" | null
  /** Only where the options have this hook. */
  readonly orders: "taken" | "failNext" | null
  readonly run: Effect.Effect<void, ConformanceFailure, Dispatcher | R>
}

const timeLimitOf = (options: { readonly timeLimit?: Duration.Input | undefined }): Duration.Duration =>
  Duration.fromInputUnsafe(options.timeLimit ?? "30 seconds")

/**
 * All cases, as data.
 *
 * **Example** (Their names)
 *
 * ```ts
 * import { DispatcherConformance } from "effect-atlas/testing"
 *
 * const names = DispatcherConformance.cases().map((one) => one.name)
 * ```
 *
 * @category cases
 * @since 0.1.0
 */
export const cases = <R = never>(options: Options<R> = {}): ReadonlyArray<Case<R>> => {
  const timeLimit = timeLimitOf(options)
  const prepared = ({ run }: DispatcherDefinition): Case<R>["run"] =>
    Effect.gen(function*() {
      const dispatcher = yield* Dispatcher
      const publisher = options.publisher === undefined ? dispatcher : yield* options.publisher
      const bus: Bus<R> = {
        dispatcher,
        publish: publisher.publish,
        taken: options.taken ?? (() => Effect.succeed([])),
        failNext: options.failNext ?? Effect.void
      }
      yield* run(bus)
    }).pipe((run) => limited(run, timeLimit))
  return dispatcherCases.map((definition) => ({
    name: definition.name,
    needs: definition.needs ?? null,
    lacks: definition.lacks ?? null,
    orders: definition.orders ?? null,
    run: prepared(definition)
  }))
}

/**
 * Why a case does not apply to a dispatcher; null when it does.
 *
 * @category cases
 * @since 0.1.0
 */
export const skipReason = <R>(
  one: Case<R>,
  dispatcher: Pick<Dispatcher["Service"], "canSubscribe">,
  options: Options<R>
): string | null => {
  if (one.needs === "subscribe" && !dispatcher.canSubscribe) return "this bus cannot be subscribed to"
  if (one.lacks === "subscribe" && dispatcher.canSubscribe) return "this bus can be subscribed to"
  if (one.orders !== null && (options.taken === undefined || options[one.orders] === undefined)) {
    return `the options have no ${options.taken === undefined ? "taken" : one.orders}`
  }
  return null
}

const suiteOf = <R>(options: Options<R>): Suite<Case<R>, Dispatcher | R> => ({
  title: "DispatcherConformance",
  subject: "dispatcher",
  cases: cases(options),
  skipReason: (one) => Effect.map(Dispatcher, (dispatcher) => skipReason(one, dispatcher, options)),
  testLimit: Duration.sum(timeLimitOf(options), Duration.seconds(10))
})

/**
 * Runs all cases one after the other and reports how each went; never fails.
 *
 * **Example** (Against a bus of one's own)
 *
 * ```ts
 * import * as Dispatcher from "effect-atlas/events/Dispatcher"
 * import { DispatcherConformance } from "effect-atlas/testing"
 * import * as Effect from "effect/Effect"
 *
 * const report = DispatcherConformance.run().pipe(Effect.provide(Dispatcher.layerMemory))
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const run = <R = never>(
  options: Options<R> = {},
  onResult?: (result: Result) => Effect.Effect<void>
): Effect.Effect<Report, never, Dispatcher | R> => report(suiteOf(options), onResult)

/**
 * Makes a test of every case, in the framework it is given. Runs on the real clock; builds the layer anew for each case.
 *
 * **Example** (With vitest)
 *
 * ```ts
 * import { describe, it } from "@effect/vitest"
 * import * as Dispatcher from "effect-atlas/events/Dispatcher"
 * import { DispatcherConformance } from "effect-atlas/testing"
 *
 * DispatcherConformance.suite({ describe, it }, "memory", Dispatcher.layerMemory)
 * ```
 *
 * @category binding
 * @since 0.1.0
 */
export const suite = <R, E>(
  framework: Framework,
  name: string,
  layer: Layer.Layer<Dispatcher | R, E>,
  options: Options<R> = {}
): void => bind(framework, suiteOf(options), name, layer)
