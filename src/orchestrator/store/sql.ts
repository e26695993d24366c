/**
 * Sessions in SQLite or PostgreSQL: one row for each session, and its attempts in a table of their own.
 */
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Migrator from "effect/sql/Migrator"
import * as SqlClient from "effect/sql/SqlClient"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import { SessionId } from "../session/Ids.ts"
import { schemaVersion, type SessionState } from "../session/State.ts"
import * as Detached from "./detached.ts"
import { storageFault } from "./faults.ts"
import * as OwnerLocks from "./ownerLocks.ts"
import * as Rows from "./rows.ts"
import type { SessionStore, Unreadable } from "./StoreContract.ts"
import * as Writing from "./writing.ts"

/**
 * A row for each session. Attempts have a table, so that one is found without decoding any session. A row of
 * `atlas_session_seats` names the process that holds an owner's lock.
 */
const createTables = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE atlas_sessions (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    owner VARCHAR(16) NOT NULL,
    version INTEGER NOT NULL,
    schema_version INTEGER NOT NULL,
    state TEXT NOT NULL,
    writer VARCHAR(32) NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
  )`
  yield* sql`CREATE INDEX atlas_sessions_owner ON atlas_sessions (owner, id, version, schema_version, (octet_length(state)))`
  yield* sql`CREATE TABLE atlas_session_attempts (
    attempt VARCHAR(12) NOT NULL,
    session VARCHAR(64) NOT NULL,
    owner VARCHAR(16) NOT NULL,
    PRIMARY KEY (attempt, session)
  )`
  yield* sql`CREATE INDEX atlas_session_attempts_session ON atlas_session_attempts (session)`
  yield* sql`CREATE TABLE atlas_session_seats (
    owner VARCHAR(16) NOT NULL PRIMARY KEY,
    token VARCHAR(32) NOT NULL,
    pid INTEGER NOT NULL,
    host VARCHAR(255) NOT NULL,
    since BIGINT NOT NULL
  )`
})

/** Of two processes that create the tables at once one fails; it tries again and finds them. */
const retryMigration = Schedule.spaced("50 millis")

/** Creates the tables, or brings them to the version of this build. */
const migrate: Effect.Effect<void, unknown, SqlClient.SqlClient> = Migrator.make({})({
  loader: Migrator.fromRecord({ "1_sessions": createTables }),
  table: "atlas_session_migrations"
}).pipe(
  Effect.retry({ schedule: retryMigration, times: 4 }),
  Effect.asVoid
)

/** The columns that show whether a row has changed, also by hand, as far as its form or length shows it. */
const fingerprintColumns = "id, version, schema_version, octet_length(state) AS bytes"

/** The rows this process has read or written, so that they are known to be readable. */
interface ReadableRows {
  readonly add: (row: Readonly<Record<string, unknown>>) => void
  readonly has: (row: Readonly<Record<string, unknown>>) => boolean
  /** Notes a committed write; `bytes` is null when it deleted the row. */
  readonly written: (row: { readonly id: string; readonly version: number; readonly bytes: number | null }) => void
}

const fingerprint = (version: unknown, form: unknown, bytes: unknown): string =>
  `${Number(version)}/${Number(form)}/${Number(bytes)}`

const fingerprintOf = (row: Readonly<Record<string, unknown>>): string =>
  fingerprint(row["version"], row["schema_version"], row["bytes"])

/** No row is known yet. */
const makeReadableRows = (): ReadableRows => {
  const known = new Map<string, string>()
  return {
    add: (row) => known.set(String(row["id"]), fingerprintOf(row)),
    has: (row) => known.get(String(row["id"])) === fingerprintOf(row),
    written: ({ bytes, id, version }) => {
      if (bytes === null) known.delete(id)
      else known.set(id, fingerprint(version, schemaVersion, bytes))
    }
  }
}

/** Rows that are read at once; between pages other fibers run. */
const page = 500

const isSessionId = Schema.is(SessionId)

/** A store over the database of the client; creates its tables. */
export const make: Effect.Effect<SessionStore["Service"], AtlasError, SqlClient.SqlClient | Scope.Scope> = Effect.gen(
  function*() {
    const sql = (yield* SqlClient.SqlClient).withoutTransforms()
    const runDetached = Detached.make(sql, yield* Effect.scope)
    yield* runDetached("open", Effect.provideService(migrate, SqlClient.SqlClient, sql))
    const locks = yield* OwnerLocks.make(sql, OwnerLocks.databaseLockOf(sql))
    const readable = makeReadableRows()

    /** Calls `f` with every row of an owner, read in pages. */
    const eachRow = Effect.fnUntraced(function*(
      owner: Owner,
      columns: string,
      f: (row: Readonly<Record<string, unknown>>) => void
    ) {
      let after = ""
      while (true) {
        const rows = yield* sql`SELECT ${sql.literal(columns)} FROM atlas_sessions
          WHERE owner = ${owner} AND id > ${after} ORDER BY id LIMIT ${page}`
        rows.forEach(f)
        after = String(rows.at(-1)?.["id"])
        if (rows.length < page) return
        yield* Effect.yieldNow
      }
    })

    const read =
      (owner: Owner) => (row: Readonly<Record<string, unknown>>): Result.Result<SessionState, Unreadable> => {
        const session = Rows.read(owner, row)
        if (Result.isSuccess(session)) readable.add(row)
        return session
      }

    /** Reads the rows that are not known to be readable; fails at the first that cannot be read. */
    const requireReadable = Effect.fnUntraced(function*(owner: Owner) {
      const unread: Array<string> = []
      yield* eachRow(owner, fingerprintColumns, (row) => {
        if (!readable.has(row)) unread.push(String(row["id"]))
      })
      for (let start = 0; start < unread.length; start += page) {
        const ids = unread.slice(start, start + page)
        const rows = yield* sql`SELECT ${sql.literal(Rows.columns)} FROM atlas_sessions WHERE ${sql.in("id", ids)}`
        for (const row of rows) {
          const session = read(owner)(row)
          if (Result.isFailure(session)) {
            const { id, message } = session.failure
            return yield* storageFault(
              "attempt",
              `no answer while the stored session ${id} cannot be read, since the attempt may be its own: ${message}`
            )
          }
        }
      }
    })

    return {
      lock: (owner) => Effect.map(locks.lock(owner), ({ lostTo }) => ({ lostTo: runDetached("lock", lostTo) })),
      load: (owner) =>
        runDetached(
          "load",
          Effect.gen(function*() {
            const sessions: Array<SessionState> = []
            const unreadable: Array<Unreadable> = []
            yield* eachRow(owner, Rows.columns, (row) => {
              const session = read(owner)(row)
              if (Result.isSuccess(session)) sessions.push(session.success)
              else unreadable.push(session.failure)
            })
            return { sessions, unreadable }
          })
        ),
      read: (owner, ids) =>
        runDetached(
          "read",
          Effect.gen(function*() {
            const sessions: Array<SessionState> = []
            const unreadable: Array<Unreadable> = []
            for (const some of Arr.chunksOf(ids, page)) {
              const rows = yield* sql`SELECT ${sql.literal(Rows.columns)} FROM atlas_sessions WHERE ${
                sql.in("id", some)
              }`
              for (const row of rows) {
                const session = read(owner)(row)
                if (Result.isSuccess(session)) sessions.push(session.success)
                else unreadable.push(session.failure)
              }
            }
            return { sessions, unreadable }
          })
        ),
      commit: (owner, writes) =>
        Effect.gen(function*() {
          if (writes.length === 0) return []
          const rows = yield* Effect.fromResult(Writing.prepare(owner, writes))
          const now = yield* Clock.currentTimeMillis
          const lost = yield* runDetached(
            "commit",
            sql.withTransaction(Effect.flatMap(locks.mayWrite(owner), (mayWrite) =>
              mayWrite
                ? Writing.write(sql, { owner, rows, now, writer: locks.writer(owner) })
                : Effect.succeed(writes.map(({ id }) => id))))
          )
          const isLost = new Set(lost)
          for (const { bytes, id, version } of rows) {
            if (!isLost.has(id)) readable.written({ id, version: version + 1, bytes })
          }
          return lost
        }),
      attempt: (owner, attempt) =>
        runDetached(
          "attempt",
          Effect.gen(function*() {
            const [found] = yield* sql`SELECT session FROM atlas_session_attempts
              WHERE attempt = ${attempt} AND owner = ${owner}`
            if (found === undefined) {
              yield* requireReadable(owner)
              return Option.none<SessionId>()
            }
            const { session } = found
            return isSessionId(session)
              ? Option.some(session)
              : yield* storageFault("attempt", "the stored attempt names no valid session id")
          })
        )
    }
  }
)
