/**
 * A `TokenStorage` in a database that the application has anyway: SQLite or PostgreSQL, through Effect's `SqlClient`.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import type * as SqlClient from "effect/sql/SqlClient"
import type { FlyError } from "./FlyError.ts"
import * as TokenTable from "./internal/tokenTable.ts"
import { TokenStorage } from "./TokenStorage.ts"

/**
 * A table `atlas_fly_tokens` in SQLite or PostgreSQL, made when it is not there.
 *
 * **Example** (On the SQLite that is built into Node)
 *
 * ```ts
 * import * as TokenStorageSql from "effect-atlas/fly/TokenStorageSql"
 * import * as SqliteNode from "effect-atlas/storage/SqliteNode"
 * import * as Layer from "effect/Layer"
 *
 * const storage = TokenStorageSql.layer.pipe(Layer.provide(SqliteNode.layer({ filename: "/var/lib/me/atlas.db" })))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<TokenStorage, FlyError, SqlClient.SqlClient> = Layer.effect(
  TokenStorage,
  TokenTable.make
)
