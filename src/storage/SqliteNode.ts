/**
 * A `SqlClient` on the SQLite that is built into Node: no native build, no other package, one private file.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as Predicate from "effect/Predicate"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as SqlClient from "effect/sql/SqlClient"
import type * as SqlConnection from "effect/sql/SqlConnection"
import * as SqlError from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import * as Stream from "effect/Stream"
import type { SQLInputValue, StatementSync } from "node:sqlite"
import { DatabaseSync } from "./BuiltinSqlite.ts"
import * as PrivateDirectory from "./PrivateDirectory.ts"
import * as SystemReason from "./SystemReason.ts"

/**
 * Which database, how long it waits for locks, and how durable its commits are.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Path of the file, which is made with mode 0600 in a directory of 0700 when it is missing; or `:memory:`. */
  readonly filename: string
  /** How long a statement waits for another connection's lock, without holding up other fibers; default 5 seconds. */
  readonly busyTimeout?: Duration.Input | undefined
  /**
   * What a commit survives: with `FULL` also a power cut; with `NORMAL` (the default) any crash of the process, while a
   * power cut may undo the last commits.
   */
  readonly synchronous?: "NORMAL" | "FULL" | undefined
  /** Prepared statements that are kept; default 200. */
  readonly statements?: number | undefined
}

const spanAttributes: ReadonlyArray<readonly [string, unknown]> = [["db.system.name", "sqlite"]]

/** How long SQLite itself waits for a lock; the whole process is blocked while it does, so it is short. */
const blockingMillis = 5

/** Between two attempts to get a lock that another connection holds. */
const retryPause = Schedule.jittered(Schedule.spaced("10 millis"))

/** SQLite's codes for a row that exists already: by a unique column, by the primary key, by the row id. */
const unique = 2067
const duplicates: ReadonlyArray<unknown> = [unique, 1555, 2579]

const failure = (cause: unknown, operation: string): SqlError.SqlError => {
  // node:sqlite has the result code in `errcode`; the classifier looks for it in `errno`, and knows only the first of these
  if (Predicate.hasProperty(cause, "errcode")) {
    Object.assign(cause, { errno: duplicates.includes(cause.errcode) ? unique : cause.errcode })
  }
  return new SqlError.SqlError({ reason: SqlError.classifySqliteError(cause, { operation }) })
}

const attempt = <A>(operation: string, body: () => A): Effect.Effect<A, SqlError.SqlError> =>
  Effect.try({ try: body, catch: (cause) => failure(cause, operation) })

const toInput = (value: unknown): SQLInputValue => {
  if (typeof value === "boolean") return Number(value)
  if (value instanceof Date) return value.toISOString()
  if (value === undefined || value === null) return null
  if (typeof value === "string" || typeof value === "number" || typeof value === "bigint") return value
  if (value instanceof Uint8Array) return value
  throw new TypeError(`a parameter of an SQL statement is of type ${typeof value}, which SQLite cannot store`)
}

/** Prepared statements by their text; beyond the limit the least recently used one is dropped. */
const makePrepare = (db: DatabaseSync, limit: number) => {
  const known = new Map<string, StatementSync>()
  return (sql: string): StatementSync => {
    const statement = known.get(sql) ?? db.prepare(sql)
    known.delete(sql)
    known.set(sql, statement)
    const [oldest] = known.keys()
    if (known.size > limit && oldest !== undefined) known.delete(oldest)
    return statement
  }
}

/** Makes the file private before SQLite opens it; SQLite gives its -wal and -shm files the mode of the file. */
const prepareFile = (filename: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    yield* PrivateDirectory.make(path.dirname(path.resolve(filename)))
    // opened only when it is new: opening and closing a file in use would release the locks this process holds on it
    yield* Effect.scoped(fs.open(filename, { flag: "wx", mode: 0o600 })).pipe(
      Effect.catchReason("PlatformError", "AlreadyExists", () => fs.access(filename, { writable: true }))
    )
  }).pipe(Effect.mapError((error) =>
    new SqlError.SqlError({
      reason: new SqlError.ConnectionError({
        cause: error,
        operation: "open",
        message: `${filename} cannot be opened: ${SystemReason.describe(error, filename)}`
      })
    })
  ))

