/**
 * What an adapter writes: the few things only it can know about its cloud. `Provider.make` adds the rest.
 *
 * Adapters fail with bare reasons; the service adds the provider and the operation.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { AtlasErrorReason } from "../domain/AtlasError.ts"
import { type Compute, ComputeStatus } from "../domain/Compute.ts"
import type { ComputeRequest } from "../domain/ComputeRequest.ts"
import type { Credential } from "../domain/Credential.ts"
import type { GpuType } from "../domain/Gpu.ts"
import type { GpuEntry } from "../domain/GpuCatalog.ts"
import type { ComputeId } from "../domain/Ids.ts"
import type { Job, JobStatus } from "../domain/Job.ts"
import type { JobRef, JobRequest } from "../domain/JobRequest.ts"
import type { LogElement } from "../domain/LogElement.ts"
import type {
  Endpoint,
  NetworkVolume,
  NetworkVolumeRequest,
  Spend,
  SpendWindow,
  Template,
  TemplateRequest
} from "../domain/Resources.ts"
import type { Call } from "./Call.ts"
import type { Flag } from "./Capability.ts"
import type { Variables } from "./ContainerEnv.ts"
import type { Unaddressable } from "./Listing.ts"
import type { NameStamp } from "./NameStamp.ts"

type Answer<A> = Effect.Effect<A, AtlasErrorReason>

/**
 * A spawn before its adapter has checked it: the request, and everything that is decided for all providers alike.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpawnDraft {
  readonly request: ComputeRequest
  readonly stamp: NameStamp
  /** The stamped name of the compute to be; a lost answer is resolved by looking for it. */
  readonly name: string
  /** The whole environment of the container, credentials included. */
  readonly env: Variables
  /** The credential that `env` carries, for the caller alone; null without one, and where a request is only checked. */
  readonly auth: Credential | null
}

/**
 * A spawn that is checked and ready to be sent exactly once.
 *
 * **Details**
 *
 * For the adapter `prepared` is what its own `prepare` answered, such as the body of the request. Everywhere else it is
 * an empty handle: only the provider that prepared the spawn knows what it stands for.
 *
 * @category models
 * @since 0.1.0
 */
export interface PreparedSpawn<Prepared = object> extends SpawnDraft {
  readonly prepared: Prepared
}

/**
 * Which computes to list; several conditions combine with AND.
 *
 * **Details**
 *
 * `name` matches the stamped name, also of a compute that was renamed, or the name it was stamped from, `gpu` the canonical or the provider's own name.
 *
 * @category models
 * @since 0.1.0
 */
export const ComputeFilter = Schema.Struct({
  status: Schema.optional(ComputeStatus),
  name: Schema.optional(Schema.NonEmptyString),
  region: Schema.optional(Schema.NonEmptyString),
  gpu: Schema.optional(Schema.NonEmptyString)
})

/**
 * @category models
 * @since 0.1.0
 */
export type ComputeFilter = typeof ComputeFilter.Type

/** They are held in memory until the last one is known. */
const longestTail = 100_000

/**
 * Which log lines: all so far, or those after a cursor; `follow` goes on until the compute has ended.
 *
 * **Details**
 *
 * `tail` leaves out all but the last so many of those that are there; with `follow` all that come later are given too. To an
 * adapter it is a hint, from which it may save itself a long read: more lines than asked for are left out afterwards. An adapter
 * never gets it together with `follow`.
 *
 * @category models
 * @since 0.1.0
 */
export const LogOptions = Schema.Struct({
  follow: Schema.optional(Schema.Boolean),
  after: Schema.optional(Schema.NullOr(Schema.NonEmptyString)),
  tail: Schema.optional(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: longestTail })))
})

/**
 * @category models
 * @since 0.1.0
 */
export type LogOptions = typeof LogOptions.Type

/**
 * Looking and ending: what {@link ComputeAdapter} has beside its create.
 *
 * @category facets
 * @since 0.1.0
 */
export interface LookAdapter {
  readonly get: (id: ComputeId, call: Call) => Answer<Compute>
  /**
   * The whole account or a failure, never a part; the filter is a hint, it is applied again to the answer. An entry that no call
   * can be made about is answered as `Unaddressable`, since it may be any machine that is looked for.
   */
  readonly list: (filter: ComputeFilter, call: Call) => Answer<ReadonlyArray<Compute | Unaddressable>>
  /** Ends it for good; an unknown id fails as `NotFound`. */
  readonly terminate: (id: ComputeId, call: Call) => Answer<void>
}

