/**
 * A `SessionStore` in one private file, on the SQLite that is built into Node.
 *
 * @since 0.1.0
 */
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import type { AtlasError } from "../domain/AtlasError.ts"
import * as Sqlite from "./store/sqlite.ts"
import { SessionStore } from "./store/StoreContract.ts"

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
 * import * as SessionStoreSqlite from "effect-atlas/orchestrator/SessionStoreSqlite"
 * import * as Layer from "effect/Layer"
 *
 * const store = SessionStoreSqlite.layer({ filename: "/var/lib/me/sessions.db" }).pipe(Layer.provide(NodeServices.layer))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: { readonly filename?: string | undefined; readonly identity?: string | undefined } = {}
): Layer.Layer<SessionStore, AtlasError, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(SessionStore, Sqlite.make(options))
