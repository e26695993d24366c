/**
 * Where token records are kept: in memory, in a `KeyValueStore`, in a table of a database, or in private files.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as UserDirectories from "effect/persistence/UserDirectories"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as SqlClient from "effect/sql/SqlClient"
import { StorageFault } from "../../domain/AtlasError.ts"
import * as PrivateDirectory from "../../storage/PrivateDirectory.ts"
import * as PrivateFile from "../../storage/PrivateFile.ts"
import * as StateDirectory from "../../storage/StateDirectory.ts"
import * as SystemReason from "../../storage/SystemReason.ts"
import { AppName } from "../AppName.ts"
import { FlyError, PersistFailed } from "../FlyError.ts"
import * as TokenRecord from "./tokenRecord.ts"
import { unreadable, unwritten } from "./tokenRecord.ts"

type RecordStore = TokenRecord.RecordStore
type TokenKey = TokenRecord.TokenKey

/** Records in a map that lives as long as the layer. */
export const memory = (): RecordStore => {
  const records = new Map<string, TokenRecord.StoredToken>()
  const placeOf = (app: AppName, key: TokenKey) => `${app}/${key}`
  return {
    get: (app, key) => Effect.sync(() => Option.fromUndefinedOr(records.get(placeOf(app, key)))),
    put: (app, key, token) => Effect.sync(() => void records.set(placeOf(app, key), token)),
    delete: (app, key) => Effect.sync(() => void records.delete(placeOf(app, key)))
  }
}

const prefix = "fly-token/"

const keyOf = (app: AppName, key: TokenKey): string => `${prefix}${app}/${key}`

const manualKey = new RegExp(`^${prefix}([^/]+)/manual$`)

/** Records in a key-value store; fails over a manual one that cannot be read. */
export const keyValues: Effect.Effect<RecordStore, FlyError, KeyValueStore.KeyValueStore> = Effect.gen(function*() {
  const store = yield* KeyValueStore.KeyValueStore
  // a store may write in place, and two such writes at once would mix
  const { withPermit: oneAtATime } = yield* Semaphore.make(1)
  const get: RecordStore["get"] = (app, key) => {
    const place = keyOf(app, key)
    return store.get(place).pipe(
      Effect.mapError(unreadable(app, place)),
      Effect.flatMap((text) => text === undefined ? Effect.succeedNone : TokenRecord.read(app, key, place, text))
    )
  }
  const keys = yield* Effect.mapError(store.keys, unreadable(null, "the key-value store"))
  yield* Effect.forEach(keys, (one) =>
    Option.match(AppName.makeOption(manualKey.exec(one)?.[1] ?? ""), {
      onNone: () => Effect.void,
      onSome: (app) => Effect.asVoid(get(app, "manual"))
    }), { concurrency: 16, discard: true })
  return {
    get,
    put: (app, key, token) =>
      store.set(keyOf(app, key), TokenRecord.render(app, key, token)).pipe(
        oneAtATime,
        Effect.mapError(unwritten(app, keyOf(app, key)))
      ),
    delete: (app, key) =>
      store.remove(keyOf(app, key)).pipe(oneAtATime, Effect.mapError(unwritten(app, keyOf(app, key))))
  }
})

const tableName = "the table atlas_fly_tokens"

/** A row as drivers return it: for so wide a column SQLite a number, PostgreSQL a text or a bigint. */
const Row = Schema.Struct({
  token: Schema.NonEmptyString,
  expires_at: Schema.NullOr(Schema.Union([Schema.Int, Schema.BigInt, Schema.FiniteFromString]))
})

const decodeRow = Schema.decodeUnknownOption(Row)