/**
 * A create that is prepared first: what `prepare` answers is what `send` sends, so that a request is built once.
 *
 * @category facets
 * @since 0.1.0
 */
export interface PreparedCreate<Prepared> {
  readonly check?: undefined
  readonly spawn?: undefined
  /** Every check that needs no request; answers what is to be sent, such as a body as the cloud wants it. */
  readonly prepare: (draft: SpawnDraft, call: Call) => Answer<Prepared>
  /** Sends one create. A lost answer, a 5xx or an unreadable success fails as `Uncertain` and is never repeated. */
  readonly send: (spawn: PreparedSpawn<Prepared>, call: Call) => Answer<Compute>
}

/**
 * A create with nothing to prepare.
 *
 * @category facets
 * @since 0.1.0
 */
export interface PlainCreate {
  readonly prepare?: undefined
  readonly send?: undefined
  /** Every check that needs no request: runs before anything is sent. */
  readonly check?: (request: ComputeRequest, call: Call) => Answer<void>
  /** Sends one create. A lost answer, a 5xx or an unreadable success fails as `Uncertain` and is never repeated. */
  readonly spawn: (draft: SpawnDraft, call: Call) => Answer<Compute>
}

/**
 * Renting, looking and ending: the facet every provider has.
 *
 * **Details**
 *
 * An adapter creates in one of two ways: `check` and `spawn`, or, where the check builds what is sent, `prepare` and
 * `send`.
 *
 * @category facets
 * @since 0.1.0
 */
export type ComputeAdapter<Prepared = never> = LookAdapter & (PlainCreate | PreparedCreate<Prepared>)

/**
 * Stopping with the storage kept, and starting again.
 *
 * @category facets
 * @since 0.1.0
 */
export interface PowerAdapter {
  readonly stop: (id: ComputeId, call: Call) => Answer<void>
  readonly start: (id: ComputeId, call: Call) => Answer<void>
}

/**
 * The catalog of what can be rented.
 *
 * @category facets
 * @since 0.1.0
 */
export interface GpusAdapter {
  readonly list: (call: Call) => Answer<ReadonlyArray<GpuType>>
}

/**
 * What a compute has written.
 *
 * @category facets
 * @since 0.1.0
 */
export interface LogsAdapter {
  readonly stream: (
    id: ComputeId,
    options: LogOptions,
    call: Call
  ) => Stream.Stream<LogElement, AtlasErrorReason>
  /** Whether a reading that has begun goes on to the log's end when its compute is removed meanwhile; default false. */
  readonly outlivesCompute?: boolean
  /**
   * The exit code in the `ExitMarker` of this stamped name, which `stream` keeps to itself: with `follow` waits until it is
   * written, else answers null where it is not there. Only for clouds whose commands write one; see `self_terminate`.
   */
  readonly exit?: (
    id: ComputeId,
    options: { readonly name: string; readonly follow: boolean },
    call: Call
  ) => Answer<number | null>
}

/**
 * One answer of a running job: its output since the previous answer, and its status.
 *
 * @category models
 * @since 0.1.0
 */
export interface JobChunk {
  readonly items: ReadonlyArray<Schema.Json>
  readonly status: JobStatus
  /** What the worker said of a failure; null while there is none. */
  readonly error: string | null
}

/**
 * Serverless jobs.
 *
 * @category facets
 * @since 0.1.0
 */
export interface JobsAdapter {
  /** Sends one submit, never repeated: a lost answer is `Uncertain`. */
  readonly submit: (request: JobRequest, call: Call) => Answer<Job>
  readonly get: (job: JobRef, call: Call) => Answer<Job>
  readonly cancel: (job: JobRef, call: Call) => Answer<void>
  /** What the job has put out since the last time it was asked. */
  readonly chunk: (job: JobRef, call: Call) => Answer<JobChunk>
}

/**
 * Network volumes.
 *
 * @category facets
 * @since 0.1.0
 */
export interface VolumesAdapter {
  readonly list: (call: Call) => Answer<ReadonlyArray<NetworkVolume>>
  readonly get: (id: string, call: Call) => Answer<NetworkVolume>
  readonly create: (request: NetworkVolumeRequest, call: Call) => Answer<NetworkVolume>
  readonly delete: (id: string, call: Call) => Answer<void>
}

/**
 * Templates.
 *
 * @category facets
 * @since 0.1.0
 */
export interface TemplatesAdapter {
  readonly list: (call: Call) => Answer<ReadonlyArray<Template>>
  readonly get: (id: string, call: Call) => Answer<Template>
  readonly create: (request: TemplateRequest, call: Call) => Answer<Template>
  readonly delete: (id: string, call: Call) => Answer<void>
}

