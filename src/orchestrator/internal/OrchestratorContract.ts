/**
 * The service `Orchestrator`: its settings, its verbs and what they answer.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { AtlasError } from "../../domain/AtlasError.ts"
import { Compute } from "../../domain/Compute.ts"
import * as Credential from "../../domain/Credential.ts"
import type { Usd } from "../../domain/Money.ts"
import type { Dispatcher } from "../../events/Dispatcher.ts"
import type { Which } from "../../provider/Providers.ts"
import { EventEnvelope } from "../OrchestratorTopics.ts"
import type * as Reaper from "../Reaper.ts"
import { SessionId } from "../session/Ids.ts"
import type { Options as EngineOptions } from "../SessionEngine.ts"
import { SessionInfo } from "../SessionInfo.ts"
import type * as SpawnOptions from "../SpawnOptions.ts"
import type { Spending } from "../Spending.ts"
import type { Unreadable } from "../store/StoreContract.ts"

/**
 * Settings of an orchestrator's feeds and reaper.
 *
 * @category models
 * @since 0.1.0
 */
export interface WatchOptions {
  /** How often an account is listed while no machine is coming or going; default 1 minute. */
  readonly pollInterval?: Duration.Input | undefined
  /** Providers whose accounts are cleaned of machines with this owner's name and no session; default all that are set up. */
  readonly reapProviders?: ReadonlyArray<string> | undefined
  /** A machine younger than this is never cleaned away; default 1 minute. */
  readonly reapGrace?: Duration.Input | undefined
  /**
   * Names in `providerOpts` that are not stored, besides those that look like a credential and those that the provider calls
   * secret; a create after a restart asks `SessionSecrets` for them.
   */
  readonly withhold?: ReadonlyArray<string> | undefined
}

/**
 * Settings of an orchestrator.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<E = never, R = never> extends Omit<EngineOptions, "owner">, WatchOptions {
  /**
   * The name machines are rented under: 1 to 16 of `a-z 0-9`. Orchestrators that share a store or a cloud account need an owner
   * each.
   */
  readonly owner: string
  /**
   * Through which events are published to other processes. Without it they are published through a `Dispatcher` that the layer is
   * provided with, and where there is none either, they stay within this process: `Orchestrator.events` tells them.
   */
  readonly dispatcher?: Layer.Layer<Dispatcher, E, R> | undefined
}

/**
 * A session that has rented: its id, its machine, and beside it the credential that only this process has.
 *
 * @category models
 * @since 0.1.0
 */
export const Tracked = Schema.Struct({
  id: SessionId,
  /** Its `auth` and `raw` are null. */
  compute: Compute,
  /** Null where no credential was asked for, and once it is encoded. */
  auth: Credential.Kept
})

/**
 * @category models
 * @since 0.1.0
 */
export type Tracked = typeof Tracked.Type

/**
 * An element of a stream of events: first the state of each session, then its events, and a gap where a slow reader lost some.
 *
 * @category models
 * @since 0.1.0
 */
export const SessionElement = Schema.Union([
  Schema.TaggedStruct("State", { session: SessionInfo }),
  Schema.TaggedStruct("Event", EventEnvelope.fields),
  Schema.TaggedStruct("Gap", { lost: Schema.Int })
])

/**
 * @category models
 * @since 0.1.0
 */
export type SessionElement = typeof SessionElement.Type

/**
 * How long to wait until a session's machine is verified gone.
 *
 * @category models
 * @since 0.1.0
 */
export interface StopOptions {
  /** Default 30 seconds. */
  readonly timeout?: Duration.Input | undefined
}

/**
 * How long to wait for a machine to run, and where to look for a machine that belongs to no session here.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReadyOptions {
  /** Default 15 minutes. */
  readonly timeout?: Duration.Input | undefined
  /** The provider to ask for an id that is no session here. Without it such an id fails as `NotTracked`. */
  readonly provider?: Which | undefined
  /** How often to ask for an id that is no session here; default the provider's poll interval. */
  readonly interval?: Duration.Input | undefined
}

/**
 * The orchestrator in use. An `id` is a session's, or that of its compute; see the functions of the same names.
 *
 * @category services
 * @since 0.1.0
 */
export class Orchestrator extends Context.Service<Orchestrator, {
  readonly spawn: (
    request: SpawnOptions.Input,
    options?: SpawnOptions.SpawnOptions
  ) => Effect.Effect<Tracked, AtlasError>
  readonly runTask: (
    request: SpawnOptions.Input,
    options?: SpawnOptions.SpawnOptions
  ) => Effect.Effect<Tracked, AtlasError>
  readonly scoped: (
    request: SpawnOptions.Input,
    options?: SpawnOptions.SpawnOptions
  ) => Effect.Effect<Tracked, AtlasError, Scope.Scope>
  readonly touch: (id: string) => Effect.Effect<void, AtlasError>
  readonly info: (id: string) => Effect.Effect<SessionInfo, AtlasError>
  readonly getCompute: (id: string) => Effect.Effect<Compute | null, AtlasError>
  readonly credential: (id: string) => Effect.Effect<Credential.Credential | null, AtlasError>
  readonly stopTracked: (id: string, options?: StopOptions) => Effect.Effect<void, AtlasError>
  readonly listIds: Effect.Effect<ReadonlyArray<SessionId>>
  readonly list: Effect.Effect<ReadonlyArray<SessionInfo>>
  readonly unreadable: Effect.Effect<ReadonlyArray<Unreadable>>
  readonly forget: (id: string) => Effect.Effect<void, AtlasError>
  readonly awaitReady: (id: string, options?: ReadyOptions) => Effect.Effect<Compute, AtlasError>
  readonly awaitEnd: (id: string) => Effect.Effect<SessionInfo, AtlasError>
  readonly events: (id: string | null) => Stream.Stream<SessionElement, AtlasError>
  readonly spend: (id: string) => Effect.Effect<Usd, AtlasError>
  readonly spending: Effect.Effect<Spending>
  readonly reapNow: (options?: Reaper.CycleOptions) => Effect.Effect<Reaper.Reaped>
}>()("effect-atlas/orchestrator/Orchestrator") {}
