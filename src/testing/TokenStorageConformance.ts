/**
 * What every token storage promises, as cases to run: on the ones of this library, and on one of your own.
 *
 * A case is a name in plain words and an effect. Nothing here needs a test framework; `suite` uses the one it is given.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Entropy from "../domain/Entropy.ts"
import { AppName } from "../fly/AppName.ts"
import type { FlyError } from "../fly/FlyError.ts"
import { TokenStorage } from "../fly/TokenStorage.ts"
import { bind, type Framework, limited, opened, type Report, report, type Suite } from "./internal/runner.ts"
import { type Definition, tokenStorageCases } from "./internal/tokenStorageCases.ts"
import type { ConformanceFailure } from "./internal/trial.ts"

export type { Report } from "./internal/runner.ts"

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

/** The most one case may take; a test has more, since what ran into its limit still closes its layer. */
const timeLimit = Duration.minutes(1)
const testLimit = Duration.seconds(90)

/** Runs under names that no app has, so that the suite can be run on a storage in use; their tokens are always deleted. */
const prepared = (definition: Definition, { again }: Options): Case["run"] =>
  Effect.gen(function*() {
    const storage = yield* TokenStorage
    const suffix = yield* Entropy.hex(6)
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
      again: again === undefined ? null : opened(TokenStorage, again)
    }).pipe(Effect.ensuring(clean))
  }).pipe((run) =>
    limited(run, timeLimit, "a minute")
  )

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
    skipped: definition.reopens === true && options.again === undefined ? "the options have no again" : null,
    run: prepared(definition, options)
  }))

const suiteOf = (options: Options): Suite<Case, TokenStorage> => ({
  title: "TokenStorageConformance",
  subject: "storage",
  cases: cases(options),
  skipReason: ({ skipped }) => Effect.succeed(skipped),
  testLimit
})

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
export const run = (options: Options = {}): Effect.Effect<Report, never, TokenStorage> => report(suiteOf(options))

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
): void => bind(framework, suiteOf(options), name, layer)
