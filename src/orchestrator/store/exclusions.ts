/**
 * What keeps a second engine out: a locked file beside an SQLite database, an advisory lock in PostgreSQL.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import { storageFault } from "./faults.ts"
import type { Exclusion } from "./seats.ts"

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

const sqlite = (sql: SqlClient.SqlClient): Exclusion => ({
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
const postgres = (sql: SqlClient.SqlClient): Exclusion => {
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
export const of = (sql: SqlClient.SqlClient): Exclusion =>
  sql.onDialectOrElse({ pg: () => postgres(sql), orElse: () => sqlite(sql) })
