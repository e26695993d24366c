/**
 * A file that only its owner can read: 0600 from its first byte, replaced as a whole or not at all.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as PlatformError from "effect/PlatformError"
import * as Entropy from "../domain/Entropy.ts"

/** The name of a temporary file: a dot, the file's name, a dot and 12 hex digits. */
const temporaryName = /^\..+\.[0-9a-f]{12}$/

/** A write takes moments; a temporary file this old was left by a process that was killed. */
const abandonedAfter = Duration.minutes(1)

/**
 * Makes renames and removals in a directory durable. Where a directory cannot be synced (Windows), durability is up to the
 * file system.
 */
const syncDirectory = (directory: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    yield* Effect.ignore(Effect.scoped(Effect.flatMap(fs.open(directory, { flag: "r" }), (handle) => handle.sync)))
  })

/**
 * Writes a private file through a temporary file beside it: a crash leaves the old file or the new one, never half of one.
 *
 * **Details**
 *
 * The directory must exist. The temporary file is new (`wx`), 0600, synced, then renamed, and the directory is synced; it is
 * removed when any step fails. Its name starts with a dot; `sweep` removes those of processes that were killed.
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
    const directory = path.dirname(file)
    // in the same directory, so that the rename stays on one file system; wx: never an existing file or link
    const temporary = path.join(directory, `.${path.basename(file)}.${yield* Entropy.hex(6)}`)
    yield* Effect.gen(function*() {
      const handle = yield* fs.open(temporary, { flag: "wx", mode: 0o600 })
      yield* handle.writeAll(new TextEncoder().encode(text))
      yield* handle.sync
    }).pipe(
      Effect.scoped,
      Effect.andThen(fs.rename(temporary, file)),
      Effect.onError(() => Effect.ignore(fs.remove(temporary, { force: true })))
    )
    yield* syncDirectory(directory)
  })

/**
 * Looks at what a file is before it is opened: a directory, a pipe, which could hold up its reader for ever, and a file of more than
 * `longest` bytes fail as `BadResource`.
 *
 * @category files
 * @since 0.1.0
 */
export const check = (
  fs: FileSystem.FileSystem,
  file: string,
  longest = Infinity
): Effect.Effect<void, PlatformError.PlatformError> =>
  Effect.flatMap(fs.stat(file), ({ size, type }) => {
    const odd = type !== "File"
      ? `it is a ${type}, not a file`
      : size > longest
      ? `it has ${size} bytes, more than any such file`
      : null
    return odd === null ? Effect.void : Effect.fail(PlatformError.systemError({
      _tag: "BadResource",
      module: "FileSystem",
      method: "open",
      pathOrDescriptor: file,
      description: odd
    }))
  })

/**
 * Reads a file as text, after a {@link check}.
 *
 * @category files
 * @since 0.1.0
 */
export const read = (
  file: string,
  longest: number
): Effect.Effect<string, PlatformError.PlatformError, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    yield* check(fs, file, longest)
    return yield* fs.readFileString(file)
  })

/**
 * Removes a file durably, so that it is still gone after a crash. A file that does not exist is no failure.
 *
 * @category files
 * @since 0.1.0
 */
export const remove = (
  file: string
): Effect.Effect<void, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    yield* fs.remove(file, { force: true })
    yield* syncDirectory(path.dirname(file))
  })

/**
 * Removes the temporary files that killed processes left in a directory; those of the last minute stay: they may be in use.
 *
 * @category files
 * @since 0.1.0
 */
export const sweep = (
  directory: string
): Effect.Effect<void, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const now = yield* Clock.currentTimeMillis
    const names = yield* fs.readDirectory(directory)
    yield* Effect.forEach(
      names.filter((name) => temporaryName.test(name)),
      (name) =>
        Effect.gen(function*() {
          const temporary = path.join(directory, name)
          const { mtime } = yield* fs.stat(temporary)
          const age = now - (mtime._tag === "Some" ? mtime.value.getTime() : now)
          if (age > Duration.toMillis(abandonedAfter)) yield* fs.remove(temporary, { force: true })
        }).pipe(Effect.ignore),
      { concurrency: 16, discard: true }
    )
  })
