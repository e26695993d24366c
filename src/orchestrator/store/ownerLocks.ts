/**
 * The one seat of each owner: who sits there may write, and everybody else is told who does.
 *
 * What keeps others out depends on the database and is given up by a crash. The row beside it says who sits, and fences: a
 * process that has lost its seat without noticing writes nothing any more, because every commit looks whose the row is.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { hostname } from "node:os"
import type { AtlasError } from "../../domain/AtlasError.ts"
import * as Entropy from "../../domain/Entropy.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import { guarded, occupied, storageFault } from "./faults.ts"

/** Databases in memory belong to this process, and so do their seats: one set a client, whoever made a store of it. */
const inMemory = new WeakMap<object, Set<Owner>>()

const takeInMemory = (seats: Set<Owner>, owner: Owner) =>
  Effect.acquireRelease(
    Effect.sync(() => !seats.has(owner) && seats.add(owner).size > 0),
    (isTaken) => Effect.sync(() => void (isTaken && seats.delete(owner)))
  )

/** The file of the database; empty when it has none. */
const fileOf = (sql: SqlClient.SqlClient): Effect.Effect<string, SqlError> =>
  Effect.map(sql`PRAGMA database_list`, (all) => {
    const file = all.find((one) => one["name"] === "main")?.["file"]
    return typeof file === "string" ? file : ""
  })

const sqlite = (sql: SqlClient.SqlClient): DatabaseLock => ({
  take: (owner): Effect.Effect<boolean, SqlError | AtlasError, Scope.Scope> =>
    Effect.gen(function*() {
      const file = yield* fileOf(sql)
      if (file !== "") {
        // only who has a file needs Node's SQLite
        const FileLock = yield* Effect.promise(() => import("./fileLock.ts"))
        return yield* FileLock.take(`${file}.${owner}.lock`)
      }
      const seats = inMemory.get(sql.transactionService) ?? new Set<Owner>()
      inMemory.set(sql.transactionService, seats)
      return yield* takeInMemory(seats, owner)
    })
})

/** How often a connection that holds a lock is looked after, and the most it may take to answer. */
const watchEvery = Duration.seconds(5)
const answerWithin = Duration.seconds(20)

/** A lock a database, schema and owner; the text must never change, or two versions would not see each other. */
const advisory = (verb: string) =>
  `SELECT ${verb}(hashtextextended('effect-atlas sessions ' || current_schema() || ' ' || $1, 0))`

/**
 * A lock of a connection that nobody else gets meanwhile. When the connection is lost, the lock is taken on another one as
 * long as the seat is still ours; who finds it taken stops looking, and its commits find that out by themselves.
 */
const postgres = (sql: SqlClient.SqlClient): DatabaseLock => {
  const lockOn = (owner: Owner) =>
    Effect.gen(function*() {
      const connection = yield* Effect.timeoutOrElse(sql.reserve, {
        duration: answerWithin,
        orElse: () =>
          Effect.fail(storageFault("lock", "the session database has no connection left to hold the seat with"))
      })
      const answer = yield* connection.executeValues(advisory("pg_try_advisory_lock"), [owner])
      const isTaken = answer[0]?.[0] === true
      if (isTaken) {
        yield* Effect.addFinalizer(() =>
          connection.executeValues(advisory("pg_advisory_unlock"), [owner]).pipe(
            Effect.timeout(answerWithin),
            Effect.interruptible,
            Effect.ignoreCause
          )
        )
      }
      const look = connection.executeValues("SELECT 1", []).pipe(Effect.timeout(answerWithin))
      return { isTaken, look: Effect.exit(look) }
    })

  return {
    take: (owner, isStillOurs) =>
      Effect.gen(function*() {
        const outer = yield* Effect.scope
        let inner = yield* Scope.fork(outer)
        const first = yield* Scope.provide(lockOn(owner), inner)
        if (!first.isTaken) {
          yield* Scope.close(inner, Exit.void)
          return false
        }
        let { look } = first
        const retake = Effect.gen(function*() {
          yield* Effect.logWarning(
            `the connection that holds the seat of the owner ${owner} was lost; it is taken anew`
          )
          while (true) {
            yield* Scope.close(inner, Exit.void)
            inner = yield* Scope.fork(outer)
            const again = yield* Effect.exit(
              Effect.all({ lock: Scope.provide(lockOn(owner), inner), isOurs: isStillOurs })
            )
            if (Exit.isSuccess(again)) {
              if (!again.value.isOurs) return false
              // taken, and not by another: the server may take a while to see that our old connection is gone
              if (again.value.lock.isTaken) {
                look = again.value.lock.look
                return true
              }
            }
            yield* Effect.sleep(watchEvery)
          }
        })
        yield* Effect.forkScoped(Effect.gen(function*() {
          while (true) {
            yield* Effect.sleep(watchEvery)
            if (Exit.isSuccess(yield* look)) continue
            if (!(yield* retake)) return yield* Scope.close(inner, Exit.void)
          }
        }))
        return true
      })
  }
}

