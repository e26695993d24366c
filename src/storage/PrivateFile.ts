/**
 * A file only its owner can read: 0600 from its first byte, replaced as a whole or not at all.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as Entropy from "../domain/Entropy.ts"

/**
 * Writes a private file through a draft beside it: a crash leaves the old file or the new one, never half of one.
 *
 * **Details**
 *
 * The directory must exist. The draft is new (`wx`), 0600, synced, then renamed; it is removed when anything fails.
 * Its name starts with a dot.
 *
 * @category files
 * @since 0.1.0
 */
export const write = (
  file: string,
  text: string
): Effect.Effect<void, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const suffix = Array.from(yield* Entropy.bytes(6), (byte) => byte.toString(16).padStart(2, "0")).join("")
    // in the same directory, so that the rename stays on one file system; wx: never an existing file or link
    const draft = path.join(path.dirname(file), `.${path.basename(file)}.${suffix}`)
    yield* Effect.gen(function*() {
      const handle = yield* fs.open(draft, { flag: "wx", mode: 0o600 })
      yield* handle.writeAll(new TextEncoder().encode(text))
      yield* handle.sync
    }).pipe(
      Effect.scoped,
      Effect.andThen(fs.rename(draft, file)),
      Effect.onError(() => Effect.ignore(fs.remove(draft, { force: true })))
    )
  })
