/**
 * Where sessions outlive the process: one row a session, written over the version it was read as, or not at all.
 *
 * A store that cannot answer fails; nobody takes that for "there is none".
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { Owner } from "../provider/NameStamp.ts"
import type { AttemptId, SessionId } from "./session/Ids.ts"
import type { SessionState } from "./session/State.ts"
import { makeMemory } from "./store/memory.ts"

/**
 * One row to write: over `version` (0 for a row that must not be there yet); a null state deletes it.
 *
 * **Details**
 *
 * What is written counts as `version + 1`, whatever version the state itself carries.
 *
 * @category models
 * @since 0.1.0
 */
export interface Write {
  readonly id: SessionId
  readonly version: number
  readonly state: SessionState | null
}

/**
 * A row that is there and cannot be read: its id and why, without its content.
 *
 * @category models
 * @since 0.1.0
 */
export interface Unreadable {
  readonly id: string
  readonly message: string
}

/**
 * Everything an owner has; each session carries the version of its row.
 *
 * @category models
 * @since 0.1.0
 */
export interface Loaded {
  readonly sessions: ReadonlyArray<SessionState>
  readonly unreadable: ReadonlyArray<Unreadable>
}

/**
 * The store in use. Every failure is an `AtlasError` with the reason `StorageFault`.
 *
 * @category services
 * @since 0.1.0
 */
export class SessionStore extends Context.Service<SessionStore, {
  /**
   * Takes the one seat of an owner until the scope closes or the process dies; fails when somebody sits there, and says
   * who.
   */
  readonly lock: (owner: Owner) => Effect.Effect<void, AtlasError, Scope.Scope>
  readonly load: (owner: Owner) => Effect.Effect<Loaded, AtlasError>
  /**
   * Writes all rows in one durable transaction and answers the ids whose rows had another version or another owner:
   * those are left as they are.
   */
  readonly commit: (owner: Owner, writes: ReadonlyArray<Write>) => Effect.Effect<ReadonlyArray<SessionId>, AtlasError>
  /**
   * Which session has an attempt of this id; none is an answer only while every row of the owner can be read, else this
   * fails.
   */
  readonly attempt: (owner: Owner, attempt: AttemptId) => Effect.Effect<Option.Option<SessionId>, AtlasError>
}>()("effect-atlas/orchestrator/SessionStore") {}

/**
 * Sessions in memory: everything a durable store promises, until the process ends.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory: Layer.Layer<SessionStore> = Layer.effect(SessionStore, makeMemory)
