/**
 * Token records in private files of one directory, one for each app and key. Several processes may share the directory, since each
 * file is replaced as a whole.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Scope from "effect/Scope"
import * as PrivateFile from "../../storage/PrivateFile.ts"
import { AppName } from "../AppName.ts"
import { FlyError, PersistFailed } from "../FlyError.ts"
import * as TokenDirectory from "./tokenDirectory.ts"
import * as TokenRecord from "./tokenRecord.ts"
import { unreadable, unwritten } from "./tokenRecord.ts"

type RecordStore = TokenRecord.RecordStore
type TokenKey = TokenRecord.TokenKey

/** Where token files are kept. */
export interface Options {
  readonly directory?: string | undefined
  /** Whether a temporary directory will do for cached tokens; default true. */
  readonly fallback?: boolean | undefined
}

/** A record is a token of a few kilobytes; a longer file is no record. */
const longestFile = 64 * 1024

/** Capitals are written `+a`, so that a file system that ignores case keeps two apps apart. */
const fileName = (name: string, key: TokenKey | "mint"): string =>
  `${name.replace(/[A-Z]/g, (letter) => `+${letter.toLowerCase()}`)}.${key}.json`

const manualEnding = ".manual.json"

const isAppName = AppName.makeOption

const appOf = (name: string): Option.Option<AppName> => {
  const app = isAppName(
    name.slice(0, -manualEnding.length).replace(/\+([a-z])/g, (_, letter: string) => letter.toUpperCase())
  )
  return Option.filter(app, (one) => fileName(one, "manual") === name)
}

/** The text of a private file, or why it holds no record. */
const readText = Effect.fnUntraced(function*(file: string) {
  const fs = yield* FileSystem.FileSystem
  // before it is opened: reading a pipe would never end
  const info = yield* fs.stat(file)
  if (info.type !== "File") return { fault: `it is a ${info.type}` }
  if (info.size > longestFile) return { fault: `it has ${info.size} bytes` }
  const fault = yield* TokenDirectory.closeToOthers(file, info, 0o600)
  return fault === null ? { text: yield* fs.readFileString(file) } : { fault }
})

/** The records; fails over a manual one that cannot be read, before any token is chosen without it. */
export const make = (
  { directory: option, fallback = true }: Options
): Effect.Effect<RecordStore, FlyError, FileSystem.FileSystem | Path.Path | Scope.Scope> =>
  Effect.gen(function*() {
    const context = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const scope = yield* Effect.scope
    const { directory, name, unwritable } = yield* TokenDirectory.find(option)
    const notKept = `Fly tokens cannot be kept in ${name} (${unwritable})`
    const refused = (app: AppName | null) =>
      Effect.fail(new FlyError({ app, operation: "token.storage", reason: new PersistFailed({ message: notKept }) }))

    /** The temporary directory, once there is one. */
    let instead: string | null = null
    const makeInstead = yield* Effect.cached(
      TokenDirectory.temporary.pipe(
        Effect.tap((made) =>
          Effect.logWarning(`${notKept}: created ones are kept in ${made}, which is removed when this process ends`)
        ),
        Effect.tap((made) => Effect.sync(() => void (instead = made))),
        Scope.provide(scope),
        Effect.provideContext(context)
      )
    )

    const read = (app: AppName, key: TokenKey, file: string) =>
      readText(file).pipe(
        Effect.flatMap(({ fault, text }) =>
          text === undefined
            ? TokenRecord.corrupt(app, key, file, fault ?? "it cannot be read")
            : TokenRecord.read(app, key, file, text)
        ),
        Effect.catchReason("PlatformError", "NotFound", () => Effect.succeed(null)),
        Effect.catchTag("PlatformError", (error) => Effect.fail(unreadable(app, file)(error))),
        Effect.provideContext(context)
      )

    const get: RecordStore["get"] = Effect.fnUntraced(function*(app, key) {
      const found = instead === null || key === "manual"
        ? null
        : yield* read(app, key, path.join(instead, fileName(app, key)))
      if (found !== null || directory === null) return found
      return yield* read(app, key, path.join(directory, fileName(app, key)))
    })

    const write = (app: AppName | null, file: string, text: string) =>
      PrivateFile.write(file, text).pipe(Effect.provideContext(context), Effect.mapError(unwritten(app, file)))

    const remove = (app: AppName | null, place: string | null, file: string) =>
      place === null ? Effect.void : PrivateFile.remove(path.join(place, file)).pipe(
        Effect.provideContext(context),
        Effect.mapError(unwritten(app, path.join(place, file)))
      )

    /** Reads every manual record at the start: a broken one is reported before any token is chosen without it. */
    const checkManual = Effect.fnUntraced(function*(place: string) {
      const names = yield* Effect.mapError(fs.readDirectory(place), unreadable(null, place))
      yield* Effect.forEach(
        names.filter((one) => one.endsWith(manualEnding)),
        (one) => {
          const file = path.join(place, one)
          return Option.match(appOf(one), {
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

    if (directory === null) yield* fallback ? makeInstead : refused(null)
    else {
      if (unwritable === null) yield* Effect.ignore(PrivateFile.sweep(directory))
      yield* checkManual(directory)
    }

    return {
      get,
      put: Effect.fnUntraced(function*(app, key, token) {
        const text = TokenRecord.render(app, key, token)
        if (directory !== null && unwritable === null) {
          return yield* write(app, path.join(directory, fileName(app, key)), text)
        }
        // a token that was set by hand exists nowhere else, and would be gone with this process
        if (key === "manual" || !fallback) return yield* refused(app)
        yield* write(app, path.join(yield* makeInstead, fileName(app, key)), text)
      }),
      delete: (app, key) =>
        Effect.andThen(
          Effect.suspend(() => remove(app, instead, fileName(app, key))),
          remove(app, directory, fileName(app, key))
        ),
      ...(directory === null ? {} : {
        mints: {
          get: (one) => {
            const file = path.join(directory, fileName(one, "mint"))
            return readText(file).pipe(
              Effect.map(({ text }) => text === undefined ? null : TokenRecord.readMint(one, text)),
              Effect.catchReason("PlatformError", "NotFound", () => Effect.succeed(null)),
              Effect.catchTag("PlatformError", (error) => Effect.fail(unreadable(null, file)(error))),
              Effect.provideContext(context)
            )
          },
          put: (one, note) =>
            write(null, path.join(directory, fileName(one, "mint")), TokenRecord.renderMint(one, note)),
          delete: (one) => remove(null, directory, fileName(one, "mint"))
        }
      })
    }
  })
