/**
 * Where Fly tokens are kept between runs: one record for each app and key, in files, memory, a key-value store, or a
 * database with `TokenStorageSql`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import type * as KeyValueStore from "effect/persistence/KeyValueStore"
import type { FlyError } from "./FlyError.ts"
import * as TokenFiles from "./internal/tokenFiles.ts"
import type { RecordStore } from "./internal/tokenRecord.ts"
import * as TokenStores from "./internal/tokenStores.ts"

export type { MintNote, MintStore, StoredToken, TokenKey } from "./internal/tokenRecord.ts"

/**
 * Keeps tokens between runs. Failures are `PersistFailed` (put, delete) and `StorageFault` or `ManualCorrupt` (get).
 *
 * **Details**
 *
 * `put` replaces the record that is there, `delete` of a missing one succeeds. A `cached` record that cannot be understood
 * counts as none, with a warning, and is replaced by the next one; a broken `manual` one is never touched: building the layer
 * fails and names it.
 *
 * @category services
 * @since 0.1.0
 */
export class TokenStorage extends Context.Service<TokenStorage, RecordStore>()("effect-atlas/fly/TokenStorage") {}

/**
 * Private files, which several processes may share: the default.
 *
 * **Details**
 *
 * The directory is the option, else `ATLAS_FLY_TOKENS_DIR`, else `fly-tokens` in `effect-atlas` in the user's data directory.
 * It is made 0700, each file 0600, and a file is replaced as a whole or not at all. Wider modes of what is there already are set
 * right; where they cannot be, and where every user may write to a directory above it that is not sticky, it is refused.
 *
 * A directory that can be read is read, whether it can be written to or not. What cannot be written there goes to a private
 * temporary directory that is removed with the layer, with a warning that names both; only cached tokens do, a manual one is a
 * `PersistFailed`. With `fallback: false` the layer fails where the directory cannot even be read.
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
export const layerMemory: Layer.Layer<TokenStorage> = Layer.sync(TokenStorage, TokenStores.memory)

/**
 * Any `KeyValueStore`, under keys that start with `fly-token/`. How private and how durable it is is up to that store.
 *
 * **Gotchas**
 *
 * `KeyValueStore.layerFileSystem` writes files in place and leaves them readable for other users; for files use `layerFile`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerKeyValueStore: Layer.Layer<TokenStorage, FlyError, KeyValueStore.KeyValueStore> = Layer.effect(
  TokenStorage,
  TokenStores.keyValues
)
