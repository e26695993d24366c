/**
 * Sessions in SQLite or PostgreSQL: one row a session, its attempts beside it.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import { SessionId } from "../session/Ids.ts"
import type { SessionState } from "../session/State.ts"
import type { SessionStore, Unreadable } from "../SessionStore.ts"
import * as Exclusions from "./exclusions.ts"
import { storageFault } from "./faults.ts"
import * as Outside from "./outside.ts"
import * as Proofs from "./proofs.ts"
import * as Rows from "./rows.ts"
import * as Seats from "./seats.ts"
import { migrate } from "./tables.ts"
import * as Writing from "./writing.ts"

/** Rows that are read at once; between pages others have their turn. */
const page = 500

const isSessionId = Schema.is(SessionId)

/** A store over the database of the client; makes its tables. */
export const make: Effect.Effect<SessionStore["Service"], AtlasError, SqlClient.SqlClient | Scope.Scope> = Effect.gen(
  function*() {
    const sql = (yield* SqlClient.SqlClient).withoutTransforms()
    const outside = Outside.make(sql, yield* Effect.scope)
    yield* outside("open", Effect.provideService(migrate, SqlClient.SqlClient, sql))
    const seats = yield* Seats.make(sql, Exclusions.of(sql))
    const proofs = Proofs.make()

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
      yield* eachRow(owner, Proofs.columns, (row) => {
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
