/**
 * Under whose name this command line keeps sessions, and where; loaded when the first command needs it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { SessionStore } from "../orchestrator/SessionStore.ts"
import type { Owner } from "../provider/NameStamp.ts"

/** The books of one owner. */
export interface Kept {
  readonly owner: Owner
  readonly store: Layer.Layer<SessionStore, AtlasError>
}

/** The books in use; tests put their own here. */
export const Records = Context.Reference<Effect.Effect<Kept, AtlasError, FileSystem.FileSystem | Path.Path>>(
  "effect-atlas/cli/Records",
  { defaultValue: () => Effect.flatMap(Effect.promise(() => import("./stateStore.ts")), ({ records }) => records) }
)