/** What the database of a client can do. */
export const databaseLockOf = (sql: SqlClient.SqlClient): DatabaseLock =>
  sql.onDialectOrElse({ pg: () => postgres(sql), orElse: () => sqlite(sql) })

/** What keeps others out. */
export interface DatabaseLock {
  /** Whether it could be had; it is held until the scope closes. `isStillOurs` is asked before it is taken anew. */
  readonly take: (
    owner: Owner,
    isStillOurs: Effect.Effect<boolean, SqlError>
  ) => Effect.Effect<boolean, SqlError | AtlasError, Scope.Scope>
}

/** The seats of a store. */
export interface OwnerLocks {
  readonly lock: (
    owner: Owner
  ) => Effect.Effect<{ readonly lostTo: Effect.Effect<string | null, SqlError> }, AtlasError, Scope.Scope>
  /** Who writes: the same for as long as a seat is held, and never again. */
  readonly writer: (owner: Owner) => string
  /** Inside the transaction of a commit: whether nobody has taken the seat from us. Without a seat row versions decide alone. */
  readonly mayWrite: (owner: Owner) => Effect.Effect<boolean, SqlError>
}

const newToken = Entropy.hex(16)

/** In the words of a refusal. */
export const describeHolder = (
  holder: { readonly pid: unknown; readonly host: unknown; readonly since: unknown }
): string => {
  const since = Number(holder.since)
  const when = Number.isSafeInteger(since) ? ` since ${new Date(since).toISOString()}` : ""
  return `process ${Number(holder.pid)} on ${String(holder.host)}${when}`
}

/** This process, as a holder. */
export const self = Effect.map(Clock.currentTimeMillis, (since) => ({ pid: process.pid, host: hostname(), since }))

/** The seats in a database, kept by `exclusion`. */
export const make = (sql: SqlClient.SqlClient, exclusion: DatabaseLock): Effect.Effect<OwnerLocks> =>
  Effect.map(newToken, (unseated) => {
    const held = new Map<Owner, string>()
    const share = sql.onDialectOrElse({ pg: () => sql`FOR SHARE`, orElse: () => sql`` })

    const holder = (owner: Owner) =>
      Effect.map(
        sql`SELECT token, pid, host, since FROM atlas_session_seats WHERE owner = ${owner}`,
        ([row]) =>
          row === undefined
            ? null
            : { token: row["token"], text: describeHolder({ pid: row["pid"], host: row["host"], since: row["since"] }) }
      )

    const record = (owner: Owner, token: string) =>
      Effect.flatMap(
        self,
        ({ host, pid, since }) =>
          sql`INSERT INTO atlas_session_seats (owner, token, pid, host, since)
          VALUES (${owner}, ${token}, ${pid}, ${host}, ${since})
          ON CONFLICT (owner) DO UPDATE
          SET token = excluded.token, pid = excluded.pid, host = excluded.host, since = excluded.since`
      )

    const leave = (owner: Owner, token: string) =>
      Effect.suspend(() => {
        held.delete(owner)
        return Effect.ignore(
          guarded("lock", sql`DELETE FROM atlas_session_seats WHERE owner = ${owner} AND token = ${token}`)
        )
      })

    const take = (owner: Owner) =>
      Effect.gen(function*() {
        const token = yield* newToken
        const isStillOurs = Effect.map(holder(owner), (now) => now?.token === token)
        if (!(yield* exclusion.take(owner, isStillOurs))) {
          return yield* occupied(owner, (yield* holder(owner))?.text ?? "it has not said who it is")
        }
        yield* Effect.acquireRelease(
          Effect.andThen(record(owner, token), Effect.sync(() => held.set(owner, token))),
          () => leave(owner, token)
        )
        const lostTo = Effect.map(
          holder(owner),
          (now) => now === null ? "nobody, the other one has left again" : now.token === token ? null : now.text
        )
        return { lostTo }
      })

    return {
      lock: (owner) =>
        Effect.gen(function*() {
          // what was taken before something failed is given back at once, however long the caller's scope is open
          const seat = yield* Scope.fork(yield* Effect.scope)
          return yield* guarded("lock", Scope.provide(take(owner), seat)).pipe(
            Effect.onError(() => Scope.close(seat, Exit.void))
          )
        }),
      writer: (owner) => held.get(owner) ?? unseated,
      mayWrite: (owner) =>
        Effect.gen(function*() {
          const token = held.get(owner)
          if (token === undefined) return true
          const [row] = yield* sql`SELECT token FROM atlas_session_seats WHERE owner = ${owner} ${share}`
          return row?.["token"] === token
        })
    }
  })
