/**
 * Where sessions outlive the process: one row a session, written over the version it was read as, or not at all.
 *
 * A store that cannot answer fails; nobody takes that for "there is none".
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Path from "effect/Path"
import type * as Scope from "effect/Scope"
import type * as SqlClient from "effect/sql/SqlClient"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { Owner } from "../provider/NameStamp.ts"
import type { AttemptId, SessionId } from "./session/Ids.ts"
import type { SessionState } from "./session/State.ts"
import { makeMemory } from "./store/memory.ts"
import * as Sql from "./store/sql.ts"

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
export interface Seat {
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
  readonly lock: (owner: Owner) => Effect.Effect<Seat, AtlasError, Scope.Scope>
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

/**
 * Sessions in memory: everything a durable store promises, until the process ends.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory: Layer.Layer<SessionStore> = Layer.effect(SessionStore, makeMemory)

/**
 * Tables in SQLite or PostgreSQL, made when they are not there: `atlas_sessions` and what belongs to it.
 *
 * **Details**
 *
 * The seat of an owner is a locked file beside an SQLite file (`<file>.<owner>.lock`), in PostgreSQL an advisory lock on a
 * connection that is kept for it. A process whose connection is cut takes its seat again; when another one was quicker, its
 * commits write nothing, because every one looks whose the seat is.
 *
 * **Gotchas**
 *
 * How durable an SQLite commit is is up to its client: `layerSqlite` waits for the disk. PostgreSQL needs two connections
 * at least, and a pooler between must not share them out by transaction, as that gives locks away.
 *
 * **Example** (On PostgreSQL)
 *
 * ```ts
 * import * as PgClient from "@effect/sql-pg/PgClient"
 * import * as SessionStore from "effect-atlas/orchestrator/SessionStore"
 * import * as Config from "effect/Config"
 * import * as Layer from "effect/Layer"
 *
 * const store = SessionStore.layerSql.pipe(
 *   Layer.provide(PgClient.layerConfig({ url: Config.Redacted("DATABASE_URL") }))
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSql: Layer.Layer<SessionStore, AtlasError, SqlClient.SqlClient> = Layer.effect(SessionStore, Sql.make)

/**
 * One private SQLite file, on the SQLite that is built into Node: the default where everything runs on one machine.
 *
 * **Details**
 *
 * The file is `filename`, else `sessions.db` in `ATLAS_STATE_DIR`, else in `effect-atlas` in the user's state directory; a
 * user without a home directory fails as `StorageFault` that names both. It is made with mode 0600, in a directory of 0700 when that is missing. What is committed is on disk before it is answered.
 * Several processes may share it, each for an owner of its own.
 *
 * **Example** (In a file of one's own)
 *
 * ```ts
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import * as SessionStore from "effect-atlas/orchestrator/SessionStore"
 * import * as Layer from "effect/Layer"
 *
 * const store = SessionStore.layerSqlite({ filename: "/var/lib/me/sessions.db" }).pipe(Layer.provide(NodeServices.layer))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSqlite = (
  options: { readonly filename?: string | undefined } = {}
): Layer.Layer<SessionStore, AtlasError, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(
    SessionStore,
    // Node's SQLite is loaded by those who use it
    Effect.flatMap(Effect.promise(() => import("./store/sqlite.ts")), (Sqlite) => Sqlite.make(options))
  )
