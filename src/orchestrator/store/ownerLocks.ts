/**
 * The one lock of each owner: its holder alone may write the owner's sessions, and other processes are told who holds it.
 *
 * The lock itself is the database's own, and a crash frees it. A row of `atlas_session_seats` names the holder and fences off
 * a former one: a process that has lost the lock without noticing writes nothing any more, because every commit reads that row.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { AtlasError } from "../../domain/AtlasError.ts"
import * as Entropy from "../../domain/Entropy.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import { alreadyLocked, storageFault } from "./faults.ts"
import { describeHolder, self } from "./holder.ts"
import { guarded } from "./sqlFaults.ts"
import { prepared } from "./statements.ts"

/** A lock of a database that other processes see too. */
export interface DatabaseLock {
  /**
   * Whether the lock could be taken; it is held until the scope closes. `isStillHolder` is asked before it is taken again after
   * a lost connection.
   */
  readonly take: (
    owner: Owner,
    isStillHolder: Effect.Effect<boolean, SqlError>
  ) => Effect.Effect<boolean, SqlError | AtlasError, Scope.Scope>
}

/** Locked owners of databases in memory, which belong to this process: one set for each client, shared by its stores. */
const inMemory = new WeakMap<object, Set<Owner>>()

const takeInMemory = (locked: Set<Owner>, owner: Owner) =>
  Effect.acquireRelease(
    Effect.sync(() => !locked.has(owner) && locked.add(owner).size > 0),
    (isTaken) => Effect.sync(() => void (isTaken && locked.delete(owner)))
  )

/** The file of the database; empty when it has none. */
const fileOf = (sql: SqlClient.SqlClient): Effect.Effect<string, SqlError> =>
  Effect.map(sql`PRAGMA database_list`, (all) => {
    const file = all.find((database) => database["name"] === "main")?.["file"]
    return typeof file === "string" ? file : ""
  })

const sqlite = (sql: SqlClient.SqlClient): DatabaseLock => ({
  take: (owner): Effect.Effect<boolean, SqlError | AtlasError, Scope.Scope> =>
    Effect.gen(function*() {
      const file = yield* fileOf(sql)
      if (file !== "") {
        // Node's SQLite is loaded only where it is needed
        const FileLock = yield* Effect.promise(() => import("./fileLock.ts"))
        return yield* FileLock.take(`${file}.${owner}.lock`)
      }
      const locked = inMemory.get(sql.transactionService) ?? new Set<Owner>()
      inMemory.set(sql.transactionService, locked)
      return yield* takeInMemory(locked, owner)
    })
})

/** How often the connection that holds a lock is checked, and how long it may take to answer. */
const checkEvery = Duration.seconds(5)
const answerWithin = Duration.seconds(20)

/** One lock for each database, schema and owner. The text must never change, or two versions would not exclude each other. */
const advisory = (verb: string) =>
  `SELECT ${verb}(hashtextextended('effect-atlas sessions ' || current_schema() || ' ' || $1, 0))`

/**
 * An advisory lock on a connection that is reserved for it. When the connection is lost, the lock is taken on another one, as
 * long as the row still names this process. When another process has taken it, the checks stop, and commits read it in the row.
 */
