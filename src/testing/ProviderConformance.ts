/**
 * What every provider promises, as cases to run: in a test, or from the command line against a real account.
 *
 * A case is a name in plain words and an effect. Nothing here needs a test framework; `suite` uses the one it is given.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { Compute } from "../domain/Compute.ts"
import type { Input } from "../domain/ComputeRequest.ts"
import type { CallOptions } from "../provider/Call.ts"
import type { Capability } from "../provider/Capability.ts"
import { Provider, type Service } from "../provider/Provider.ts"
import { computeCases } from "./internal/computeCases.ts"
import { facetCases } from "./internal/facetCases.ts"
import { type FaultHooks, promiseCases } from "./internal/promiseCases.ts"
import { resourceCases } from "./internal/resourceCases.ts"
import {
  bind,
  type Framework,
  limited,
  type Report as Outcome,
  report,
  type Result,
  type Suite
} from "./internal/runner.ts"
import { type ConformanceFailure, type Definition, fail, makeTrial } from "./internal/trial.ts"

export type { Framework, Result } from "./internal/runner.ts"
export { ConformanceFailure } from "./internal/trial.ts"

/**
 * What the suite must know of a provider; everything may be left out.
 *
 * **Details**
 *
 * `R` is what the hooks need, such as the controls of a fake cloud.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<R = never> {
  /** What this provider needs in every request, such as an image; cases add to it. Default: nothing. */
  readonly request?: Input | undefined
  /** Runs before each case; may answer the options for the calls of that case. Default: nothing. */
  readonly reset?: Effect.Effect<CallOptions | void, AtlasError, R> | undefined
  /** A well-formed id that the provider has never given; default `atlas-no-such-compute`. */
  readonly unknownId?: string | undefined
  /** How long the provider may take to show or finish what it accepted; default 30 seconds. */
  readonly patience?: Duration.Input | undefined
  /** The most one case may take before it is ended; default 5 minutes. */
  readonly timeLimit?: Duration.Input | undefined
  /** US dollars all cases together may cost; a compute that could cost more is ended at once. Default: no limit. */
  readonly maxCost?: number | undefined
  /** Makes a compute write two log lines or more, so that cursors can be tried; nothing to do if its command does. */
  readonly speak?: ((id: string) => Effect.Effect<void, AtlasError, R>) | undefined
  /** A serverless endpoint to send one small job to; without it jobs are not tried. */
  readonly endpoint?: string | undefined
  /** The next create makes a machine and its answer is lost. Without it that case is skipped. */
  readonly loseNextAnswer?: Effect.Effect<void, AtlasError, R> | undefined
  /** The next create is answered with a 500 and makes nothing. Without it that case is skipped. */
  readonly failNextCreate?: Effect.Effect<void, AtlasError, R> | undefined
  /** How many creates the cloud was sent so far; makes the two cases above stricter. */
  readonly creates?: Effect.Effect<number, AtlasError, R> | undefined
}

/**
 * One promise and how to see that it is kept. It ends what it rents, also when it fails, and verifies that it is gone.
 *
 * @category models
 * @since 0.1.0
 */
export interface Case<R = never> {
  /** In plain words: what holds when it passes. */
  readonly name: string
  /** Only for providers that have this. */
  readonly needs: Capability | null
  /** Only for providers that do not have this. */
  readonly lacks: Capability | null
  /** Only where the options can order this fault. */
  readonly orders: "loseNextAnswer" | "failNextCreate" | null
  readonly run: Effect.Effect<void, ConformanceFailure | AtlasError, Provider | R>
}

/**
 * How all cases went.
 *
 * @category models
 * @since 0.1.0
 */
export interface Report extends Outcome {
  readonly provider: string
}

const timeLimitOf = (options: { readonly timeLimit?: Duration.Input | undefined }): Duration.Duration =>
  Duration.fromInputUnsafe(options.timeLimit ?? "5 minutes")

/** Counts what one suite has spent: fails a compute that could cost more than is left, or whose price is unknown. */
const makeBudget = (maxCost: number | undefined, timeLimit: Duration.Duration) => {
  let spent = 0
  return (compute: Compute): Effect.Effect<(hours: number) => void, ConformanceFailure> => {
    const perHour = compute.costPerHour
    const pay = (hours: number) => {
      spent += (perHour ?? 0) * hours
    }
    if (maxCost === undefined) return Effect.succeed(pay)
    if (perHour === null) return fail("its price is unknown, so no limit could be kept")
    const most = spent + perHour * Duration.toHours(timeLimit)
    return most > maxCost
      ? fail(`at $${perHour}/h it could bring the cost to $${most.toFixed(2)}, above the limit of $${maxCost}`)
      : Effect.succeed(pay)
  }
}

