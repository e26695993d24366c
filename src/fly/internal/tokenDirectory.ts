/**
 * The directory that token files are kept in: the one that is wanted if it takes files, else a temporary one.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as UserDirectories from "effect/persistence/UserDirectories"
import { StorageFault } from "../../domain/AtlasError.ts"
import * as PrivateDirectory from "../../storage/PrivateDirectory.ts"
import * as StateDirectory from "../../storage/StateDirectory.ts"
import { FlyError, PersistFailed } from "../FlyError.ts"
import { unwritten } from "./tokenFaults.ts"

export interface Options {
  readonly directory?: string | undefined
  /** Whether a temporary directory will do; default true. */
  readonly fallback?: boolean | undefined
}

/** The option, the setting, or the place of the user's data; null where nobody has a home. */
const wanted = Effect.fnUntraced(function*(option: string | undefined) {
  if (option !== undefined && option !== "") return option
  const configured = yield* Config.String("ATLAS_FLY_TOKENS_DIR").pipe(Effect.orElseSucceed(() => ""))
  if (configured !== "") return configured
  const path = yield* Path.Path
  return yield* StateDirectory.withHome(UserDirectories.make().data("effect-atlas")).pipe(
    Effect.map((data) => path.join(data, "fly-tokens")),
    Effect.orElseSucceed(() => null)
  )
})

/** A directory nobody can guess and nobody else can look into; gone when the scope closes. */
const temporary = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const failed = Effect.mapError(unwritten(null, "the temporary directory"))
  const directory = yield* failed(fs.makeTempDirectoryScoped({ prefix: "effect-atlas-fly-" }))
  const { mode, type, uid } = yield* failed(fs.stat(directory))
  const owner = Option.getOrNull(uid)
  const isOurs = owner === null || process.getuid === undefined || owner === process.getuid()
  const isPrivate = process.platform === "win32" || (mode & 0o077) === 0
  if (type === "Directory" && isOurs && isPrivate) return directory
  return yield* new FlyError({
    operation: "token.storage",
    reason: new StorageFault({
      message: `the temporary directory ${directory} is not private; set ATLAS_FLY_TOKENS_DIR`
    })
  })
})

/** Where to keep tokens; what cannot be used is left for a temporary directory, with a warning that names both. */
export const choose = Effect.fnUntraced(function*({ directory: option, fallback = true }: Options) {
  const path = yield* Path.Path
  const instead = (why: string) =>
    fallback ? warned(why) : Effect.fail(
      new FlyError({ operation: "token.storage", reason: new PersistFailed({ message: `Fly tokens ${why}` }) })
    )
  const warned = (why: string) =>
    Effect.tap(
      temporary,
      (directory) => Effect.logWarning(`Fly tokens ${why}: they are kept in ${directory}, which ends with this process`)
    )
  const directory = yield* wanted(option)
  if (directory === null) return yield* instead("have no home (set ATLAS_FLY_TOKENS_DIR)")
  const resolved = path.resolve(directory)
  return yield* PrivateDirectory.ensureWritable(resolved).pipe(
    Effect.as(resolved),
    Effect.catch((error) => instead(`cannot be kept in ${resolved} (${error.reason._tag})`))
  )
})
