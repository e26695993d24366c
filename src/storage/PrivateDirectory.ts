/**
 * A directory that only its owner can look into, and a check that files can be written to it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as Entropy from "../domain/Entropy.ts"

/**
 * Makes the directory and the missing ones above it, each with mode 0700; a directory that exists keeps its mode.
 *
 * @category directories
 * @since 0.1.0
 */
export const make = (
  directory: string
): Effect.Effect<void, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const makeOne = (one: string) =>
      Effect.catchReason(fs.makeDirectory(one, { mode: 0o700 }), "PlatformError", "AlreadyExists", () => Effect.void)
    // one directory at a time: Node's recursive mkdir never ends below a directory that accepts no entries, such as /proc
    const makeWithParents = (one: string): Effect.Effect<void, PlatformError.PlatformError> =>
      Effect.catchReason(
        makeOne(one),
        "PlatformError",
        "NotFound",
        (_, error) =>
          path.dirname(one) === one
            ? Effect.fail(error)
            : Effect.andThen(makeWithParents(path.dirname(one)), makeOne(one))
      )
    yield* makeWithParents(directory)
  })

/**
 * Makes the directory and writes and removes a file in it: its mode alone does not say whether that is possible.
 *
 * @category directories
 * @since 0.1.0
 */
export const ensureWritable = (
  directory: string
): Effect.Effect<void, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    yield* make(directory)
    const probe = path.join(directory, `.probe-${yield* Entropy.hex(6)}`)
    yield* Effect.uninterruptible(
      Effect.andThen(fs.writeFileString(probe, "", { flag: "wx", mode: 0o600 }), fs.remove(probe))
    )
  })
