/**
 * The front desk: rent a compute, look at it, wait for it, hand it back, run jobs, on whichever provider.
 *
 * Every verb takes the provider per call (an id or a value) or uses the default of `Providers`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { AtlasError } from "./domain/AtlasError.ts"
import type { Compute } from "./domain/Compute.ts"
import type { ComputeRequest, Input } from "./domain/ComputeRequest.ts"
import type { GpuType } from "./domain/Gpu.ts"
import type { ProviderId } from "./domain/Ids.ts"
import type { LogElement } from "./domain/LogElement.ts"
import { at, type Options } from "./internal/desk.ts"
import type { ComputeFilter, LogOptions } from "./provider/Adapter.ts"
import type { CallOptions } from "./provider/Call.ts"
import type { Capability } from "./provider/Capability.ts"
import * as Lease from "./provider/Lease.ts"
import type { Providers } from "./provider/Providers.ts"
import * as Readiness from "./provider/Readiness.ts"

export type { Options } from "./internal/desk.ts"
export * from "./internal/jobVerbs.ts"
export * from "./internal/resourceVerbs.ts"

/**
 * Rents one compute and answers as soon as the provider has accepted it; see {@link awaitReady} to wait for it.
 *
 * **Details**
 *
 * The create is sent once. When its answer is lost, the compute is looked for by its stamped name before this fails.
 * Interrupting ends what was rented. Fails as `Validation` or `Unsupported` before anything is sent, as `NoCapacity`
 * or another refusal when nothing was created, as `Uncertain` when nobody can say.
 *
 * **Gotchas**
 *
 * Who gets the compute must hand it back. {@link scoped} and {@link withCompute} do it for you.
 *
 * **Example** (A GPU with a protected port)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const compute = yield* Atlas.spawnCompute({ gpu: "h100", image: "me/server", ports: ["8000/http"], auth: "bearer" })
 *   return yield* Atlas.awaitReady(compute.id)
 * })
 * ```
 *
 * @category verbs
 * @since 0.1.0
 */
export const spawnCompute = (
  request: Input | ComputeRequest,
  options?: Options
): Effect.Effect<Compute, AtlasError, Providers> =>
  at("spawnCompute", options, (provider, call) => provider.compute.spawn(request, call))

/**
 * One compute as the provider sees it now; an unknown id fails as `NotFound`. Its `auth` is null.
 *
 * **Example** (Looking)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 *
 * const compute = Atlas.getCompute("local-abcdefghijkl", { provider: "local" })
 * ```
 *
 * @category verbs
 * @since 0.1.0
 */
export const getCompute = (id: string, options?: Options): Effect.Effect<Compute, AtlasError, Providers> =>
  at("getCompute", options, (provider, call) => provider.compute.get(id, call))

/**
 * All computes of the account that match every condition: `status`, `name`, `region`, `gpu`.
 *
 * **Example** (What is running)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 *
 * const running = Atlas.listCompute({ status: "running" })
 * ```
 *
 * @category verbs
 * @since 0.1.0
 */
export const listCompute = (
  filter?: ComputeFilter,
  options?: Options
): Effect.Effect<ReadonlyArray<Compute>, AtlasError, Providers> =>
  at("listCompute", options, (provider, call) => provider.compute.list(filter, call))

/**
 * Stops a compute and keeps its storage; `Unsupported` where the provider cannot.
 *
 * **Example** (Stopping)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 *
 * const stopped = Atlas.stop("local-abcdefghijkl")
 * ```
 *
 * @category verbs
 * @since 0.1.0
 */
export const stop = (id: string, options?: Options): Effect.Effect<void, AtlasError, Providers> =>
  at("stop", options, (provider, call) => provider.power.stop(id, call))

/**
 * Starts a stopped compute again; `Unsupported` where the provider cannot.
 *
 * **Example** (Starting)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 *
 * const started = Atlas.start("local-abcdefghijkl")
 * ```
 *
 * @category verbs
 * @since 0.1.0
 */
export const start = (id: string, options?: Options): Effect.Effect<void, AtlasError, Providers> =>
  at("start", options, (provider, call) => provider.power.start(id, call))

/**
 * Asks the provider to destroy a compute and its storage; an unknown id fails as `NotFound`.
 *
 * **When to use**
 *
 * Use {@link end} to be sure: a provider may accept this and still take its time.
 *
 * **Example** (Counting "not there" as done)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 * import * as Effect from "effect/Effect"
 *
 * const done = Atlas.terminate("local-abcdefghijkl").pipe(
 *   Effect.catchReason("AtlasError", "NotFound", () => Effect.void)
 * )
 * ```
 *
 * @category verbs
 * @since 0.1.0
 */
export const terminate = (id: string, options?: Options): Effect.Effect<void, AtlasError, Providers> =>
  at("terminate", options, (provider, call) => provider.compute.terminate(id, call))

/**
 * Ends a compute and verifies that it is gone, asking again for up to 30 seconds; one that is not there is gone.
 *
 * **Details**
 *
 * What cannot be verified fails as `Uncertain`, with the id in `computeId`.
 *
 * **Example** (Making sure)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 *
 * const gone = Atlas.end("local-abcdefghijkl")
 * ```
 *
 * @category verbs
 * @since 0.1.0
 */
export const end = (id: string, options?: Options): Effect.Effect<void, AtlasError, Providers> =>
  at("end", options, (provider, call) => provider.compute.end(id, call))

/**
 * The GPUs a provider offers, with prices in US dollars per hour.
 *
 * **Example** (The cheapest)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 * import * as Effect from "effect/Effect"
 *
 * const prices = Effect.map(
 *   Atlas.listGpuTypes({ provider: "mock" }),
 *   (types) => types.map((type) => [type.id, type.lowestPricePerHour] as const)
 * )
 * ```
 *
 * @category verbs
 * @since 0.1.0
 */
