/**
 * Work on the database that is nobody else's: in no transaction of the caller, and ended when it takes too long.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import type { AtlasError } from "../../domain/AtlasError.ts"
import { guarded, storageFault } from "./faults.ts"

/** The most an answer of a server may take: a connection that was cut may never say so. */
const answerWithin = Duration.seconds(30)

/** How a store does something at its database. */
export type Guard = <A>(operation: string, work: Effect.Effect<A, unknown>) => Effect.Effect<A, AtlasError>

/** Without what the caller's fiber says of the client: its transaction, and how numbers are read. */
const detached = (sql: SqlClient.SqlClient) => <A>(work: Effect.Effect<A, unknown>): Effect.Effect<A, unknown> =>
  work.pipe(
    Effect.provideService(SqlClient.SafeIntegers, false),
    // SQLite: the write lock at once, since a transaction that reads first may not get it any more
    Effect.provideService(
      SqlClient.BeginTransaction,
      sql.onDialectOrElse({ sqlite: () => "BEGIN IMMEDIATE", orElse: () => undefined })
    ),
    Effect.updateContext(Context.omit(sql.transactionService))
  )

/** Waits for a fiber of its own, so that one that cannot be interrupted holds up nobody. */
const limited =
  (scope: Scope.Scope, operation: string) => <A>(work: Effect.Effect<A, unknown>): Effect.Effect<A, unknown> =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkIn(work, scope, { startImmediately: true })
      return yield* Fiber.join(fiber).pipe(
        Effect.timeoutOrElse({
          duration: answerWithin,
          orElse: () =>
            Effect.fail(
              storageFault(operation, `the session database did not answer within ${Duration.format(answerWithin)}`)
            )
        }),
        Effect.onExit(() =>
          fiber.pollUnsafe() === undefined ? Effect.asVoid(Effect.forkIn(Fiber.interrupt(fiber), scope)) : Effect.void
        )
      )
    })

/** The way out of a caller's transaction, by dialect. */
export const make = (sql: SqlClient.SqlClient, scope: Scope.Scope): Guard => {
  const isSqlite = sql.onDialectOrElse({ sqlite: () => true, orElse: () => false })
  const isInside = Effect.contextWith((context: Context.Context<never>) =>
    Effect.succeed(Context.getOption(context, sql.transactionService)._tag === "Some")
  )
  // one connection for all: waiting for it to be free would be waiting for ourselves
  const refused = (operation: string) =>
    storageFault(operation, "sessions are stored outside of any transaction; this one would wait for itself")
  return (operation, work) => {
    if (!isSqlite) return guarded(operation, limited(scope, operation)(detached(sql)(work)))
    return Effect.flatMap(
      isInside,
      (is) => is ? Effect.fail(refused(operation)) : guarded(operation, detached(sql)(work))
    )
  }
}
