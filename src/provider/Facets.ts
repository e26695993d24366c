/**
 * The facets of a provider as its users see them: typed calls with one kind of error.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { Compute } from "../domain/Compute.ts"
import type { ComputeRequest, Input } from "../domain/ComputeRequest.ts"
import type { GpuType } from "../domain/Gpu.ts"
import type { GpuEntry } from "../domain/GpuCatalog.ts"
import type { ProviderId } from "../domain/Ids.ts"
import type { Job } from "../domain/Job.ts"
import type * as JobRequest from "../domain/JobRequest.ts"
import type { LogElement } from "../domain/LogElement.ts"
import type {
  Endpoint,
  NetworkVolume,
  NetworkVolumeRequest,
  Spend,
  SpendWindow,
  Template,
  TemplateInput
} from "../domain/Resources.ts"
import type { ComputeFilter, JobChunk, LogOptions, Opts, PreparedSpawn, RequestOpts } from "./Adapter.ts"
import type { CallOptions } from "./Call.ts"
import type { Capability } from "./Capability.ts"
import type { Listing } from "./Listing.ts"
import type { NameStamp } from "./NameStamp.ts"

type Answer<A> = Effect.Effect<A, AtlasError>

/**
 * Options of renting: those of any call, and the stamp to rent under for a caller that keeps track of its own stamps.
 *
 * @category models
 * @since 0.1.0
 */
export interface RentOptions extends CallOptions {
  /** Default: a new stamp with the owner `adhoc`. */
  readonly stamp?: NameStamp | undefined
}

/**
 * Options of ending: those of any call, and what the caller knows of how the compute was made.
 *
 * @category models
 * @since 0.1.0
 */
export interface EndOptions extends CallOptions {
  /**
   * Monotonic nanoseconds of the create's answer: until the settle window has passed since, "not found" proves
   * nothing, and until it has passed twice, "no other of this name" does not. Default: where this process rented it, then.
   */
  readonly madeAt?: bigint | undefined
  /**
   * The stamped name it was rented under: every other compute that bears it is ended too. Null ends the one id alone. Default:
   * the name it is seen to have, where it was rented without an orchestrator.
   */
  readonly name?: string | null | undefined
  /** An id that is not there, and any other refusal of the first delete, fails as such; default false: it counts as ended. */
  readonly mustExist?: boolean | undefined
}

/**
 * Renting, looking and ending.
 *
 * @category facets
 * @since 0.1.0
 */
export interface ComputeFacet {
  /**
   * Rents one compute. An unanswered create is looked for by its name; interrupting ends what was rented.
   *
   * Fails as `NoCapacity` and other refusals when nothing was created, as `Uncertain` when a compute may exist.
   */
  readonly spawn: (
    request: Input | ComputeRequest,
    options?: RentOptions
  ) => Effect.Effect<Compute, AtlasError>
  /** Checks a request as `prepare` does, without minting a credential; sends nothing. */
  readonly check: (
    request: Input | ComputeRequest,
    options?: RentOptions
  ) => Effect.Effect<void, AtlasError>
  /** Checks a request, mints its credential and builds the body of the create; sends nothing. */
  readonly prepare: (
    request: Input | ComputeRequest,
    options?: RentOptions
  ) => Effect.Effect<PreparedSpawn, AtlasError>
  /** Sends one create, and nothing else: an unanswered one fails as `Uncertain`, and the caller has to resolve it. */
  readonly rent: (spawn: PreparedSpawn, options?: CallOptions) => Effect.Effect<Compute, AtlasError>
  /**
   * Looks for what an unanswered create may have made, to the end of both settle windows: keeps the oldest, ends duplicates;
   * null when there is nothing.
   */
  readonly resolve: (spawn: PreparedSpawn, options?: CallOptions) => Effect.Effect<Compute | null, AtlasError>
  /** Ends every compute of the spawn's name and verifies that it is gone. */
  readonly abandon: (spawn: PreparedSpawn, options?: CallOptions) => Effect.Effect<void, AtlasError>
  /** One compute; `NotFound` when the provider does not know it. */
  readonly get: (id: string, options?: CallOptions) => Effect.Effect<Compute, AtlasError>
  /** All computes of the account that match; entries that cannot be addressed are left out, with a warning in the log. */
  readonly list: (filter?: ComputeFilter, options?: CallOptions) => Effect.Effect<ReadonlyArray<Compute>, AtlasError>
  /** The same, with every entry that cannot be addressed, whatever the filter: ask `Listing.provesAbsence` before missing one. */
  readonly listAll: (filter?: ComputeFilter, options?: CallOptions) => Effect.Effect<Listing, AtlasError>
  /** Asks for the end of a compute; `NotFound` when the provider does not know it. */
  readonly terminate: (id: string, options?: CallOptions) => Effect.Effect<void, AtlasError>
  /** Ends a compute and verifies that it is gone, with whatever else bears its name; one that is not there counts as ended. */
  readonly end: (id: string, options?: EndOptions) => Effect.Effect<void, AtlasError>
}

/**
 * Stopping with the storage kept, and starting again.
 *
 * @category facets
 * @since 0.1.0
 */
export interface PowerFacet {
  readonly stop: (id: string, options?: CallOptions) => Effect.Effect<void, AtlasError>
  readonly start: (id: string, options?: CallOptions) => Effect.Effect<void, AtlasError>
}

/**
 * The catalog of what can be rented.
 *
 * @category facets
 * @since 0.1.0
 */
export interface GpusFacet {
  readonly list: (options?: CallOptions) => Effect.Effect<ReadonlyArray<GpuType>, AtlasError>
}

