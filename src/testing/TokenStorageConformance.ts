/**
 * What every token storage promises, as cases to run: on ours, and on one of your own.
 *
 * A case is a name in plain words and an effect. Nothing here needs a test framework; `suite` uses the one it is given.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Entropy from "../domain/Entropy.ts"
import { AppName } from "../fly/AppName.ts"
import type { FlyError } from "../fly/FlyError.ts"
import { TokenStorage } from "../fly/TokenStorage.ts"
import { type Definition, tokenStorageCases } from "./internal/tokenStorageCases.ts"
import { ConformanceFailure, fail } from "./internal/trial.ts"
import type { Framework, Result } from "./ProviderConformance.ts"

/**
 * What the suite must know of a storage; everything may be left out.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The same storage opened anew, for one that outlives its layer; without it that case is skipped. */
  readonly again?: Layer.Layer<TokenStorage, unknown> | undefined
}

/**
 * One promise and how to see that it is kept. It uses app names of its own and deletes what it puts.
 *
 * @category models
 * @since 0.1.0
 */
export interface Case {
  /** In plain words: what holds when it passes. */
  readonly name: string
  /** Why it does not apply with these options; null when it does. */
  readonly skipped: string | null
  readonly run: Effect.Effect<void, ConformanceFailure | FlyError, TokenStorage>
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

/** Names that no app has, so that the suite can be run on a storage in use; they are deleted whatever happens. */
const prepared = (definition: Definition, { again }: Options): Case["run"] =>
  Effect.gen(function*() {
    const storage = yield* TokenStorage
    const suffix = Hex.encode(yield* Entropy.bytes(6))
    const used = new Map<string, AppName>()
    const app = (name: string) => {
      const made = used.get(name) ?? AppName.make(`${name}-${suffix}`)
      used.set(name, made)
      return made
    }
    const clean = Effect.suspend(() =>
      Effect.forEach(used.values(), (one) =>
        Effect.andThen(Effect.ignore(storage.delete(one, "cached")), Effect.ignore(storage.delete(one, "manual"))), {
        discard: true
      })
    )
    yield* definition.run({
      storage,
      app,
      again: again === undefined ? null : (use) =>
        Effect.flatMap(
          Effect.exit(Effect.scoped(
            Layer.build(Layer.fresh(again)).pipe(
              Effect.mapError(() =>
                new ConformanceFailure({ message: "it could not be opened again" })
              ),
              Effect.flatMap((context) =>
                Effect.flatMap(TokenStorage, use).pipe(Effect.provideContext(context))
              )
            )
          )),
          (exit) => exit
        )
    }).pipe(Effect.ensuring(clean))
  }).pipe(Effect.timeoutOrElse({ duration: "1 minute", orElse: () => fail("it took longer than a minute") }))

/**
 * All cases, as data.
 *
 * **Example** (Their names)
 *
 * ```ts
 * import { TokenStorageConformance } from "effect-atlas/testing"
 *
 * const names = TokenStorageConformance.cases().map((one) => one.name)
 * ```
 *
 * @category cases
 * @since 0.1.0
 */
export const cases = (options: Options = {}): ReadonlyArray<Case> =>
  tokenStorageCases.map((definition) => ({
    name: definition.name,
    skipped: definition.reopens === true && options.again === undefined ? "it cannot be opened again here" : null,
    run: prepared(definition, options)
  }))

const isFailure = Schema.is(ConformanceFailure)

/** What went wrong, without the text of a defect: it may hold what a storage should have kept to itself. */
const explain = (cause: Cause.Cause<ConformanceFailure | FlyError>): string => {
  const error = Cause.squash(cause)
  if (isFailure(error)) return error.message
  if (error instanceof Error && "_tag" in error && error._tag === "FlyError") return error.message
  return `the storage broke: ${error instanceof Error ? error.name : typeof error}`
}

/**
 * Runs all cases one after the other and reports how each went; never fails.
 *
 * **Example** (On a storage of one's own)
 *
 * ```ts
 * import { TokenStorage } from "effect-atlas/fly"
 * import { TokenStorageConformance } from "effect-atlas/testing"
 * import * as Effect from "effect/Effect"
 *
 * const report = TokenStorageConformance.run().pipe(Effect.provide(TokenStorage.layerMemory))
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const run = (options: Options = {}): Effect.Effect<Report, never, TokenStorage> =>
  Effect.gen(function*() {
    const results = yield* Effect.forEach(cases(options), (one): Effect.Effect<Result, never, TokenStorage> =>
      one.skipped === null
        ? Effect.map(Effect.exit(one.run), (exit) =>
          Exit.isSuccess(exit)
            ? { name: one.name, outcome: "passed", message: "" }
            : { name: one.name, outcome: "failed", message: explain(exit.cause) })
        : Effect.succeed({ name: one.name, outcome: "skipped", message: one.skipped }))
    const count = (outcome: Result["outcome"]) =>
      results.filter((result) =>
        result.outcome === outcome
      ).length
    return { passed: count("passed"), failed: count("failed"), skipped: count("skipped"), results }
  })

/**
 * Makes a test of every case, in the framework it is given. Runs on the real clock; builds the layer anew for each case.
 *
 * **Example** (With vitest)
 *
 * ```ts
 * import { describe, it } from "@effect/vitest"
 * import { TokenStorage } from "effect-atlas/fly"
 * import { TokenStorageConformance } from "effect-atlas/testing"
 *
 * TokenStorageConformance.suite({ describe, it }, "memory", TokenStorage.layerMemory)
 * ```
 *
 * @category binding
 * @since 0.1.0
 */
export const suite = <E>(
  framework: Framework,
  name: string,
  layer: Layer.Layer<TokenStorage, E>,
  options: Options = {}
): void => {
  framework.describe(`TokenStorageConformance (${name})`, () => {
    for (const one of cases(options)) {
      framework.it(one.name, async (context) => {
        if (one.skipped === null) await Effect.runPromise(Effect.provide(one.run, Layer.fresh(layer)))
        else context.skip?.(one.skipped)
      }, 90_000)
    }
  })
}
