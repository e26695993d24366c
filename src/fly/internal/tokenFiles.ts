/**
 * Tokens in private files, one an app and key, safe between processes since each is replaced as a whole.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type * as Scope from "effect/Scope"
import * as PrivateFile from "../../storage/PrivateFile.ts"
import { AppName } from "../AppName.ts"
import type { FlyError } from "../FlyError.ts"
import type { TokenKey, TokenStorage } from "../TokenStorage.ts"
import * as TokenDirectory from "./tokenDirectory.ts"
import { unreadable, unwritten } from "./tokenFaults.ts"
import * as TokenRecord from "./tokenRecord.ts"

/** A record is a token of a few kilobytes; anything longer is something else. */
const longest = 64 * 1024

/** Capitals are written `+a`, so that a file system that ignores case keeps two apps apart. */
const fileName = (app: AppName, key: TokenKey): string =>
  `${app.replace(/[A-Z]/g, (letter) => `+${letter.toLowerCase()}`)}.${key}.json`

const manualEnding = ".manual.json"

const isAppName = AppName.makeOption

const appOf = (name: string): Option.Option<AppName> => {
  const app = isAppName(
    name.slice(0, -manualEnding.length).replace(/\+([a-z])/g, (_, letter: string) => letter.toUpperCase())
  )
  return Option.filter(app, (one) => fileName(one, "manual") === name)
}

/** The storage in one directory; refuses to start over a manual token that cannot be read. */
export const make = (
  options: TokenDirectory.Options
): Effect.Effect<TokenStorage["Service"], FlyError, FileSystem.FileSystem | Path.Path | Scope.Scope> =>
  Effect.gen(function*() {
    const context = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const directory = yield* TokenDirectory.choose(options)
    const fileOf = (app: AppName, key: TokenKey) => path.join(directory, fileName(app, key))

    const read = (app: AppName, key: TokenKey, file: string) =>
      Effect.gen(function*() {
        // before it is opened: reading a pipe would never end
        const { size, type } = yield* fs.stat(file)
        if (type !== "File") return yield* TokenRecord.corrupt(app, key, file, `it is a ${type}`)
        if (size > longest) return yield* TokenRecord.corrupt(app, key, file, `it has ${size} bytes`)
        return yield* TokenRecord.read(app, key, file, yield* fs.readFileString(file))
      })

    const get: TokenStorage["Service"]["get"] = (app, key) => {
      const file = fileOf(app, key)
      return read(app, key, file).pipe(
        Effect.catchReason("PlatformError", "NotFound", () => Effect.succeedNone),
        Effect.catchTag("PlatformError", (error) => Effect.fail(unreadable(app, file)(error)))
      )
    }

    /** Every manual record is looked at before anything is decided without it. */
    const checkManual = Effect.gen(function*() {
      const names = yield* Effect.mapError(fs.readDirectory(directory), unreadable(null, directory))
      yield* Effect.forEach(
        names.filter((name) => name.endsWith(manualEnding)),
        (name) => {
          const file = path.join(directory, name)
          return Option.match(appOf(name), {
            onNone: () => Effect.fail(TokenRecord.manualCorrupt(null, file, "its name is not that of an app")),
            onSome: (app) =>
              get(app, "manual").pipe(Effect.catchReason(
                "FlyError",
                "StorageFault",
                ({ message }) => Effect.fail(TokenRecord.manualCorrupt(app, file, message))
              ))
          })
        },
        { concurrency: 16, discard: true }
      )
    })

    yield* Effect.ignore(PrivateFile.sweep(directory))
    yield* checkManual
    return {
      get,
      put: (app, key, token) =>
        PrivateFile.write(fileOf(app, key), TokenRecord.render(app, key, token)).pipe(
          Effect.provideContext(context),
          Effect.mapError(unwritten(app, fileOf(app, key)))
        ),
      delete: (app, key) =>
        PrivateFile.remove(fileOf(app, key)).pipe(
          Effect.provideContext(context),
          Effect.mapError(unwritten(app, fileOf(app, key)))
        )
    }
  })
