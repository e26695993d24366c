/**
 * Sessions in SQLite or PostgreSQL: one row for each session, and its attempts in a table of their own.
 */
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Migrator from "effect/sql/Migrator"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { AtlasError } from "../../domain/AtlasError.ts"
import * as Entropy from "../../domain/Entropy.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import { AttemptId, SessionId } from "../session/Ids.ts"
import { schemaVersion, type SessionState } from "../session/State.ts"
import * as Detached from "./detached.ts"
import { storageFault } from "./faults.ts"
import * as OwnerLocks from "./ownerLocks.ts"
import { none as noReserve, type Reserve } from "./reserve.ts"
import * as Rows from "./rows.ts"
import { isDamaged } from "./sqlFaults.ts"
import { prepared } from "./statements.ts"
import type { Loaded, Page, SessionStore, Unreadable } from "./StoreContract.ts"
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

/** One row: what tells this database from others; a copy or a backup of it has the same. */
const createIdentity = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE atlas_session_store (identity VARCHAR(20) NOT NULL PRIMARY KEY)`
  yield* sql`INSERT INTO atlas_session_store ${sql.insert({ identity: yield* Entropy.word(20) })}`
})

/** Of two processes that create the tables at once one fails; it tries again and finds them. */
const retryMigration = Schedule.spaced("50 millis")

/** Creates the tables, or brings them to the version of this build. */
const migrate: Effect.Effect<void, unknown, SqlClient.SqlClient> = Migrator.make({})({
  loader: Migrator.fromRecord({ "1_sessions": createTables, "2_identity": createIdentity }),
  table: "atlas_session_migrations"
}).pipe(
  Effect.retry({ schedule: retryMigration, times: 4 }),
  Effect.asVoid
)

/** The columns that show whether a row has changed, also by hand, as far as its form or length shows it. */
const fingerprintColumns = "id, version, schema_version, octet_length(state) AS bytes"

/** The rows this process has read or written, so that they are known to be readable. */
interface ReadableRows {
  readonly add: (id: string, row: Readonly<Record<string, unknown>>) => void
  readonly has: (row: Readonly<Record<string, unknown>>) => boolean
  /** Notes a committed write; `bytes` is null when it deleted the row. */
  readonly written: (row: { readonly id: string; readonly version: number; readonly bytes: number | null }) => void
}

/** One number, which takes less room than a text: bytes below 16 MiB, forms below 16, and versions up to 33 million are told apart. */
const fingerprint = (version: unknown, form: unknown, bytes: unknown): number =>
  (Number(version) * 16 + Number(form) % 16) * 0x1_00_00_00 + Number(bytes) % 0x1_00_00_00

const fingerprintOf = (row: Readonly<Record<string, unknown>>): number =>
  fingerprint(row["version"], row["schema_version"], row["bytes"])

/** No row is known yet. */
const makeReadableRows = (): ReadableRows => {
  const known = new Map<string, number>()
  return {
    add: (id, row) => known.set(id, fingerprintOf(row)),
    has: (row) => known.get(String(row["id"])) === fingerprintOf(row),
    written: ({ bytes, id, version }) => {
      if (bytes === null) known.delete(id)
      else known.set(id, fingerprint(version, schemaVersion, bytes))
    }
  }
}

/** Rows that are read at once: some 20 milliseconds of work, after which other fibers and the event loop run. */
const page = 200

/** Fingerprints that are read at once. */
const fingerprintPage = 2_000

const isSessionId = Schema.is(SessionId)
const isAttemptId = Schema.is(AttemptId)

type Row = Readonly<Record<string, unknown>>

/** A store over the database of the client; creates its tables. A file has a reserve, and its failures name it. */
export const make = (
  { filename, reserve = noReserve }: { readonly filename?: string; readonly reserve?: Reserve } = {}
): Effect.Effect<SessionStore["Service"], AtlasError, SqlClient.SqlClient | Scope.Scope> =>
  Effect.gen(function*() {
    const sql = (yield* SqlClient.SqlClient).withoutTransforms()
    const runDetached = Detached.make(sql, { filename, reserve })
    yield* runDetached("open", Effect.provideService(migrate, SqlClient.SqlClient, sql))
    const identities = yield* runDetached("open", sql`SELECT identity FROM atlas_session_store ORDER BY identity`)
    const named = identities[0]?.["identity"]
    const identity = typeof named === "string" ? named : undefined
    const locks = yield* OwnerLocks.make(sql, OwnerLocks.databaseLockOf(sql))
    const write = Writing.make(sql)
    const readable = makeReadableRows()

    const rowsAfter = (owner: Owner, columns: string, after: string, limit: number) =>
      sql`SELECT ${sql.literal(columns)} FROM atlas_sessions
        WHERE owner = ${owner} AND id > ${after} ORDER BY id LIMIT ${limit}`

    const pageAfter = prepared(
      sql,
      sql`SELECT ${
        sql.literal(Rows.columns)
      } FROM atlas_sessions WHERE owner = ${""} AND id > ${""} ORDER BY id LIMIT ${page}`
    )
    /** A page of rows, read as values, since rows as objects take a client twice as long to make. */
    const wholeRowsAfter = (owner: Owner, after: string) =>
      Effect.map(pageAfter(owner, after, page), (rows) =>
        rows.map(([id, owner, version, schema_version, created_at, state, bytes]): Row => ({
          id,
          owner,
          version,
          schema_version,
          created_at,
          state,
          bytes
        })))

    const rowsOf = (ids: ReadonlyArray<string>) =>
      ids.length === 0
        ? Effect.succeed<ReadonlyArray<Row>>([])
        : sql`SELECT ${sql.literal(Rows.columns)} FROM atlas_sessions WHERE ${sql.in("id", ids)}`

    /** Decodes rows; a row that cannot be read is answered as such. */
    const decodeAll = (owner: Owner, rows: ReadonlyArray<Row>): Loaded => {
      const sessions: Array<SessionState> = []
      const unreadable: Array<Unreadable> = []
      for (const row of rows) {
        const session = row["state"] === undefined
          ? Result.fail(Rows.unreadable(row, "the session database is damaged there"))
          : Rows.read(owner, row)
        if (Result.isFailure(session)) {
          unreadable.push(session.failure)
        } else {
          // the session's own text, which is held anyway
          readable.add(session.success.spec.id, row)
          sessions.push(session.success)
        }
      }
      return { sessions, unreadable }
    }

    /** These rows, each by itself, for a database that is damaged: of a row that cannot be read what its index tells. */
    const oneByOne = (rows: ReadonlyArray<Row>) =>
      Effect.forEach(rows, (row) =>
        rowsOf([String(row["id"])]).pipe(
          Effect.map((found): Row =>
            found[0] ?? row
          ),
          Effect.catchIf(isDamaged, () => Effect.succeed(row))
        ))

    const load = Effect.fnUntraced(function*(owner: Owner, after: string): Effect.fn.Return<Page, SqlError> {
      const rows = yield* wholeRowsAfter(owner, after).pipe(
        Effect.catchIf(isDamaged, () =>
          Effect.flatMap(rowsAfter(owner, fingerprintColumns, after, page), (found) =>
            oneByOne(found)))
      )
      const last = rows.at(-1)?.["id"]
      return { ...decodeAll(owner, rows), next: rows.length < page || last === undefined ? null : String(last) }
    })

    /** The rows that are not known to be readable, and cannot be read. */
    const unreadableRows = Effect.fnUntraced(function*(owner: Owner): Effect.fn.Return<Array<Unreadable>, SqlError> {
      const unreadable: Array<Unreadable> = []
      for (let after = "";;) {
        const rows = yield* rowsAfter(owner, fingerprintColumns, after, fingerprintPage)
        const unread = rows.filter((row) =>
          !readable.has(row)
        )
        for (const some of Arr.chunksOf(unread, page)) {
          yield* Effect.yieldNow
          const ids = some.map((row) => String(row["id"]))
          const found = yield* Effect.catchIf(rowsOf(ids), isDamaged, () => oneByOne(some))
          unreadable.push(...decodeAll(owner, found).unreadable)
        }
        if (rows.length < fingerprintPage) return unreadable
        after = String(rows.at(-1)?.["id"])
        yield* Effect.yieldNow
      }
    })

    /** Those of these values that the table of attempts has in this column, with the session of each. */
    const indexed = Effect.fnUntraced(
      function*(owner: Owner, column: "attempt" | "session", values: ReadonlyArray<string>) {
        const rows: Array<Row> = []
        for (const some of Arr.chunksOf(values, page)) {
          rows.push(
            ...yield* sql`SELECT attempt, session FROM atlas_session_attempts
              WHERE owner = ${owner} AND ${sql.in(column, some)}`
          )
        }
        return rows
      }
    )

    const attempts = Effect.fnUntraced(function*(owner: Owner, wanted: ReadonlyArray<AttemptId>) {
      const unreadable = yield* unreadableRows(owner)
      // looked up after the rows were read: what was written meanwhile is found here
      const sessions = new Map<AttemptId, SessionId>()
      for (const { attempt, session } of yield* indexed(owner, "attempt", wanted)) {
        if (!isAttemptId(attempt) || !isSessionId(session)) {
          return yield* storageFault("attempts", "a stored attempt names no valid session id")
        }
        sessions.set(attempt, session)
      }
      // the attempts of a row are written in one transaction with it, so of a row that has some all are known
      const rows = yield* indexed(owner, "session", unreadable.map(({ id }) => id))
      const known = new Set(rows.map((row) => row["session"]))
      return { sessions, unknown: unreadable.filter(({ id }) => !known.has(id)) }
    })

    return {
      identity,
      lock: (owner) =>
        reserve.guard(locks.lock(owner)).pipe(
          Effect.tap(() => Effect.ignore(runDetached("lock", reserve.fill(sql)))),
          Effect.map(({ lostTo }) => ({ lostTo: runDetached("lock", lostTo) }))
        ),
      load: (owner, after = "") => runDetached("load", load(owner, after)),
      read: (owner, ids) =>
        runDetached(
          "read",
          Effect.gen(function*() {
            const rows: Array<Row> = []
            for (const some of Arr.chunksOf(ids, page)) {
              rows.push(...yield* Effect.catchIf(rowsOf(some), isDamaged, () => oneByOne(some.map((id) => ({ id })))))
            }
            return decodeAll(owner, rows)
          })
        ),
      commit: (owner, writes) =>
        Effect.gen(function*() {
          if (writes.length === 0) return []
          const rows = yield* Effect.fromResult(Writing.prepare(owner, writes))
          const now = yield* Clock.currentTimeMillis
          const transaction = sql.withTransaction(Effect.flatMap(locks.mayWrite(owner), (mayWrite) =>
            mayWrite
              ? write({ owner, rows, now, writer: locks.writer(owner) })
              : Effect.succeed(writes.map(({ id }) => id))))
          const lost = yield* runDetached(
            "commit",
            Effect.andThen(reserve.admit(writes, Detached.writeBack(sql)), transaction)
          )
          const isLost = new Set(lost)
          for (const { bytes, id, version } of rows) {
            if (!isLost.has(id)) readable.written({ id, version: version + 1, bytes })
          }
          return lost
        }),
      attempts: (owner, wanted) => runDetached("attempts", attempts(owner, wanted))
    }
  })
