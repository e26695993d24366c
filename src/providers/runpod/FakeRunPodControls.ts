/**
 * The other side of the fake RunPod: what a test does to the cloud, and what the cloud knows that callers do not.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type { CreateEndpointRequest } from "./schema/endpointRequests.ts"
import type { OperationName } from "./schema/operations.ts"
import type { PodStatus } from "./schema/podAnswers.ts"
import type { CreatePodRequest } from "./schema/pods.ts"

/**
 * Which requests a fault is for: those of one call, or of any; the first `skip` of them pass, the next `times` (1 unless
 * given) are struck.
 *
 * @category models
 * @since 0.1.0
 */
export interface FaultTarget {
  readonly on?: OperationName
  readonly skip?: number
  readonly times?: number
}

/**
 * Something that goes wrong, as data, so that a script of them can be made up by a machine.
 *
 * **Details**
 *
 * `acted` says whether the request is done all the same; not unless given.
 *
 * - `LoseAnswer`: the connection ends without an answer.
 * - `Hang`: no answer ever comes.
 * - `Refuse`: this status, as problem+json, HTML or plain text, with `Retry-After` in seconds if given. A 402, a 500
 *   before (or with `acted` after) a create, a 429.
 * - `NoCapacity`: a create finds no machine, in these words.
 * - `Garble`: the answer's JSON is cut in half. `WrongShape`: it is JSON of another shape. The request is done.
 * - `Drip`: the answer comes `bytes` (1) at a time, each after `every`.
 * - `CutStream`: a stream breaks after so many events.
 * - `ShortPage`: a list's page holds half of what it could; the rest follows on the next. `CursorLoop`: its cursor leads
 *   to the same page again.
 * - `Delay`: the request takes `request` to arrive, whether or not its caller still waits, and its answer `answer` to come back.
 * - `Twin`: a create makes a second pod of the same name, `apart` later.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault =
  & FaultTarget
  & (
    | { readonly _tag: "LoseAnswer"; readonly acted?: boolean }
    | { readonly _tag: "Hang"; readonly acted?: boolean }
    | {
      readonly _tag: "Refuse"
      readonly status: number
      readonly acted?: boolean
      readonly detail?: string
      readonly retryAfter?: number
      readonly form?: "problem" | "html" | "text"
    }
    | { readonly _tag: "NoCapacity"; readonly detail: string }
    | { readonly _tag: "Garble" }
    | { readonly _tag: "WrongShape" }
    | { readonly _tag: "Drip"; readonly every: Duration.Input; readonly bytes?: number }
    | { readonly _tag: "CutStream"; readonly lines: number }
    | { readonly _tag: "ShortPage" }
    | { readonly _tag: "CursorLoop" }
    | { readonly _tag: "Delay"; readonly request?: Duration.Input; readonly answer?: Duration.Input }
    | { readonly _tag: "Twin"; readonly apart?: Duration.Input }
  )

/**
 * One request as the fake got it. No body, no query, no key.
 *
 * @category models
 * @since 0.1.0
 */
export interface RecordedRequest {
  readonly at: DateTime.Utc
  readonly plane: "management" | "runtime"
  /** Null where no call has this method and path. */
  readonly operation: OperationName | null
  readonly method: string
  readonly path: string
  /** What the body of a create calls its pod, endpoint or template. */
  readonly name: string | null
  /** Null while there is no answer, and for good where there was none. */
  readonly status: number | null
}

/**
 * One pod that was made, whether or not the caller got the answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface LedgerEntry {
  readonly id: string
  readonly name: string
  readonly status: PodStatus
  readonly createdAt: DateTime.Utc
  /** Null while it may still cost money. */
  readonly endedAt: DateTime.Utc | null
  /** US dollars an hour while it is not stopped, disks not counted. */
  readonly costPerHour: number
  /** What it has cost so far, disks included. */
  readonly dollars: number
}

/**
 * What really exists: every pod ever made, those that still run up a bill, and what all of them have cost.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ledger {
  readonly made: ReadonlyArray<LedgerEntry>
  readonly live: ReadonlyArray<LedgerEntry>
  readonly dollars: number
}

/**
 * What a worker does with one job: it takes `duration` (1 second unless given), yields each of `stream` so long after it
 * began, and ends with `output` or fails with `error`.
 *
 * @category models
 * @since 0.1.0
 */
export interface JobPlan {
  readonly duration?: Duration.Input
  readonly output?: Schema.Json
  readonly error?: string
  readonly stream?: ReadonlyArray<{ readonly after: Duration.Input; readonly output: Schema.Json }>
}