/** Records in a table of SQLite or PostgreSQL, one row for each app and key; the table is made where it is missing. */
export const table: Effect.Effect<RecordStore, FlyError, SqlClient.SqlClient> = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE IF NOT EXISTS atlas_fly_tokens (
    app VARCHAR(63) NOT NULL,
    kind VARCHAR(16) NOT NULL,
    token TEXT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (app, kind)
  )`.pipe(
    // of two processes that make the table at once PostgreSQL fails one; the table is there when that one tries again
    Effect.retry({ times: 2 }),
    Effect.mapError(unwritten(null, tableName))
  )
  return {
    get: (app, key) =>
      Effect.gen(function*() {
        const [found] = yield* Effect.mapError(
          sql`SELECT token, expires_at FROM atlas_fly_tokens WHERE app = ${app} AND kind = ${key}`,
          unreadable(app, tableName)
        )
        if (found === undefined) return Option.none()
        const row = Option.getOrNull(decodeRow(found))
        if (row === null) return yield* TokenRecord.corrupt(app, key, tableName, "its row does not hold a token")
        const expiresAt = row.expires_at === null ? null : Number(row.expires_at)
        return Option.some({ token: Redacted.make(row.token), expiresAt })
      }),
    put: (app, key, { expiresAt, token }) =>
      sql`INSERT INTO atlas_fly_tokens (app, kind, token, expires_at)
        VALUES (${app}, ${key}, ${Redacted.value(token)}, ${expiresAt})
        ON CONFLICT (app, kind) DO UPDATE SET token = excluded.token, expires_at = excluded.expires_at`.pipe(
        Effect.mapError(unwritten(app, tableName)),
        Effect.asVoid
      ),
    delete: (app, key) =>
      sql`DELETE FROM atlas_fly_tokens WHERE app = ${app} AND kind = ${key}`.pipe(
        Effect.mapError(unwritten(app, tableName)),
        Effect.asVoid
      )
  }
})

/** Where token files are kept. */
export interface DirectoryOptions {
  readonly directory?: string | undefined
  /** Whether a temporary directory will do; default true. */
  readonly fallback?: boolean | undefined
}

/** The option, the setting, or the user's data directory; null where the user has no home directory. */
const wantedDirectory = Effect.fnUntraced(function*(option: string | undefined) {
  if (option !== undefined && option !== "") return option
  const configured = yield* Config.String("ATLAS_FLY_TOKENS_DIR").pipe(Effect.orElseSucceed(() => ""))
  if (configured !== "") return configured
  const path = yield* Path.Path
  return yield* StateDirectory.withHome(UserDirectories.make().data("effect-atlas")).pipe(
    Effect.map((data) => path.join(data, "fly-tokens")),
    Effect.orElseSucceed(() => null)
  )
})

/** A new directory with a random name that only this user can look into; removed when the scope closes. */
const temporaryDirectory = Effect.gen(function*() {
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
      message: `the temporary directory ${directory} can be read by other users; set ATLAS_FLY_TOKENS_DIR`
    })
  })
})

/** The directory to keep tokens in: the wanted one if it can be written to, else a temporary one, with a warning. */
const chooseDirectory = Effect.fnUntraced(function*({ directory: option, fallback = true }: DirectoryOptions) {
  const path = yield* Path.Path
  const instead = (why: string) =>
    fallback
      ? Effect.tap(temporaryDirectory, (directory) =>
        Effect.logWarning(`Fly tokens ${why}: they are kept in ${directory}, which is removed when this process ends`))
      : Effect.fail(
        new FlyError({ operation: "token.storage", reason: new PersistFailed({ message: `Fly tokens ${why}` }) })
      )
  const directory = yield* wantedDirectory(option)
  if (directory === null) {
    return yield* instead("cannot be kept on disk, since the user has no home directory (set ATLAS_FLY_TOKENS_DIR)")
  }
  const resolved = path.resolve(directory)
  return yield* PrivateDirectory.ensureWritable(resolved).pipe(
    Effect.as(resolved),
    Effect.catch((error) => instead(`cannot be kept in ${resolved}: ${SystemReason.describe(error, resolved)}`))
  )
})

/** A record is a token of a few kilobytes; a longer file is no record. */
const longestFile = 64 * 1024

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

/**
 * Records in private files of one directory, one for each app and key; fails over a manual one that cannot be read.
 * Several processes may share the directory, since each file is replaced as a whole.
 */
export const files = (
  options: DirectoryOptions
): Effect.Effect<RecordStore, FlyError, FileSystem.FileSystem | Path.Path | Scope.Scope> =>
  Effect.gen(function*() {
    const context = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const directory = yield* chooseDirectory(options)
    const fileOf = (app: AppName, key: TokenKey) => path.join(directory, fileName(app, key))

    const read = (app: AppName, key: TokenKey, file: string) =>
      Effect.gen(function*() {
        // before it is opened: reading a pipe would never end
        const { size, type } = yield* fs.stat(file)
        if (type !== "File") return yield* TokenRecord.corrupt(app, key, file, `it is a ${type}`)
        if (size > longestFile) return yield* TokenRecord.corrupt(app, key, file, `it has ${size} bytes`)
        return yield* TokenRecord.read(app, key, file, yield* fs.readFileString(file))
      })

    const get: RecordStore["get"] = (app, key) => {
      const file = fileOf(app, key)
      return read(app, key, file).pipe(
        Effect.catchReason("PlatformError", "NotFound", () => Effect.succeedNone),
        Effect.catchTag("PlatformError", (error) => Effect.fail(unreadable(app, file)(error)))
      )
    }

    /** Reads every manual record at the start: a broken one is reported before any token is chosen without it. */
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