export const listGpuTypes = (options?: Options): Effect.Effect<ReadonlyArray<GpuType>, AtlasError, Providers> =>
  at("listGpuTypes", options, (provider, call) => provider.gpus.list(call))

/**
 * What a provider can do, and whether this version can talk to it at all; needs no key.
 *
 * **Example** (Asking before using)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 * import * as Effect from "effect/Effect"
 *
 * const canStop = Effect.map(
 *   Atlas.capabilities({ provider: "local" }),
 *   ({ capabilities }) => capabilities.includes("power")
 * )
 * ```
 *
 * @category verbs
 * @since 0.1.0
 */
export const capabilities = (options?: Pick<Options, "provider">): Effect.Effect<
  {
    readonly provider: ProviderId
    readonly capabilities: ReadonlyArray<Capability>
    readonly implemented: boolean
  },
  AtlasError,
  Providers
> =>
  at(
    "capabilities",
    options,
    ({ capabilities, id, implemented }) => Effect.succeed({ provider: id, capabilities, implemented })
  )

/**
 * The lines a compute has written, in order; `follow` goes on until it has ended, `after` resumes at a cursor.
 *
 * **Example** (Following)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 * import * as Console from "effect/Console"
 * import * as Stream from "effect/Stream"
 *
 * const follow = (id: string) =>
 *   Stream.runForEach(Atlas.streamLogs(id, { follow: true }), (line) => Console.log(line.text))
 * ```
 *
 * @category verbs
 * @since 0.1.0
 */
export const streamLogs = (
  id: string,
  logs?: LogOptions,
  options?: Options
): Stream.Stream<LogElement, AtlasError, Providers> =>
  Stream.unwrap(at("streamLogs", options, (provider, call) => Effect.succeed(provider.logs.stream(id, logs, call))))

/**
 * Options of {@link awaitReady}.
 *
 * @category models
 * @since 0.1.0
 */
export interface AwaitOptions extends Options {
  /** Give up after this long, never later; default 15 minutes. */
  readonly timeout?: CallOptions["timeout"]
  /** Look this often, give or take a tenth; default: what suits the provider (5 seconds for a cloud). */
  readonly interval?: CallOptions["timeout"]
}

/**
 * Waits until a compute is running and answers it as observed; ends nothing.
 *
 * **Details**
 *
 * Fails as `Timeout` with `lastSeen`, as `Ended` with `status` and `exitCode` when it stopped, failed or is gone, as
 * `NotFound` when it was never there. A failed look decides nothing: the next one is made later, up to 8 intervals.
 *
 * **Example** (Five minutes at most)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 * import * as Effect from "effect/Effect"
 *
 * const ready = (id: string) =>
 *   Atlas.awaitReady(id, { timeout: "5 minutes" }).pipe(
 *     Effect.catchReason("AtlasError", "Ended", (ended) => Effect.die(`exit code ${ended.exitCode}`))
 *   )
 * ```
 *
 * @category verbs
 * @since 0.1.0
 */
export const awaitReady = (id: string, options?: AwaitOptions): Effect.Effect<Compute, AtlasError, Providers> => {
  const { interval, timeout, ...rest } = options ?? {}
  return at("awaitReady", rest, (provider, call) => Readiness.awaitRunning(provider, id, { interval, timeout }, call))
}

/**
 * Rents a compute that belongs to the scope: closing it, however it closes, ends the compute and verifies it is gone.
 *
 * **Details**
 *
 * Interruption during the create is covered too: what may have been rented is looked for by name and ended.
 *
 * **Gotchas**
 *
 * A scope cannot fail while closing. A compute that could not be verified as gone is logged as an error and surfaces
 * as a defect holding the `AtlasError`; use {@link withCompute} to have it in the error channel.
 *
 * **Example** (As long as the scope)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.scoped(Effect.gen(function*() {
 *   const compute = yield* Atlas.scoped({ command: ["sleep", "60"] }, { provider: "local" })
 *   yield* Effect.log(compute.id)
 * }))
 * ```
 *
 * @category verbs
 * @since 0.1.0
 */
export const scoped = (
  request: Input | ComputeRequest,
  options?: Options
): Effect.Effect<Compute, AtlasError, Providers | Scope.Scope> =>
  at("scoped", options, ({ compute }, call) =>
    Effect.gen(function*() {
      const rent = yield* compute.prepare(request, call)
      const { acquire, handBack } = Lease.make(compute, rent, call)
      // promised before anything is asked for, so no interrupt can come in between
      yield* Effect.addFinalizer(() =>
        handBack.pipe(
          Effect.tapError((error) => Effect.logError(`${rent.name} could not be verified as ended: ${error.message}`)),
          Effect.orDie
        )
      )
      return yield* acquire
    }))

/**
 * Rents a compute, uses it, and hands it back verified; what could not be verified fails as `Uncertain` with the id.
 *
 * **Example** (Use and return)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 *
 * const url = Atlas.withCompute(
 *   { command: ["node", "server.js"], ports: ["8000/http"] },
 *   (compute) => Atlas.awaitReady(compute.id)
 * )
 * ```
 *
 * @category verbs
 * @since 0.1.0
 */
export const withCompute = <A, E, R>(
  request: Input | ComputeRequest,
  use: (compute: Compute) => Effect.Effect<A, E, R>,
  options?: Options
): Effect.Effect<A, AtlasError | E, Providers | R> =>
  at("withCompute", options, ({ compute }, call) =>
    Effect.flatMap(compute.prepare(request, call), (rent) => {
      const { acquire, handBack } = Lease.make(compute, rent, call)
      return Effect.onExit(Effect.flatMap(acquire, use), () => handBack)
    }))
