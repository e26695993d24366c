/**
 * Under whose name this command line keeps sessions, and where; loaded when the first command needs it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { OwnedSessions } from "./stateDirectoryStore.ts"

/** The books in use; tests put their own here. */
export const OwnerStore = Context.Reference<
  Effect.Effect<OwnedSessions, AtlasError, FileSystem.FileSystem | Path.Path>
>(
  "effect-atlas/cli/OwnerStore",
  {
    defaultValue: () =>
      Effect.flatMap(
        Effect.promise(() => import("./stateDirectoryStore.ts")),
        ({ fromStateDirectory }) => fromStateDirectory
      )
  }
)
