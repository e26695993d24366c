/**
 * The owner whose sessions this command line keeps, and the store they are in; loaded when the first command needs it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { OwnedSessions } from "./stateDirectoryStore.ts"

/** The owner and store in use; tests provide their own. */
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
