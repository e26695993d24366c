/**
 * Where Fly tokens outlive the process: one record an app and key, in files, memory, a key-value store or a database.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Path from "effect/Path"
import type * as KeyValueStore from "effect/persistence/KeyValueStore"
import type * as Redacted from "effect/Redacted"
import type * as SqlClient from "effect/sql/SqlClient"
import type { AppName } from "./AppName.ts"
import type { FlyError } from "./FlyError.ts"
import * as TokenFiles from "./internal/tokenFiles.ts"
import * as TokenTable from "./internal/tokenTable.ts"
import * as TokenValues from "./internal/tokenValues.ts"

/**
 * The two records an app may have: `cached` can be acquired again, `manual` cannot.
 *
 * @category models
 * @since 0.1.0
 */
export type TokenKey = "cached" | "manual"

/**
 * A token as it is kept; `expiresAt` in Unix seconds, null for one without an end.
 *
 * @category models
 * @since 0.1.0
 */
export interface StoredToken {
  readonly token: Redacted.Redacted
  readonly expiresAt: number | null
}

/**
 * The storage in use. Failures are `PersistFailed` (put, delete) and `StorageFault` or `ManualCorrupt` (get).
 *
 * **Details**
 *
 * It is a layer, so nobody can ask one that is not ready yet. A `cached` record that cannot be understood counts as none,
 * with a warning, and is replaced by the next one; a `manual` one is never touched: the layer refuses to be built over it.
 *
 * @category services
 * @since 0.1.0
 */
export class TokenStorage extends Context.Service<TokenStorage, {
  readonly get: (app: AppName, key: TokenKey) => Effect.Effect<Option.Option<StoredToken>, FlyError>
  /** Replaces what is there. */
  readonly put: (app: AppName, key: TokenKey, token: StoredToken) => Effect.Effect<void, FlyError>
  /** Deleting nothing succeeds. */
  readonly delete: (app: AppName, key: TokenKey) => Effect.Effect<void, FlyError>
}>()("effect-atlas/fly/TokenStorage") {}

/**
 * Private files, which several processes may share: the default.
 *
 * **Details**
 *
 * The directory is the option, else `ATLAS_FLY_TOKENS_DIR`, else `fly-tokens` in `effect-atlas` in the user's data directory.
 * It is made 0700, each file 0600, and a file is replaced as a whole or not at all. A directory that takes no files is
 * replaced by a private temporary one that ends with the layer, with a warning that names both; with `fallback: false` the
 * layer fails instead.
 *
 * **Example** (In a directory of one's own)
 *
 * ```ts
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import { TokenStorage } from "effect-atlas/fly"
 * import * as Layer from "effect/Layer"
 *
 * const storage = TokenStorage.layerFile({ directory: "/var/lib/me/tokens" }).pipe(Layer.provide(NodeServices.layer))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFile = (
  options: { readonly directory?: string | undefined; readonly fallback?: boolean | undefined } = {}
): Layer.Layer<TokenStorage, FlyError, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(TokenStorage, TokenFiles.make(options))

/**
 * Memory: gone with the layer. For tests, and for hosts that want nothing on disk.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory: Layer.Layer<TokenStorage> = Layer.sync(TokenStorage, TokenValues.makeMemory)

/**
 * Any `KeyValueStore`, under keys that start with `fly-token/`. How private and how durable it is is up to that store.
 *
 * **Gotchas**
 *
 * `KeyValueStore.layerFileSystem` writes in place and readable for others; for files use `layerFile`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerKeyValueStore: Layer.Layer<TokenStorage, FlyError, KeyValueStore.KeyValueStore> = Layer.effect(
  TokenStorage,
  TokenValues.make
)

/**
 * A table `atlas_fly_tokens` in SQLite or PostgreSQL, made when it is not there.
 *
 * **Example** (On the SQLite that is built into Node)
 *
 * ```ts
 * import { TokenStorage } from "effect-atlas/fly"
 * import * as SqliteNode from "effect-atlas/storage/SqliteNode"
 * import * as Layer from "effect/Layer"
 *
 * const storage = TokenStorage.layerSql.pipe(Layer.provide(SqliteNode.layer({ filename: "/var/lib/me/atlas.db" })))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSql: Layer.Layer<TokenStorage, FlyError, SqlClient.SqlClient> = Layer.effect(
  TokenStorage,
  TokenTable.make
)