const postgres = (sql: SqlClient.SqlClient): DatabaseLock => {
  const lockConnection = (owner: Owner) =>
    Effect.gen(function*() {
      const connection = yield* Effect.timeoutOrElse(sql.reserve, {
        duration: answerWithin,
        orElse: () =>
          Effect.fail(storageFault("lock", "the session database has no free connection to hold the owner lock with"))
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
      const check = connection.executeValues("SELECT 1", []).pipe(Effect.timeout(answerWithin))
      return { isTaken, check: Effect.exit(check) }
    })

  return {
    take: (owner, isStillHolder) =>
      Effect.gen(function*() {
        const outer = yield* Effect.scope
        let inner = yield* Scope.fork(outer)
        const first = yield* Scope.provide(lockConnection(owner), inner)
        if (!first.isTaken) {
          yield* Scope.close(inner, Exit.void)
          return false
        }
        let { check } = first
        const retake = Effect.gen(function*() {
          yield* Effect.logWarning(
            `the connection that holds the lock of the owner ${owner} was lost: the lock is taken again on another connection`
          )
          while (true) {
            yield* Scope.close(inner, Exit.void)
            inner = yield* Scope.fork(outer)
            const again = yield* Effect.exit(
              Effect.all({ lock: Scope.provide(lockConnection(owner), inner), isHolder: isStillHolder })
            )
            if (Exit.isSuccess(again)) {
              if (!again.value.isHolder) return false
              // not taken yet: the server may take a while to see that the old connection is gone
              if (again.value.lock.isTaken) {
                check = again.value.lock.check
                return true
              }
            }
            yield* Effect.sleep(checkEvery)
          }
        })
        yield* Effect.forkScoped(Effect.gen(function*() {
          while (true) {
            yield* Effect.sleep(checkEvery)
            if (Exit.isSuccess(yield* check)) continue
            if (!(yield* retake)) return yield* Scope.close(inner, Exit.void)
          }
        }))
        return true
      })
  }
}

/** The lock of a client's database. */
export const databaseLockOf = (sql: SqlClient.SqlClient): DatabaseLock =>
  sql.onDialectOrElse({ pg: () => postgres(sql), orElse: () => sqlite(sql) })

/** The owner locks of a store. */
export interface OwnerLocks {
  readonly lock: (
    owner: Owner
  ) => Effect.Effect<{ readonly lostTo: Effect.Effect<string | null, SqlError> }, AtlasError, Scope.Scope>
  /** An id of the writer: the same while a lock is held, and never used again. */
  readonly writer: (owner: Owner) => string
  /**
   * Inside the transaction of a commit: whether this process still holds the lock. True where it never took it: then the versions
   * of the rows decide alone.
   */
  readonly mayWrite: (owner: Owner) => Effect.Effect<boolean, SqlError>
}

const newToken = Entropy.hex(16)

/** The owner locks in a database. */
export const make = (sql: SqlClient.SqlClient, databaseLock: DatabaseLock): Effect.Effect<OwnerLocks> =>
  Effect.map(newToken, (noLock) => {
    const held = new Map<Owner, string>()
    const share = sql.onDialectOrElse({ pg: () => sql`FOR SHARE`, orElse: () => sql`` })
    const holderToken = prepared(sql, sql`SELECT token FROM atlas_session_seats WHERE owner = ${""} ${share}`)

    const holder = (owner: Owner) =>
      Effect.map(
        sql`SELECT token, pid, host, since FROM atlas_session_seats WHERE owner = ${owner}`,
        ([row]) =>
          row === undefined
            ? null
            : { token: row["token"], text: describeHolder({ pid: row["pid"], host: row["host"], since: row["since"] }) }
      )

    const writeHolder = (owner: Owner, token: string) =>
      Effect.flatMap(
        self,
        ({ host, pid, since }) =>
          sql`INSERT INTO atlas_session_seats (owner, token, pid, host, since)
          VALUES (${owner}, ${token}, ${pid}, ${host}, ${since})
          ON CONFLICT (owner) DO UPDATE
          SET token = excluded.token, pid = excluded.pid, host = excluded.host, since = excluded.since`
      )

    const deleteHolder = (owner: Owner, token: string) =>
      Effect.suspend(() => {
        held.delete(owner)
        return Effect.ignore(
          guarded("lock", sql`DELETE FROM atlas_session_seats WHERE owner = ${owner} AND token = ${token}`)
        )
      })

    const take = (owner: Owner) =>
      Effect.gen(function*() {
        const token = yield* newToken
        const isStillHolder = Effect.map(holder(owner), (now) => now?.token === token)
        if (!(yield* databaseLock.take(owner, isStillHolder))) {
          return yield* alreadyLocked(owner, (yield* holder(owner))?.text ?? "its process is not known yet")
        }
        yield* Effect.acquireRelease(
          Effect.andThen(writeHolder(owner, token), Effect.sync(() => held.set(owner, token))),
          () => deleteHolder(owner, token)
        )
        const lostTo = Effect.map(
          holder(owner),
          (now) => now === null ? "a process that has ended since" : now.token === token ? null : now.text
        )
        return { lostTo }
      })

    return {
      lock: (owner) =>
        Effect.gen(function*() {
          // what was taken before a failure is released at once, however long the caller's scope stays open
          const lockScope = yield* Scope.fork(yield* Effect.scope)
          return yield* guarded("lock", Scope.provide(take(owner), lockScope)).pipe(
            Effect.onError(() => Scope.close(lockScope, Exit.void))
          )
        }),
      writer: (owner) => held.get(owner) ?? noLock,
      mayWrite: (owner) =>
        Effect.gen(function*() {
          const token = held.get(owner)
          if (token === undefined) return true
          const [row] = yield* holderToken(owner)
          return row?.[0] === token
        })
    }
  })