/**
 * Serverless endpoints.
 *
 * @category facets
 * @since 0.1.0
 */
export interface EndpointsAdapter {
  readonly list: (call: Call) => Answer<ReadonlyArray<Endpoint>>
  readonly get: (id: string, call: Call) => Answer<Endpoint>
  readonly delete: (id: string, call: Call) => Answer<void>
}

/**
 * The bill.
 *
 * @category facets
 * @since 0.1.0
 */
export interface BillingAdapter {
  readonly spend: (id: ComputeId, window: SpendWindow, call: Call) => Answer<Spend>
}

/**
 * What only some clouds can do for a request, written as the fields of `providerOpts` that ask for it; what is missing is unsupported.
 *
 * @category facets
 * @since 0.1.0
 */
export interface RequestOpts {
  /** A machine with at least this CUDA version, such as `12.8`. */
  readonly minCuda?: (version: string, call: Call) => Answer<Opts>
  /** The credential for a private image registry, by the name or the id it has in the account. */
  readonly registryAuth?: (name: string, call: Call) => Answer<Opts>
  /** The most bytes that the log of the machine may have, such as `1073741824`. */
  readonly logLimit?: (bytes: string) => Answer<Opts>
}

/**
 * Fields of `providerOpts`.
 *
 * @category models
 * @since 0.1.0
 */
export type Opts = Readonly<Record<string, Schema.Json>>

/**
 * A provider as its adapter writes it: an id, the compute facet, and the other facets that its cloud has.
 *
 * @category models
 * @since 0.1.0
 */
export interface Adapter<Prepared = never> {
  /** What this account is called in everything that is said of it; whatever names `provider` in an answer, this is put there. */
  readonly id: string
  /** The kind of cloud, where a second account of it has an id of its own; default the id. */
  readonly cloud?: string
  /** Capabilities that do not follow from a facet; default none. */
  readonly flags?: ReadonlyArray<Flag>
  /** What the cloud calls the GPUs that have a canonical name; default none. */
  readonly gpuNames?: ReadonlyArray<GpuEntry>
  /** Names in `providerOpts`, at any depth, whose values an orchestrator must not store; default none. */
  readonly secretOpts?: ReadonlyArray<string>
  /** What a request may ask for beside its fields, written into `providerOpts`; default nothing. */
  readonly requestOpts?: RequestOpts
  /** Names of settings that are missing, such as an API key's environment variable; default none. */
  readonly missing?: ReadonlyArray<string>
  /** How long after a create it may still be absent from a listing; default 5 seconds. */
  readonly settleWindow?: Duration.Input
  /** How often to look while waiting for a compute to become ready; default 5 seconds. */
  readonly pollInterval?: Duration.Input
  /**
   * How many requests of a kind (creates, looks, ends) an orchestrator may have under way at once; default 256. It bounds
   * connections: request limits of an account are kept by `RateLimits`.
   */
  readonly concurrency?: number
  readonly compute: ComputeAdapter<Prepared>
  readonly power?: PowerAdapter
  readonly gpus?: GpusAdapter
  readonly logs?: LogsAdapter
  readonly jobs?: JobsAdapter
  readonly volumes?: VolumesAdapter
  readonly templates?: TemplatesAdapter
  readonly endpoints?: EndpointsAdapter
  readonly billing?: BillingAdapter
}

/**
 * Types an adapter exactly, where it is not written inside of `Provider.make` itself.
 *
 * **Example** (A type for one's own adapter)
 *
 * ```ts
 * import { AtlasError, Provider } from "effect-atlas"
 * import * as Adapter from "effect-atlas/provider/Adapter"
 * import * as Effect from "effect/Effect"
 *
 * const nowhere = Effect.fail(new AtlasError.NotFound({ message: "there is nothing here" }))
 *
 * const adapterOf = (options: { readonly image: string }) =>
 *   Adapter.make({
 *     id: "acme",
 *     compute: {
 *       prepare: ({ name }) => Effect.succeed({ label: name, image: options.image }),
 *       send: ({ prepared }) => Effect.fail(new AtlasError.NoCapacity({ message: `no room for ${prepared.label}` })),
 *       get: () => nowhere,
 *       list: () => Effect.succeed([]),
 *       terminate: () => nowhere
 *     },
 *     power: { stop: () => nowhere, start: () => nowhere }
 *   })
 *
 * const acme = Provider.make(adapterOf({ image: "me/server" }))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <const A, Prepared = never>(adapter: A & Adapter<Prepared>): A => adapter
