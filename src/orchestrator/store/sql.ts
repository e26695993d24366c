/**
 * Sessions in SQLite or PostgreSQL: one row a session, its attempts beside it.
 */
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
import { storageFault } from "./faults.ts"
import * as Outside from "./outside.ts"
import * as OwnerLocks from "./ownerLocks.ts"
import * as Rows from "./rows.ts"
import type { SessionStore, Unreadable } from "./StoreContract.ts"
import * as Writing from "./writing.ts"

/**
 * A row a session. Attempts stand beside their sessions, so that one is found without opening any; a seat says who writes
 * an owner's sessions, and is told to those who may not.
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

/** Two processes that start at once make the tables once; the one that came second looks again. */
const retryMigration = Schedule.spaced("50 millis")

/** Brings the tables to where this build wants them. */
const migrate: Effect.Effect<void, unknown, SqlClient.SqlClient> = Migrator.make({})({
  loader: Migrator.fromRecord({ "1_sessions": createTables }),
  table: "atlas_session_migrations"
}).pipe(
  Effect.retry({ schedule: retryMigration, times: 4 }),
  Effect.asVoid
)

/** What tells a row from what it was: also one that was changed by hand, as far as its form or its length shows. */
const fingerprintColumns = "id, version, schema_version, octet_length(state) AS bytes"

/** Rows known to be readable. */
interface ReadableRows {
  readonly add: (row: Readonly<Record<string, unknown>>) => void
  readonly has: (row: Readonly<Record<string, unknown>>) => boolean
  /** What a commit made of a row; `bytes` is null when it deleted it. */
  readonly written: (row: { readonly id: string; readonly version: number; readonly bytes: number | null }) => void
}

const markOf = (version: unknown, form: unknown, bytes: unknown): string =>
  `${Number(version)}/${Number(form)}/${Number(bytes)}`

const markOfRow = (row: Readonly<Record<string, unknown>>): string =>
  markOf(row["version"], row["schema_version"], row["bytes"])

/** No row is known yet. */
const makeReadableRows = (): ReadableRows => {
  const known = new Map<string, string>()
  return {
    add: (row) => known.set(String(row["id"]), markOfRow(row)),
    has: (row) => known.get(String(row["id"])) === markOfRow(row),
    written: ({ bytes, id, version }) => {
      if (bytes === null) known.delete(id)
      else known.set(id, markOf(version, schemaVersion, bytes))
    }
  }
}

/** Rows that are read at once; between pages others have their turn. */
const page = 500

const isSessionId = Schema.is(SessionId)

/** A store over the database of the client; makes its tables. */
export const make: Effect.Effect<SessionStore["Service"], AtlasError, SqlClient.SqlClient | Scope.Scope> = Effect.gen(
  function*() {
    const sql = (yield* SqlClient.SqlClient).withoutTransforms()
    const outside = Outside.make(sql, yield* Effect.scope)
    yield* outside("open", Effect.provideService(migrate, SqlClient.SqlClient, sql))
    const seats = yield* OwnerLocks.make(sql, OwnerLocks.databaseLockOf(sql))
    const proofs = makeReadableRows()

    /** Every row of an owner, in pages: `f` is shown each of them. */
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
        if (Result.isSuccess(session)) proofs.add(row)
        return session
      }

    /** Opens the rows that this process has not read or written as they are now; fails with the first that it cannot read. */
    const proveAll = Effect.fnUntraced(function*(owner: Owner) {
      const unproved: Array<string> = []
      yield* eachRow(owner, fingerprintColumns, (row) => {
        if (!proofs.has(row)) unproved.push(String(row["id"]))
      })
      for (let start = 0; start < unproved.length; start += page) {
        const ids = unproved.slice(start, start + page)
        const rows = yield* sql`SELECT ${sql.literal(Rows.columns)} FROM atlas_sessions WHERE ${sql.in("id", ids)}`
        for (const row of rows) {
          const session = read(owner)(row)
          if (Result.isFailure(session)) {
            const { id, message } = session.failure
            return yield* storageFault(
              "attempt",
              `nobody can tell while the stored session ${id} cannot be read: ${message}`
            )
          }
        }
      }
    })

    return {
      lock: (owner) => Effect.map(seats.lock(owner), ({ lostTo }) => ({ lostTo: outside("lock", lostTo) })),
      load: (owner) =>
        outside(
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
      commit: (owner, writes) =>
        Effect.gen(function*() {
          if (writes.length === 0) return []
          const drafts = yield* Effect.fromResult(Writing.draft(owner, writes))
          const now = yield* Clock.currentTimeMillis
          const lost = yield* outside(
            "commit",
            sql.withTransaction(Effect.flatMap(seats.mayWrite(owner), (mayWrite) =>
              mayWrite
                ? Writing.write(sql, { owner, drafts, now, writer: seats.writer(owner) })
                : Effect.succeed(writes.map(({ id }) => id))))
          )
          const isLost = new Set(lost)
          for (const { bytes, id, version } of drafts) {
            if (!isLost.has(id)) proofs.written({ id, version: version + 1, bytes })
          }
          return lost
        }),
      attempt: (owner, attempt) =>
        outside(
          "attempt",
          Effect.gen(function*() {
            const [found] = yield* sql`SELECT session FROM atlas_session_attempts
              WHERE attempt = ${attempt} AND owner = ${owner}`
            if (found === undefined) {
              yield* proveAll(owner)
              return Option.none<SessionId>()
            }
            const { session } = found
            return isSessionId(session)
              ? Option.some(session)
              : yield* storageFault("attempt", "nobody can tell: the session of that attempt has no id")
          })
        )
    }
  }
)