/**
 * What the account's key may do; `revoked` answers 401, `none` 403, `read` 403 to every request that changes something.
 *
 * @category models
 * @since 0.1.0
 */
export type Access = "all" | "read" | "none" | "revoked"

/**
 * What a test can do to the fake's cloud and read from it. Whatever names something unknown does nothing.
 *
 * @category models
 * @since 0.1.0
 */
export interface Controls {
  /** Faults meet requests in the order they were given. */
  readonly order: (...faults: ReadonlyArray<Fault>) => Effect.Effect<void>
  /** Ordered faults that have not met all their requests yet. */
  readonly pendingFaults: Effect.Effect<number>
  /** Drops all ordered faults. */
  readonly clearFaults: Effect.Effect<void>
  /** A new pod is absent from lists for so long from now on, and with `get` also from a look at its id. */
  readonly setListingLag: (lag: Duration.Input, options?: { readonly get?: boolean }) => Effect.Effect<void>
  /** The outside ports of pods appear so long after RUNNING, also of those there are; after `Infinity` never. */
  readonly setPortsLag: (lag: Duration.Input) => Effect.Effect<void>
  /** The next deletes and terminates are accepted and not done. */
  readonly ignoreDeletes: (times: number) => Effect.Effect<void>
  /** A pod disappears as if it had never been; its bill ends. */
  readonly vanish: (podId: string) => Effect.Effect<void>
  /** A pod's container fails for good: ERROR. */
  readonly failPod: (podId: string) => Effect.Effect<void>
  /** A pod stops without being asked: EXITED. */
  readonly stopPod: (podId: string) => Effect.Effect<void>
  /**
   * The command of a pod ends, as the shell that runs it lets it: the exit code is written at the end of the log, and the pod
   * deletes itself a minute later, or at once where its log is not to be read any more.
   */
  readonly endCommand: (
    podId: string,
    exitCode: number,
    options?: { readonly readable?: Duration.Input }
  ) => Effect.Effect<void>
  /** Changes what a pod costs from now on, in US dollars an hour. */
  readonly setPrice: (podId: string, dollarsPerHour: number) => Effect.Effect<void>
  /** Changes what a GPU type costs, for pods made from now on and in the catalog; 0 is not for sale. */
  readonly setGpuPrice: (
    gpu: string,
    price: { readonly secure?: number; readonly community?: number }
  ) => Effect.Effect<void>
  /** How much of a GPU type there is, everywhere or in one cloud or data center; `NONE` refuses creates. */
  readonly setStock: (
    gpu: string,
    level: "NONE" | "LOW" | "MEDIUM" | "HIGH",
    place?: { readonly cloud?: "SECURE" | "COMMUNITY"; readonly dataCenter?: string }
  ) => Effect.Effect<void>
  /** Creates of these GPU types answer 403. */
  readonly forbidGpus: (gpus: ReadonlyArray<string>) => Effect.Effect<void>
  /** Without a balance, creates answer 402. */
  readonly setBalance: (hasBalance: boolean) => Effect.Effect<void>
  readonly setAccess: (access: Access) => Effect.Effect<void>
  /** Puts a foreign pod into the account, and answers its id. */
  readonly plantPod: (body: CreatePodRequest) => Effect.Effect<string>
  /** Puts an endpoint into the account under this id. */
  readonly plantEndpoint: (
    id: string,
    spec?: Partial<CreateEndpointRequest>
  ) => Effect.Effect<void>
  /** Lets a pod, or a worker of an endpoint, write one line. */
  readonly writeLog: (id: string, line: string, source?: "container" | "system") => Effect.Effect<void>
  /** What workers do with a job from now on. */
  readonly onJob: (plan: (input: Schema.Json) => JobPlan) => Effect.Effect<void>
  /** While held, an endpoint starts no worker, so its jobs wait. */
  readonly holdWorkers: (endpointId: string, isHeld: boolean) => Effect.Effect<void>
  /** What would have been sent to the webhooks of jobs; the fake sends nothing. */
  readonly webhooks: Effect.Effect<ReadonlyArray<Schema.Json>>
  /** All requests in order. */
  readonly requests: Effect.Effect<ReadonlyArray<RecordedRequest>>
  readonly ledger: Effect.Effect<Ledger>
}

/**
 * The controls of the fake in use; given by the same layer as the fake.
 *
 * @category services
 * @since 0.1.0
 */
export class FakeRunPodControls extends Context.Service<FakeRunPodControls, Controls>()(
  "effect-atlas/providers/runpod/FakeRunPodControls"
) {}
