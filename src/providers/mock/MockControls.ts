/**
 * The other side of the mock provider: what a test does to the cloud, and what the cloud knows that callers do not.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type { AtlasError, AtlasErrorReason } from "../../domain/AtlasError.ts"
import type { ComputeStatus } from "../../domain/Compute.ts"
import type { ComputeRequest } from "../../domain/ComputeRequest.ts"
import type { ComputeId } from "../../domain/Ids.ts"
import type { Usd } from "../../domain/Money.ts"
import type { ComputeFilter } from "../../provider/Adapter.ts"

/**
 * The calls a provider gets, by the name of the verb that makes them.
 *
 * @category models
 * @since 0.1.0
 */
export type Operation =
  | "spawnCompute"
  | "getCompute"
  | "listCompute"
  | "terminate"
  | "stop"
  | "start"
  | "listGpuTypes"
  | "streamLogs"
  | "runJob"
  | "getJob"
  | "cancelJob"
  | "streamJob"
  | "listNetworkVolumes"
  | "getNetworkVolume"
  | "createNetworkVolume"
  | "deleteNetworkVolume"
  | "listTemplates"
  | "getTemplate"
  | "createTemplate"
  | "deleteTemplate"
  | "listEndpoints"
  | "getEndpoint"
  | "deleteEndpoint"
  | "computeSpend"

/**
 * How long a call takes: `request` until it reaches the cloud, `answer` from there until the caller hears of it.
 *
 * **Details**
 *
 * Any duration, 0 when left out; `Duration.infinity` is an answer that never comes. A request that is on its way
 * arrives also when its caller has left, as on a real network.
 *
 * @category models
 * @since 0.1.0
 */
export interface Delay {
  readonly request?: Duration.Input
  readonly answer?: Duration.Input
}

/**
 * One call as the cloud got it. Of an environment and of `providerOpts` only the names are recorded.
 *
 * @category models
 * @since 0.1.0
 */
export interface RecordedCall {
  readonly operation: Operation
  readonly at: DateTime.Utc
  /** Null for calls that are about no single compute. */
  readonly id: string | null
  /** The stamped name of a create. */
  readonly name: string | null
  /** What a create asked for. */
  readonly request: Omit<Schema.Struct.Type<typeof ComputeRequest.fields>, "env" | "providerOpts"> | null
  /** Names of the container's environment, those of its credential included. */
  readonly env: ReadonlyArray<string>
  readonly providerOpts: ReadonlyArray<string>
  readonly filter: ComputeFilter | null
}

/**
 * One machine that was made, whether or not the caller got the answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface LedgerEntry {
  readonly id: ComputeId
  readonly name: string
  readonly status: ComputeStatus
  readonly costPerHour: Usd | null
  readonly createdAt: DateTime.Utc
  /** Null while it may still cost money. */
  readonly endedAt: DateTime.Utc | null
  /** What it has cost so far; nothing while its price is null. */
  readonly dollars: Usd
}

/**
 * What really exists: every machine ever made, those that still run up a bill, and what all of them have cost.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ledger {
  readonly made: ReadonlyArray<LedgerEntry>
  readonly live: ReadonlyArray<LedgerEntry>
  readonly dollars: Usd
}

/**
 * What a test can do to the mock's cloud and read from it.
 *
 * **Details**
 *
 * Faults are used up in the order they were given, one a call, each operation on its own. A call that fails on order
 * does nothing else. Unknown ids fail as `NotFound`, except in `forget`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Controls {
  /** Puts a compute in a status, with an exit code and a reason when it failed. */
  readonly setStatus: (
    id: string,
    status: ComputeStatus,
    facts?: { readonly exitCode?: number; readonly failure?: string }
  ) => Effect.Effect<void, AtlasError>
  /** Changes the price from now on: US dollars per hour, null for no price. */
  readonly setCostPerHour: (id: string, costPerHour: number | null) => Effect.Effect<void, AtlasError>
  /** The next calls of an operation fail with this reason and do nothing; `times` is 1 unless given. */
  readonly failNext: (operation: Operation, reason: AtlasErrorReason, times?: number) => Effect.Effect<void>
  /** The next call of an operation is a bug of the adapter: it dies with this defect and does nothing. */
  readonly dieNext: (operation: Operation, defect: unknown) => Effect.Effect<void>
  /** Makes all calls of an operation slow, until changed; `{}` makes them fast again. */
  readonly delay: (operation: Operation, delay: Delay) => Effect.Effect<void>
  /** The next create answers `Uncertain`: with `created` the machine exists, without it nothing was made. */
  readonly loseNextAnswer: (options: { readonly created: boolean }) => Effect.Effect<void>
  /** The next create makes two machines under one name, the second `apart` later (0 unless given). */
  readonly twinNext: (options?: { readonly apart?: Duration.Input }) => Effect.Effect<void>
  /** From now on a new compute is absent from get and list for this long. */
  readonly setListingLag: (lag: Duration.Input) => Effect.Effect<void>
  /** The next deletes are accepted and not done. */
  readonly ignoreDeletes: (times: number) => Effect.Effect<void>
  /** Drops a compute as if it had never been: get, list and delete do not find it. Forgetting nothing is fine. */
  readonly forget: (id: string) => Effect.Effect<void>
  /** What the bill of a compute says from now on, in US dollars; without it the bill is what the ledger says. */
  readonly setSpend: (id: string, totalUsd: number) => Effect.Effect<void, AtlasError>
  /** Puts up a serverless endpoint, since no provider-neutral call makes one. */
  readonly addEndpoint: (id: string, name?: string) => Effect.Effect<void>
  /** Lets a compute write one log line. */
  readonly writeLog: (id: string, text: string) => Effect.Effect<void, AtlasError>
  /** How often each operation was called, failed calls included. */
  readonly counts: Effect.Effect<Readonly<Record<Operation, number>>>
  /** All calls in order. */
  readonly requests: Effect.Effect<ReadonlyArray<RecordedCall>>
  readonly ledger: Effect.Effect<Ledger>
  /** Back to an empty cloud: no machines, no faults, no delays, no records. */
  readonly reset: Effect.Effect<void>
}

/**
 * The controls of the mock provider in use; given by the same layer as the provider.
 *
 * **Example** (A lost answer)
 *
 * ```ts
 * import { Atlas, Providers } from "effect-atlas"
 * import * as MockProvider from "effect-atlas/providers/MockProvider"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const test = Effect.gen(function*() {
 *   const controls = yield* MockProvider.MockControls
 *   yield* controls.loseNextAnswer({ created: true })
 *   const adopted = yield* Atlas.spawnCompute({ gpu: "h100" })
 *   const { live } = yield* controls.ledger
 *   return live.length === 1 && live[0]?.id === adopted.id
 * })
 *
 * const mock = MockProvider.layer()
 * const program = Effect.provide(test, Layer.merge(Providers.layer(mock), mock))
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class MockControls extends Context.Service<MockControls, Controls>()(
  "effect-atlas/providers/mock/MockControls"
) {}
