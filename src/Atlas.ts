/**
 * The verbs of the library, the same for every provider: rent a compute, look at it, wait for it and end it; run serverless
 * jobs; manage network volumes, templates and endpoints; and tie a compute to a scope.
 *
 * Every verb takes the provider with the call (an id or a value) or uses the default of `Providers`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { AtlasError } from "./domain/AtlasError.ts"
import type { Compute } from "./domain/Compute.ts"
import type { ComputeRequest, Input } from "./domain/ComputeRequest.ts"
import type { GpuType } from "./domain/Gpu.ts"
import type { ProviderId } from "./domain/Ids.ts"
import type { Job } from "./domain/Job.ts"
import type { Input as JobInput, JobRef, JobRequest } from "./domain/JobRequest.ts"
import type { LogElement } from "./domain/LogElement.ts"
import type * as Ready from "./domain/Ready.ts"
import type {
  Endpoint,
  NetworkVolume,
  NetworkVolumeRequest,
  Spend,
  SpendWindow,
  Template,
  TemplateInput
} from "./domain/Resources.ts"
import * as JobRunner from "./jobs/JobRunner.ts"
import * as JobStream from "./jobs/JobStream.ts"
import type { ComputeFilter, LogOptions } from "./provider/Adapter.ts"
import type { CallOptions } from "./provider/Call.ts"
import type { Capability } from "./provider/Capability.ts"
import type { EndOptions as FacetEndOptions } from "./provider/Facets.ts"
import * as Lease from "./provider/Lease.ts"
import * as Observed from "./provider/Observed.ts"
import type { Service } from "./provider/Provider.ts"
import { Providers, type Which } from "./provider/Providers.ts"
import * as Readiness from "./provider/Readiness.ts"

/**
 * Options of a call: the provider to use, and those of {@link CallOptions}, which override the provider's own.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends CallOptions {
  /** Default: the default of `Providers`. */
  readonly provider?: Which | undefined
}

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
  /** Ports that were asked for, as in a decoded request; those that the compute itself lists count anyway. */
  readonly ports?: ReadonlyArray<Ready.WantedPort> | undefined
}

/**
 * Options of {@link end}.
 *
 * @category models
 * @since 0.1.0
 */
export interface EndOptions extends Options, Pick<FacetEndOptions, "name" | "mustExist"> {}

/** Finds the provider of a call, and calls it with the remaining options. */
const withProvider = <A, E, R>(
  operation: string,
  options: Options | undefined,
  ask: (provider: Service, call: CallOptions | undefined) => Effect.Effect<A, E, R>
): Effect.Effect<A, AtlasError | E, Providers | R> =>
  Effect.flatMap(Providers, (providers) => {
    if (options === undefined) {
      return Effect.flatMap(providers.get(undefined, operation), (found) => ask(found, undefined))
    }
    const { provider, ...call } = options
    return Effect.flatMap(providers.get(provider, operation), (found) => ask(found, call))
  })

/**
 * Rents one compute and answers as soon as the provider has accepted it; see {@link awaitReady} to wait for it.
 *
 * **Details**
 *
 * The create is sent once. When its answer is lost, the compute is looked for by its stamped name before this fails; where it is
 * found, this answers when two settle windows have passed and whatever else the create made is ended.
 * Interrupting ends what was rented. Fails as `Validation` or `Unsupported` before anything is sent, as `NoCapacity`
 * or another refusal when nothing was created, as `Uncertain` when a compute may exist.
 *
 * **Gotchas**
 *
 * The caller must end the compute. {@link scoped} and {@link withCompute} do it for you.
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
 * @category renting
 * @since 0.1.0
 */
export const spawnCompute = (
  request: Input | ComputeRequest,
  options?: Options
): Effect.Effect<Compute, AtlasError, Providers> =>
  withProvider("spawnCompute", options, (provider, call) => provider.compute.spawn(request, call))

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
 * @category looking
 * @since 0.1.0
 */
