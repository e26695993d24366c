/**
 * The service `SessionStore`: what a store of sessions promises, whichever database it writes to.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import type { AttemptId, SessionId } from "../session/Ids.ts"
import type { SessionState } from "../session/State.ts"

/**
 * One row to write over the row of this `version` (0: there must be no row yet); a null state deletes it.
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
 * A row that cannot be read: its id and why, without its content.
 *
 * @category models
 * @since 0.1.0
 */
export const Unreadable = Schema.Struct({
  id: Schema.String,
  message: Schema.String,
  /** As which it can be deleted; 0 where the row has none. */
  version: Schema.Finite,
  /** Wall clock: when the row was first written; null where the store cannot tell. */
  createdAt: Schema.NullOr(Schema.Finite)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Unreadable = typeof Unreadable.Type

/**
 * Rows of an owner; each session carries the version of its row.
 *
 * @category models
 * @since 0.1.0
 */
export interface Loaded {
  readonly sessions: ReadonlyArray<SessionState>
  readonly unreadable: ReadonlyArray<Unreadable>
}

/**
 * Some rows of an owner, in the order of their ids.
 *
 * @category models
 * @since 0.1.0
 */
export interface Page extends Loaded {
  /** The id after which the next page begins; null when this is the last one. */
  readonly next: string | null
}

/**
 * Who has which attempts.
 *
 * @category models
 * @since 0.1.0
 */
export interface AttemptHolders {
  /** The sessions of those attempts that any session has, also one whose row cannot be read. */
  readonly sessions: ReadonlyMap<AttemptId, SessionId>
  /** Rows that cannot be read and whose attempts the store does not know: each of them may have any other attempt. */
  readonly unknown: ReadonlyArray<Unreadable>
}

/**
 * The lock of an owner that was taken, so that this process alone writes the owner's sessions.
 *
 * @category models
 * @since 0.1.0
 */
export interface OwnerLock {
  /** Asks who holds the lock now: null while this process does, else a description of the other holder. */
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
   * What tells this store from every other one, and stays as long as its rows do. Names of machines carry a mark made from it, so that
   * a second store under the same owner ends none of them. A store without one relies on its owner being used nowhere else.
   */
  readonly identity?: string | undefined
  /**
   * Takes the one lock of an owner until the scope closes or the process dies. Fails while another process holds it, and
   * names that holder: process, host and since when. The answered lock says later whether another process has taken it all
   * the same, as after a cut connection or a deleted lock file.
   */
  readonly lock: (owner: Owner) => Effect.Effect<OwnerLock, AtlasError, Scope.Scope>
  /**
   * The sessions of an owner, page by page: the first, or the one that begins after an id. Rows that cannot be read are named,
   * and the others are answered all the same. See `loadAll`.
   */
  readonly load: (owner: Owner, after?: string) => Effect.Effect<Page, AtlasError>
  /** These sessions of an owner, as far as they are there; a row that holds another owner's session is unreadable. */
  readonly read: (owner: Owner, ids: ReadonlyArray<string>) => Effect.Effect<Loaded, AtlasError>
  /**
   * Writes all rows in one durable transaction of its own and answers the ids of the rows it left alone, because they had
   * another version or another owner.
   *
   * **Details**
   *
   * The same write again, as after a lost answer, counts as written, and so does deleting a row that is not there. A new
   * session takes 1 MiB at most. Once another process has taken the owner lock, nothing is written and all ids are answered.
   */
  readonly commit: (owner: Owner, writes: ReadonlyArray<Write>) => Effect.Effect<ReadonlyArray<SessionId>, AtlasError>
  /**
   * Which sessions have these attempts. That no session has an attempt is certain only where no row is answered as `unknown`; a store that cannot
   * look at every row of the owner fails.
   */
  readonly attempts: (
    owner: Owner,
    attempts: ReadonlyArray<AttemptId>
  ) => Effect.Effect<AttemptHolders, AtlasError>
}>()("effect-atlas/orchestrator/SessionStore") {}