/**
 * All cases, as data.
 *
 * **Example** (Their names)
 *
 * ```ts
 * import { ProviderConformance } from "effect-atlas/testing"
 *
 * const names = ProviderConformance.cases().map((one) => one.name)
 * ```
 *
 * @category cases
 * @since 0.1.0
 */
export const cases = <R = never>(options: Options<R> = {}): ReadonlyArray<Case<R>> => {
  const timeLimit = timeLimitOf(options)
  const afford = makeBudget(options.maxCost, timeLimit)
  const hooks: FaultHooks<R> = options
  const prepared = (definition: Definition<R>): Case<R>["run"] =>
    Effect.gen(function*() {
      const provider = yield* Provider
      const call = yield* options.reset ?? Effect.void
      yield* definition.run(makeTrial({
        provider,
        call: call ?? undefined,
        unknownId: options.unknownId ?? "atlas-no-such-compute",
        patience: Duration.fromInputUnsafe(options.patience ?? "30 seconds"),
        request: options.request ?? {},
        afford
      }))
    }).pipe((run) => limited(run, timeLimit))
  const definitions = [
    ...computeCases,
    ...facetCases(options.speak),
    ...resourceCases(options.endpoint),
    ...promiseCases(hooks)
  ]
  return definitions.map((definition) => ({
    name: definition.name,
    needs: definition.needs ?? null,
    lacks: definition.lacks ?? null,
    orders: definition.orders ?? null,
    run: prepared(definition)
  }))
}

/**
 * Why a case does not apply to a provider; null when it does.
 *
 * @category cases
 * @since 0.1.0
 */
export const skipReason = <R>(
  one: Case<R>,
  provider: Pick<Service, "id" | "capabilities">,
  options: Options<R>
): string | null => {
  if (one.needs !== null && !provider.capabilities.includes(one.needs)) return `${provider.id} has no ${one.needs}`
  if (one.lacks !== null && provider.capabilities.includes(one.lacks)) return `${provider.id} has ${one.lacks}`
  if (one.orders !== null && options[one.orders] === undefined) return `the options have no ${one.orders}`
  return null
}

/** A case is interrupted at its time limit and then ends its compute, which has a limit of its own. */
const endingLimit = Duration.minutes(2)

const suiteOf = <R>(options: Options<R>): Suite<Case<R>, Provider | R> => ({
  title: "ProviderConformance",
  subject: "adapter",
  cases: cases(options),
  skipReason: (one) => Effect.map(Provider, (provider) => skipReason(one, provider, options)),
  testLimit: Duration.sum(timeLimitOf(options), endingLimit)
})

/**
 * Runs all cases one after the other and reports how each went; never fails.
 *
 * **Details**
 *
 * `onResult` is told of each case as soon as it is over, for showing progress.
 *
 * **Example** (Against a provider of one's own)
 *
 * ```ts
 * import * as MockProvider from "effect-atlas/providers/MockProvider"
 * import { ProviderConformance } from "effect-atlas/testing"
 * import * as Effect from "effect/Effect"
 *
 * const report = ProviderConformance.run({ request: { gpu: "h100" }, maxCost: 2 }).pipe(
 *   Effect.provide(MockProvider.layer())
 * )
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const run = <R = never>(
  options: Options<R> = {},
  onResult?: (result: Result) => Effect.Effect<void>
): Effect.Effect<Report, never, Provider | R> =>
  Effect.gen(function*() {
    const provider = yield* Provider
    return { provider: provider.id, ...(yield* report(suiteOf(options), onResult)) }
  })

/**
 * Makes a test of every case, in the framework it is given. Runs on the real clock; builds the layer anew for each case.
 *
 * **Example** (With vitest)
 *
 * ```ts
 * import { describe, it } from "@effect/vitest"
 * import * as MockProvider from "effect-atlas/providers/MockProvider"
 * import { ProviderConformance } from "effect-atlas/testing"
 *
 * ProviderConformance.suite({ describe, it }, "mock", MockProvider.layer())
 * ```
 *
 * @category binding
 * @since 0.1.0
 */
export const suite = <R, E>(
  framework: Framework,
  name: string,
  layer: Layer.Layer<Provider | R, E>,
  options: Options<R> = {}
): void => bind(framework, suiteOf(options), name, layer)