export const getCompute = (id: string, options?: Options): Effect.Effect<Compute, AtlasError, Providers> =>
  withProvider("getCompute", options, (provider, call) => provider.compute.get(id, call))

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
 * @category looking
 * @since 0.1.0
 */
export const listCompute = (
  filter?: ComputeFilter,
  options?: Options
): Effect.Effect<ReadonlyArray<Compute>, AtlasError, Providers> =>
  withProvider("listCompute", options, (provider, call) => provider.compute.list(filter, call))

/**
 * Waits until a compute is ready and answers it as observed; ends nothing.
 *
 * **Details**
 *
 * Ready means that it runs and that each port, of those it lists and of `ports`, has an address; clouds report machines as
 * running long before that. A `Timeout` names the ports that are missing.
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
 * @category looking
 * @since 0.1.0
 */
export const awaitReady = (id: string, options?: AwaitOptions): Effect.Effect<Compute, AtlasError, Providers> => {
  const { interval, ports, timeout, ...rest } = options ?? {}
  return withProvider(
    "awaitReady",
    rest,
    (provider, call) =>
      Observed.call(provider, "awaitReady", id)(
        Readiness.awaitReady(provider, id, { interval, ports, timeout }, call)
      )
  )
}

/**
 * The lines a compute has written, in order; `follow` goes on until it has ended, `after` resumes at a cursor, `tail` leaves out
 * all but the last so many of those that are there.
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
 * @category looking
 * @since 0.1.0
 */
export const streamLogs = (
  id: string,
  logs?: LogOptions,
  options?: Options
): Stream.Stream<LogElement, AtlasError, Providers> =>
  Stream.unwrap(
    withProvider("streamLogs", options, (provider, call) => Effect.succeed(provider.logs.stream(id, logs, call)))
  )

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
 * @category looking
 * @since 0.1.0
 */
export const listGpuTypes = (options?: Options): Effect.Effect<ReadonlyArray<GpuType>, AtlasError, Providers> =>
  withProvider("listGpuTypes", options, (provider, call) => provider.gpus.list(call))

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
 * @category looking
 * @since 0.1.0
 */
export const capabilities = (options?: Pick<Options, "provider">): Effect.Effect<
  {
    readonly provider: ProviderId
    /** The kind of cloud it is an account of. */
    readonly cloud: string
    readonly capabilities: ReadonlyArray<Capability>
    readonly implemented: boolean
  },
  AtlasError,
  Providers
> =>
  withProvider(
    "capabilities",
    options,
    ({ capabilities, cloud, id, implemented }) => Effect.succeed({ provider: id, cloud, capabilities, implemented })
  )

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
 * @category power
 * @since 0.1.0
 */
export const stop = (id: string, options?: Options): Effect.Effect<void, AtlasError, Providers> =>
  withProvider("stop", options, (provider, call) => provider.power.stop(id, call))

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
 * @category power
 * @since 0.1.0
 */
export const start = (id: string, options?: Options): Effect.Effect<void, AtlasError, Providers> =>
  withProvider("start", options, (provider, call) => provider.power.start(id, call))

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
 * @category ending
 * @since 0.1.0
 */
export const terminate = (id: string, options?: Options): Effect.Effect<void, AtlasError, Providers> =>
  withProvider("terminate", options, (provider, call) => provider.compute.terminate(id, call))

/**
 * Ends a compute and verifies that it is gone, asking again for up to 30 seconds; one that is not there is gone.
 *
 * **Details**
 *
 * A cloud may have made a second one under the same name: after the end of this one, the name it was seen to have is looked
 * for once, or until two settle windows have passed since its create, and whatever bears it is ended too. What cannot be
 * verified fails as `Uncertain`, with the id in `computeId` or the name in `computeName`.
 *
 * **Example** (Making sure)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 * import * as Effect from "effect/Effect"
 *
 * const gone = Effect.flatMap(
 *   Atlas.spawnCompute({ gpu: "h100", image: "me/server" }),
 *   ({ id, name }) => Atlas.end(id, { name })
 * )
 * ```
 *
 * @category ending
 * @since 0.1.0
 */