/**
 * What a compute has written.
 *
 * @category facets
 * @since 0.1.0
 */
export interface LogsFacet {
  /** Lines in order; lazy, nothing is asked before the first pull. */
  readonly stream: (
    id: string,
    logs?: LogOptions,
    options?: CallOptions
  ) => Stream.Stream<LogElement, AtlasError>
  /** Whether a reading that has begun goes on to the log's end when its compute is removed meanwhile; default false. */
  readonly outlivesCompute?: boolean
  /**
   * How the command of a machine ended, as its wrapper wrote at the end of the log (see `ExitMarker`), for the stamped name it was
   * rented under: with `follow` waits until that is written, else answers null where it is not there. Fails as `Unsupported` at a
   * provider whose commands write no such line.
   */
  readonly exit: (
    id: string,
    wanted: { readonly name: string; readonly follow?: boolean },
    options?: CallOptions
  ) => Answer<number | null>
}

/**
 * Serverless jobs.
 *
 * @category facets
 * @since 0.1.0
 */
export interface JobsFacet {
  /** Submits a job once; an unanswered submit fails as `Uncertain` and is never repeated. */
  readonly submit: (
    request: JobRequest.Input | JobRequest.JobRequest,
    options?: CallOptions
  ) => Answer<Job>
  readonly get: (job: JobRequest.JobRef, options?: CallOptions) => Answer<Job>
  readonly cancel: (job: JobRequest.JobRef, options?: CallOptions) => Answer<void>
  /** What the job has put out since the last time it was asked. */
  readonly chunk: (job: JobRequest.JobRef, options?: CallOptions) => Answer<JobChunk>
}

/**
 * Network volumes: disks of their own.
 *
 * @category facets
 * @since 0.1.0
 */
export interface VolumesFacet {
  readonly list: (options?: CallOptions) => Answer<ReadonlyArray<NetworkVolume>>
  readonly get: (id: string, options?: CallOptions) => Answer<NetworkVolume>
  readonly create: (request: typeof NetworkVolumeRequest.Encoded, options?: CallOptions) => Answer<NetworkVolume>
  readonly delete: (id: string, options?: CallOptions) => Answer<void>
}

/**
 * Templates: containers set up once.
 *
 * @category facets
 * @since 0.1.0
 */
export interface TemplatesFacet {
  readonly list: (options?: CallOptions) => Answer<ReadonlyArray<Template>>
  readonly get: (id: string, options?: CallOptions) => Answer<Template>
  readonly create: (request: TemplateInput, options?: CallOptions) => Answer<Template>
  readonly delete: (id: string, options?: CallOptions) => Answer<void>
}

/**
 * Serverless endpoints; making one is different at every provider and stays with its own client.
 *
 * @category facets
 * @since 0.1.0
 */
export interface EndpointsFacet {
  readonly list: (options?: CallOptions) => Answer<ReadonlyArray<Endpoint>>
  readonly get: (id: string, options?: CallOptions) => Answer<Endpoint>
  readonly delete: (id: string, options?: CallOptions) => Answer<void>
}

/**
 * The bill.
 *
 * @category facets
 * @since 0.1.0
 */
export interface BillingFacet {
  /** What a compute has cost within a window; billing lags, so this is no live figure. */
  readonly spend: (id: string, window?: SpendWindow, options?: CallOptions) => Answer<Spend>
}

/**
 * Every facet a provider may have.
 *
 * @category facets
 * @since 0.1.0
 */
export interface Facets {
  readonly compute: ComputeFacet
  readonly power: PowerFacet
  readonly gpus: GpusFacet
  readonly logs: LogsFacet
  readonly jobs: JobsFacet
  readonly volumes: VolumesFacet
  readonly templates: TemplatesFacet
  readonly endpoints: EndpointsFacet
  readonly billing: BillingFacet
}

/**
 * The name of a facet, such as `power`.
 *
 * @category facets
 * @since 0.1.0
 */
export type FacetName = keyof Facets

/**
 * What is known of a provider without asking it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Identity {
  /** What this account is called: two accounts of one cloud are two providers. */
  readonly id: ProviderId
  /** The kind of cloud it is an account of, such as `acme`; the id, unless it was given another one. */
  readonly cloud: string
  /** False for a name that is only reserved: it answers its capabilities and refuses everything else. */
  readonly implemented: boolean
  readonly capabilities: ReadonlyArray<Capability>
  /** What it calls the GPUs that have a canonical name; `GpuCatalog.withNames` makes a catalog of them. */
  readonly gpuNames: ReadonlyArray<GpuEntry>
  /** Names in `providerOpts` whose values an orchestrator does not store. */
  readonly secretOpts: ReadonlyArray<string>
  /** The fields of `providerOpts` that ask for what only some clouds can do; elsewhere each fails as `Unsupported`. */
  readonly requestOpts: {
    readonly [Name in keyof RequestOpts]-?: (wanted: string, options?: CallOptions) => Answer<Opts>
  }
  /** Settings that are missing, such as the environment variable of an API key. */
  readonly missing: ReadonlyArray<string>
  /** How long after a create it may still be absent from a listing. */
  readonly settleWindow: Duration.Duration
  /** How often to look while waiting for a compute to become ready. */
  readonly pollInterval: Duration.Duration
  /** How many requests of a kind (creates, looks, ends) an orchestrator may have under way at once. */
  readonly concurrency: number
}

/**
 * A provider with every facet; missing ones fail as `Unsupported`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service extends Identity, Facets {}
