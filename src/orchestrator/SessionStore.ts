/**
 * Where sessions outlive the process: one row for each session, which is written only over the version it was read as.
 *
 * A store that cannot answer fails, so that no caller takes a failure for "there is none".
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import type * as SqlClient from "effect/sql/SqlClient"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { Owner } from "../provider/NameStamp.ts"
import type { SessionState } from "./session/State.ts"
import * as Forgetting from "./store/forgetting.ts"
import { makeMemory } from "./store/memory.ts"
import { eachPage } from "./store/pages.ts"
import * as Sql from "./store/sql.ts"
import { type Loaded, SessionStore, type Unreadable } from "./store/StoreContract.ts"

export {
  type AttemptHolders,
  type Loaded,
  type OwnerLock,
  type Page,
  SessionStore,
  Unreadable,
  type Write
} from "./store/StoreContract.ts"

/**
 * All sessions of an owner, read page by page. A store whose pages do not go on fails, so that no reader goes round for ever.
 *
 * @category reading
 * @since 0.1.0
 */
export const loadAll = (
  store: Pick<SessionStore["Service"], "load">,
  owner: Owner
): Effect.Effect<Loaded, AtlasError> =>
  Effect.gen(function*() {
    const sessions: Array<SessionState> = []
    const unreadable: Array<Unreadable> = []
    yield* eachPage(store, owner, "", (page) => {
      sessions.push(...page.sessions)
      unreadable.push(...page.unreadable)
      return Effect.void
    })
    return { sessions, unreadable }
  })

/**
 * Deletes the row of a session that cannot be read, or that is over. A session that is not over fails as `Validation`, an id
 * that is not on record as `NotTracked`.
 *
 * **When to use**
 *
 * After its machine has been dealt with by hand: machines that such a row may have rented are not ended while it is there.
 *
 * @category changing
 * @since 0.1.0
 */
export const forget = (
  store: Pick<SessionStore["Service"], "read" | "commit">,
  owner: Owner,
  id: string
): Effect.Effect<void, AtlasError> => Forgetting.forget(store, owner, id)

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
 * The owner lock is a locked file beside an SQLite file (`<file>.<owner>.lock`), and in PostgreSQL an advisory lock on a
 * connection that is reserved for it. A process whose connection is cut takes the lock again. When another process was quicker,
 * the commits of the first write nothing, because each of them checks the holder.
 *
 * **Gotchas**
 *
 * The client decides how durable an SQLite commit is: `layerSqlite` waits for the disk. PostgreSQL needs at least two
 * connections, and a pooler in between must not share them by transaction, since that would share locks too.
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
export const layerSql: Layer.Layer<SessionStore, AtlasError, SqlClient.SqlClient> = Layer.effect(
  SessionStore,
  Sql.make()
)

/**
 * One private SQLite file, on the SQLite that is built into Node: the default where everything runs on one machine.
 *
 * **Details**
 *
 * The file is `filename`, else `sessions.db` in `ATLAS_STATE_DIR`, else in `effect-atlas` in the user's state directory; a
 * user without a home directory fails as `StorageFault` that names both. It is created with mode 0600, and a missing directory
 * with 0700. A commit is on disk before it is answered. Several processes may share the file, each with its own owner.
 *
 * `identity` is what tells this store from others; by default it is made with the file, and lost with it.
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
  options: { readonly filename?: string | undefined; readonly identity?: string | undefined } = {}
): Layer.Layer<SessionStore, AtlasError, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(
    SessionStore,
    // Node's SQLite is loaded only where it is used
    Effect.flatMap(Effect.promise(() => import("./store/sqlite.ts")), (Sqlite) => Sqlite.make(options))
  )