export const end = (id: string, options?: EndOptions): Effect.Effect<void, AtlasError, Providers> =>
  Effect.suspend(() => {
    const { mustExist, name, ...rest } = options ?? {}
    return withProvider("end", rest, (provider, call) => provider.compute.end(id, { ...call, mustExist, name }))
  })

/** Only the endpoint and the id: callers may give a whole job where they are meant. */
const refOf = ({ endpoint, id }: JobRef): JobRef => ({ endpoint, id })

/**
 * Submits a job to a serverless endpoint; mode `sync` waits for its end within the request's `timeout`.
 *
 * **Details**
 *
 * The submit is sent once: a lost answer fails as `Uncertain`, since a second submit could run the job twice. A `sync`
 * job that the server let go before its end answers with the status it had; go on with {@link awaitJob}.
 *
 * **Example** (Submit, then wait)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const job = yield* Atlas.runJob({ endpoint: "abc123", input: { prompt: "hello" } })
 *   const done = yield* Atlas.awaitJob(job, { timeout: "5 minutes" })
 *   return done.output
 * })
 * ```
 *
 * @category jobs
 * @since 0.1.0
 */
export const runJob = (
  request: JobInput | JobRequest,
  options?: Options
): Effect.Effect<Job, AtlasError, Providers> =>
  withProvider("runJob", options, (provider, call) => JobRunner.run(provider, request, call))

/**
 * A job as the provider sees it now.
 *
 * **Example** (Looking)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 *
 * const job = Atlas.getJob({ endpoint: "abc123", id: "job-1" })
 * ```
 *
 * @category jobs
 * @since 0.1.0
 */
export const getJob = (job: JobRef, options?: Options): Effect.Effect<Job, AtlasError, Providers> =>
  withProvider("getJob", options, (provider, call) => provider.jobs.get(refOf(job), call))

/**
 * Waits until a job is final and answers it; one that did not complete fails as `ProviderFault` with its status in `code`.
 *
 * **Details**
 *
 * `timeout` is how long to wait at most, default for ever; past it this fails as `Timeout` and the job goes on.
 *
 * **Example** (Waiting)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 *
 * const done = Atlas.awaitJob({ endpoint: "abc123", id: "job-1" }, { timeout: "10 minutes" })
 * ```
 *
 * @category jobs
 * @since 0.1.0
 */
export const awaitJob = (job: JobRef, options?: Options): Effect.Effect<Job, AtlasError, Providers> => {
  const { timeout, ...rest } = options ?? {}
  return withProvider(
    "awaitJob",
    rest,
    (provider, call) =>
      Observed.call(provider, "awaitJob")(JobRunner.awaitFinal(provider, refOf(job), { timeout }, call))
  )
}

/**
 * The output of a job while it runs, each item once and in order; ends when the job has completed, fails when it did not.
 *
 * **Details**
 *
 * Lazy: nothing is requested before the first pull, nothing after the consumer has stopped. `timeout` bounds the whole
 * stream, `idleTimeout` the time without anything new.
 *
 * **Example** (Printing tokens)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 * import * as Console from "effect/Console"
 * import * as Stream from "effect/Stream"
 *
 * const printed = Stream.runForEach(
 *   Atlas.streamJob({ endpoint: "abc123", id: "job-1" }, { idleTimeout: "1 minute" }),
 *   (item) => Console.log(item)
 * )
 * ```
 *
 * @category jobs
 * @since 0.1.0
 */
export const streamJob = (
  job: JobRef,
  options?: Options & JobStream.Limits
): Stream.Stream<Schema.Json, AtlasError, Providers> => {
  const { idleTimeout, timeout, ...rest } = options ?? {}
  return Stream.unwrap(
    withProvider(
      "streamJob",
      rest,
      (provider, call) =>
        Effect.succeed(
          Observed.stream(provider, "streamJob")(JobStream.make(provider, refOf(job), { timeout, idleTimeout }, call))
        )
    )
  )
}

