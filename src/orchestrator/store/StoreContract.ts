/**
 * What a store of sessions promises, whichever database it writes to.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import type { AttemptId, SessionId } from "../session/Ids.ts"
import type { SessionState } from "../session/State.ts"

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
 * An owner's seat that was taken.
 *
 * @category models
 * @since 0.1.0
 */
export interface OwnerLock {
  /** Asks whose it is now: null while it is still ours, else who has taken it over, in words. */
  readonly lostTo: Effect.Effect<string | null, AtlasError>
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
   * who: process, host and since when. The seat says later whether somebody else has taken it after all, as after a
   * connection that was cut or a lock file that was deleted.
   */
  readonly lock: (owner: Owner) => Effect.Effect<OwnerLock, AtlasError, Scope.Scope>
  /** All sessions of an owner. Rows that cannot be read keep nobody from the others. */
  readonly load: (owner: Owner) => Effect.Effect<Loaded, AtlasError>
  /**
   * Writes all rows in one durable transaction of its own and answers the ids whose rows had another version or another
   * owner: those are left as they are.
   *
   * **Details**
   *
   * The same write again, as after an answer that was lost, counts as written, and so does deleting what is not there. A
   * session that begins takes 1 MiB at most. Once another process has taken the owner's seat, nothing is written and all ids
   * are answered.
   */
  readonly commit: (owner: Owner, writes: ReadonlyArray<Write>) => Effect.Effect<ReadonlyArray<SessionId>, AtlasError>
  /**
   * Which session has an attempt of this id. One that is found is an answer always; none is one only while every row of
   * the owner can be read, else this fails.
   */
  readonly attempt: (owner: Owner, attempt: AttemptId) => Effect.Effect<Option.Option<SessionId>, AtlasError>
}>()("effect-atlas/orchestrator/SessionStore") {}
