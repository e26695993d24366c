/**
 * The directory that token files are kept in: whose it must be, and what becomes of tokens where it cannot be used.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as UserDirectories from "effect/persistence/UserDirectories"
import type * as PlatformError from "effect/PlatformError"
import * as Result from "effect/Result"
import { StorageFault } from "../../domain/AtlasError.ts"
import * as Setting from "../../domain/Setting.ts"
import * as PrivateDirectory from "../../storage/PrivateDirectory.ts"
import * as StateDirectory from "../../storage/StateDirectory.ts"
import * as SystemReason from "../../storage/SystemReason.ts"
import { FlyError } from "../FlyError.ts"
import { unwritten } from "./tokenRecord.ts"

/** A directory that is read, and why none can be written to it; one that cannot be read either is null. */
export interface Place {
  readonly directory: string | null
  /** The directory that was wanted, for messages. */
  readonly name: string
  readonly unwritable: string | null
}

/** Windows keeps a user's files by rules that a mode does not show. */
const hasModes = process.platform !== "win32"

const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, "0")

/** The option, the setting, or the user's data directory; null where the user has no home directory. */
const wantedDirectory = Effect.fnUntraced(function*(option: string | undefined) {
  if (option !== undefined && option !== "") return option
  const configured = yield* Setting.read("ATLAS_FLY_TOKENS_DIR")
  if (configured !== null) return configured
  const path = yield* Path.Path
  return yield* StateDirectory.withHome(
    UserDirectories.make().data("effect-atlas").pipe(
      Effect.map((data) => path.join(data, "fly-tokens")),
      Effect.orElseSucceed(() => null)
    )
  )
})

const isTrusted = (uid: Option.Option<number>): boolean =>
  Option.match(uid, { onNone: () => true, onSome: (owner) => owner === 0 || owner === process.getuid?.() })

/** Why a directory above this one lets any user put another one in its place; null when none does. */
const openParent: (
  directory: string
) => Effect.Effect<string | null, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path> = Effect.fnUntraced(
  function*(directory: string) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    for (let parent = path.dirname(directory), at = directory; parent !== at; parent = path.dirname(parent)) {
      at = parent
      const info = yield* Effect.catchReason(
        Effect.asSome(fs.stat(parent)),
        "PlatformError",
        "NotFound",
        () => Effect.succeedNone
      )
      if (Option.isNone(info)) continue
      const { mode, uid } = info.value
      const isOpen = (mode & 0o002) !== 0 && !((mode & 0o1000) !== 0 && isTrusted(uid))
      if (isOpen) return `every user may replace it, since ${parent} has mode ${octal(mode)}`
    }
    return null
  }
)

/** Closes a directory or a file to other users; answers why that is impossible, null when it is done. */
export const closeToOthers = Effect.fnUntraced(function*(file: string, { mode }: FileSystem.File.Info, wanted: number) {
  if (!hasModes || (mode & 0o077) === 0) return null
  const fs = yield* FileSystem.FileSystem
  return yield* fs.chmod(file, wanted).pipe(
    Effect.as(null),
    Effect.catch((error) =>
      Effect.succeed(
        `other users may use it (mode ${octal(mode)}) and that cannot be changed: ${SystemReason.describe(error, file)}`
      )
    )
  )
})

const usable = (name: string, unwritable: string | null): Place => ({ directory: name, name, unwritable })
const unusable = (name: string, why: string): Place => ({ directory: null, name, unwritable: why })

const examine = Effect.fnUntraced(function*(directory: string) {
  const fs = yield* FileSystem.FileSystem
  const open = hasModes ? yield* openParent(directory) : null
  if (open !== null) return unusable(directory, open)
  const written = yield* Effect.result(PrivateDirectory.ensureWritable(directory))
  const info = yield* Effect.result(fs.stat(directory))
  const why = Result.isFailure(written) ? SystemReason.describe(written.failure, directory) : null
  if (Result.isFailure(info)) return unusable(directory, why ?? SystemReason.describe(info.failure, directory))
  if (info.success.type !== "Directory") return unusable(directory, `it is a ${info.success.type}`)
  // the same above what a link leads to
  const above = hasModes ? yield* openParent(yield* fs.realPath(directory)) : null
  if (above !== null) return unusable(directory, above)
  const { mode } = info.success
  if (why === null) {
    const fault = yield* closeToOthers(directory, info.success, 0o700)
    return fault === null ? usable(directory, null) : unusable(directory, fault)
  }
  // one that others only look into shows them the names of apps, and is left as its owner made it
  if (hasModes && (mode & 0o022) !== 0) return unusable(directory, `other users may write to it (mode ${octal(mode)})`)
  const names = yield* Effect.result(fs.readDirectory(directory))
  return Result.isFailure(names)
    ? unusable(directory, SystemReason.describe(names.failure, directory))
    : usable(directory, why)
})

/** Looks for the wanted directory, makes it where it is missing, and closes it to other users. */
export const find = Effect.fnUntraced(function*(option: string | undefined) {
  const path = yield* Path.Path
  const found = yield* Effect.result(wantedDirectory(option))
  if (Result.isFailure(found)) return unusable("the directory of tokens", found.failure.message)
  const wanted = found.success
  if (wanted === null) {
    return unusable("the user's data directory", "there is no home directory; set ATLAS_FLY_TOKENS_DIR")
  }
  const directory = path.resolve(wanted)
  return yield* Effect.catch(
    examine(directory),
    (error) => Effect.succeed(unusable(directory, SystemReason.describe(error, directory)))
  )
})

/** A new directory with a random name that only this user can look into; removed when the scope closes. */
export const temporary = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const failed = Effect.mapError(unwritten(null, "the temporary directory"))
  const directory = yield* failed(fs.makeTempDirectoryScoped({ prefix: "effect-atlas-fly-" }))
  const { mode, type, uid } = yield* failed(fs.stat(directory))
  const owner = Option.getOrNull(uid)
  const isOurs = owner === null || process.getuid === undefined || owner === process.getuid()
  if (type === "Directory" && isOurs && (!hasModes || (mode & 0o077) === 0)) return directory
  return yield* new FlyError({
    operation: "token.storage",
    reason: new StorageFault({
      message: `the temporary directory ${directory} can be read by other users; set ATLAS_FLY_TOKENS_DIR`
    })
  })
})