/**
 * Asks the provider to cancel a job.
 *
 * **Example** (Cancelling)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 *
 * const cancelled = Atlas.cancelJob({ endpoint: "abc123", id: "job-1" })
 * ```
 *
 * @category jobs
 * @since 0.1.0
 */
export const cancelJob = (job: JobRef, options?: Options): Effect.Effect<void, AtlasError, Providers> =>
  withProvider("cancelJob", options, (provider, call) => provider.jobs.cancel(refOf(job), call))

type ResourceAnswer<A> = Effect.Effect<A, AtlasError, Providers>

/**
 * What a compute has cost within a window, as the provider bills it; billing lags, so this is no live figure.
 *
 * **Details**
 *
 * `from` and `to` are instants; where both are left out the provider's own window holds, and the answer says which.
 *
 * **Example** (Since a day)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 * import * as DateTime from "effect/DateTime"
 *
 * const spend = Atlas.computeSpend("pod1", { from: DateTime.makeUnsafe("2026-11-01T00:00:00Z") }, { provider: "acme" })
 * ```
 *
 * @category resources
 * @since 0.1.0
 */
export const computeSpend = (id: string, window?: SpendWindow, options?: Options): ResourceAnswer<Spend> =>
  withProvider("computeSpend", options, (provider, call) => provider.billing.spend(id, window, call))

/**
 * All network volumes of the account.
 *
 * @category resources
 * @since 0.1.0
 */
export const listNetworkVolumes = (options?: Options): ResourceAnswer<ReadonlyArray<NetworkVolume>> =>
  withProvider("listNetworkVolumes", options, (provider, call) => provider.volumes.list(call))

/**
 * One network volume; an unknown id fails as `NotFound`.
 *
 * @category resources
 * @since 0.1.0
 */
export const getNetworkVolume = (id: string, options?: Options): ResourceAnswer<NetworkVolume> =>
  withProvider("getNetworkVolume", options, (provider, call) => provider.volumes.get(id, call))

/**
 * Makes a network volume, which costs money until it is deleted; a lost answer fails as `Uncertain`.
 *
 * **Example** (A hundred gigabytes)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 *
 * const volume = Atlas.createNetworkVolume({ name: "models", sizeGb: 100, region: "EU-RO-1" }, { provider: "acme" })
 * ```
 *
 * @category resources
 * @since 0.1.0
 */
export const createNetworkVolume = (
  request: typeof NetworkVolumeRequest.Encoded,
  options?: Options
): ResourceAnswer<NetworkVolume> =>
  withProvider("createNetworkVolume", options, (provider, call) => provider.volumes.create(request, call))

/**
 * Deletes a network volume with everything on it.
 *
 * @category resources
 * @since 0.1.0
 */
export const deleteNetworkVolume = (id: string, options?: Options): ResourceAnswer<void> =>
  withProvider("deleteNetworkVolume", options, (provider, call) => provider.volumes.delete(id, call))

/**
 * All templates of the account.
 *
 * @category resources
 * @since 0.1.0
 */
export const listTemplates = (options?: Options): ResourceAnswer<ReadonlyArray<Template>> =>
  withProvider("listTemplates", options, (provider, call) => provider.templates.list(call))

/**
 * One template; an unknown id fails as `NotFound`.
 *
 * @category resources
 * @since 0.1.0
 */
export const getTemplate = (id: string, options?: Options): ResourceAnswer<Template> =>
  withProvider("getTemplate", options, (provider, call) => provider.templates.get(id, call))

/**
 * Makes a template; a lost answer fails as `Uncertain`.
 *
 * **Example** (A server set up once)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 *
 * const template = Atlas.createTemplate({ name: "server", image: "me/server" }, { provider: "acme" })
 * ```
 *
 * @category resources
 * @since 0.1.0
 */