/**
 * A client of one connection; closing the scope closes the file.
 *
 * **Details**
 *
 * Write-ahead log, foreign keys on, and transactions that take the write lock at once (`BEGIN IMMEDIATE`), so that a
 * transaction that reads and then writes waits for its turn instead of failing. Statements run on this thread.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options
): Effect.Effect<
  SqlClient.SqlClient,
  SqlError.SqlError,
  Scope.Scope | Reactivity.Reactivity | FileSystem.FileSystem | Path.Path
> =>
  Effect.gen(function*() {
    if (options.filename !== ":memory:") yield* prepareFile(options.filename)
    const db = yield* Effect.acquireRelease(
      attempt("open", () => new DatabaseSync(options.filename)),
      (open) => Effect.sync(() => open.close())
    )
    const lockWait = Duration.fromInputUnsafe(options.busyTimeout ?? "5 seconds")
    const isWaited = ({ reason }: SqlError.SqlError) => reason._tag === "LockTimeoutError" && !db.isTransaction
    /** Waits for another connection's lock without blocking; inside a transaction this connection holds the lock already. */
    const waiting = <A>(effect: Effect.Effect<A, SqlError.SqlError>) =>
      Effect.catchIf(effect, isWaited, () =>
        Effect.retry(effect, { schedule: Schedule.upTo(retryPause, { duration: lockWait }), while: isWaited }))
    yield* waiting(attempt("open", () => {
      db.exec(`PRAGMA busy_timeout = ${blockingMillis}`)
      db.exec("PRAGMA journal_mode = WAL")
      db.exec(`PRAGMA synchronous = ${options.synchronous === "FULL" ? "FULL" : "NORMAL"}`)
      db.exec("PRAGMA foreign_keys = ON")
    }))

    const prepare = makePrepare(db, options.statements ?? 200)
    const query = (sql: string, params: ReadonlyArray<unknown>, arrays: boolean) =>
      waiting(Effect.withFiber((fiber: Fiber.Fiber<unknown, unknown>) => {
        try {
          const statement = prepare(sql)
          statement.setReadBigInts(fiber.getRef(SqlClient.SafeIntegers))
          statement.setReturnArrays(arrays)
          return Effect.succeed(statement.all(...params.map(toInput)))
        } catch (cause) {
          return Effect.fail(failure(cause, "execute"))
        }
      }))
    const rows = (
      sql: string,
      params: ReadonlyArray<unknown>,
      transform: Parameters<SqlConnection.Connection["execute"]>[2]
    ) =>
      transform === undefined ? query(sql, params, false) : Effect.map(query(sql, params, false), transform)
    /** `setReturnArrays` makes each row an array of its values. */
    const values = (sql: string, params: ReadonlyArray<unknown>) =>
      Effect.map(query(sql, params, true), (all) =>
        all.map((row) => Array.isArray(row) ? row : Object.values(row)))

    const connection: SqlConnection.Connection = {
      execute: rows,
      executeUnprepared: rows,
      executeRaw: (sql, params) => query(sql, params, false),
      executeValues: values,
      executeValuesUnprepared: values,
      executeStream: (sql, params, transform) => Stream.fromArrayEffect(rows(sql, params, transform))
    }

    const acquirers = SqlClient.makeSqliteAcquirers({
      connection: Effect.succeed(connection),
      semaphore: yield* Semaphore.make(1),
      isTransaction: () => db.isTransaction
    })
    return yield* SqlClient.make({
      ...acquirers,
      compiler: Statement.makeCompilerSqlite(),
      driver: "node:sqlite",
      beginTransaction: "BEGIN IMMEDIATE",
      spanAttributes
    })
  })

/**
 * The client as a layer.
 *
 * **Example** (Tokens in a database)
 *
 * ```ts
 * import * as TokenStorageSql from "effect-atlas/fly/TokenStorageSql"
 * import * as SqliteNode from "effect-atlas/storage/SqliteNode"
 * import * as Layer from "effect/Layer"
 *
 * const storage = TokenStorageSql.layer.pipe(Layer.provide(SqliteNode.layer({ filename: "/var/lib/me/atlas.db" })))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<SqlClient.SqlClient, SqlError.SqlError, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(SqlClient.SqlClient, make(options)).pipe(Layer.provide(Reactivity.layer))
