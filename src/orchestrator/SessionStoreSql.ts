/**
 * A `SessionStore` in a database that the application has anyway: SQLite or PostgreSQL, through Effect's `SqlClient`.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import type * as SqlClient from "effect/sql/SqlClient"
import type { AtlasError } from "../domain/AtlasError.ts"
import * as Sql from "./store/sql.ts"
import { SessionStore } from "./store/StoreContract.ts"

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
 * The client decides how durable an SQLite commit is: `SessionStoreSqlite` waits for the disk. PostgreSQL needs at least two
 * connections, and a pooler in between must not share them by transaction, since that would share locks too.
 *
 * **Example** (On PostgreSQL)
 *
 * ```ts
 * import * as PgClient from "@effect/sql-pg/PgClient"
 * import * as SessionStoreSql from "effect-atlas/orchestrator/SessionStoreSql"
 * import * as Config from "effect/Config"
 * import * as Layer from "effect/Layer"
 *
 * const store = SessionStoreSql.layer.pipe(
 *   Layer.provide(PgClient.layerConfig({ url: Config.Redacted("DATABASE_URL") }))
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<SessionStore, AtlasError, SqlClient.SqlClient> = Layer.effect(
  SessionStore,
  Sql.make()
)