export const createTemplate = (request: TemplateInput, options?: Options): ResourceAnswer<Template> =>
  withProvider("createTemplate", options, (provider, call) => provider.templates.create(request, call))

/**
 * Deletes a template.
 *
 * @category resources
 * @since 0.1.0
 */
export const deleteTemplate = (id: string, options?: Options): ResourceAnswer<void> =>
  withProvider("deleteTemplate", options, (provider, call) => provider.templates.delete(id, call))

/**
 * All serverless endpoints of the account.
 *
 * @category resources
 * @since 0.1.0
 */
export const listEndpoints = (options?: Options): ResourceAnswer<ReadonlyArray<Endpoint>> =>
  withProvider("listEndpoints", options, (provider, call) => provider.endpoints.list(call))

/**
 * One serverless endpoint; an unknown id fails as `NotFound`.
 *
 * @category resources
 * @since 0.1.0
 */
export const getEndpoint = (id: string, options?: Options): ResourceAnswer<Endpoint> =>
  withProvider("getEndpoint", options, (provider, call) => provider.endpoints.get(id, call))

/**
 * Deletes a serverless endpoint with its workers.
 *
 * @category resources
 * @since 0.1.0
 */
export const deleteEndpoint = (id: string, options?: Options): ResourceAnswer<void> =>
  withProvider("deleteEndpoint", options, (provider, call) => provider.endpoints.delete(id, call))

/**
 * Rents a compute that belongs to the scope: closing it, however it closes, ends the compute and verifies it is gone.
 *
 * **Details**
 *
 * Interruption during the create is covered too: what may have been rented is looked for by name and ended. So is a second
 * compute that the cloud made under the same name: a listing after the end shows that none is left. It is made when two settle
 * windows (twice 5 seconds, unless the provider says otherwise) have passed since the create, so a shorter use ends that late.
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
 * @category scopes
 * @since 0.1.0
 */
export const scoped = (
  request: Input | ComputeRequest,
  options?: Options
): Effect.Effect<Compute, AtlasError, Providers | Scope.Scope> =>
  withProvider(
    "scoped",
    options,
    (provider, call) =>
      Effect.flatMap(Observed.holding(provider), ({ giveBack, take }) =>
        take(Effect.gen(function*() {
          const spawn = yield* provider.compute.prepare(request, call)
          const lease = Lease.make(provider.compute, spawn, call)
          // added before anything is sent, so that no interrupt can come in between
          yield* Effect.addFinalizer(() =>
            giveBack(spawn, lease.release).pipe(
              Effect.tapError((error) =>
                Effect.logError(`${spawn.name} could not be verified as ended: ${error.message}`)
              ),
              Effect.orDie
            )
          )
          return yield* lease.acquire
        })))
  )

/**
 * Rents a compute, uses it, ends it and verifies that it is gone, and any second one of its name with it, as {@link scoped}
 * does; what could not be verified fails as `Uncertain` with the id, or with the name where that could not be looked for.
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
 * @category scopes
 * @since 0.1.0
 */
export const withCompute = <A, E, R>(
  request: Input | ComputeRequest,
  use: (compute: Compute) => Effect.Effect<A, E, R>,
  options?: Options
): Effect.Effect<A, AtlasError | E, Providers | R> =>
  withProvider(
    "withCompute",
    options,
    (provider, call) =>
      Effect.flatMap(Observed.holding(provider), ({ giveBack, take }) =>
        Effect.suspend(() => {
          let release: Effect.Effect<void, AtlasError> = Effect.void
          const taken = take(Effect.flatMap(provider.compute.prepare(request, call), (spawn) => {
            const lease = Lease.make(provider.compute, spawn, call)
            release = giveBack(spawn, lease.release)
            return lease.acquire
          }))
          return Effect.onExit(Effect.flatMap(taken, use), () => release)
        }))
  )
