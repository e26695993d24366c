/**
 * Runs a store's statements outside of any transaction of the caller, and with a time limit.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as SqlClient from "effect/sql/SqlClient"
import type { AtlasError } from "../../domain/AtlasError.ts"
import * as TimeSpan from "../../domain/TimeSpan.ts"
import { atMost } from "../internal/patience.ts"
import { storageFault } from "./faults.ts"
import type { Reserve } from "./reserve.ts"
import { guarded } from "./sqlFaults.ts"

/** How long a server may take to answer: a connection that was cut may never report it. */
const answerWithin = Duration.seconds(30)

/** Runs work of a store's operation at its database. */
export type RunDetached = <A>(operation: string, work: Effect.Effect<A, unknown>) => Effect.Effect<A, AtlasError>

/** Without the caller's settings of the client: its transaction, and how numbers are read. */
const withoutCallerSettings =
  (sql: SqlClient.SqlClient) => <A>(work: Effect.Effect<A, unknown>): Effect.Effect<A, unknown> =>
    work.pipe(
      Effect.provideService(SqlClient.SafeIntegers, false),
      // SQLite: takes the write lock at once, since a transaction that has read may no longer get it
      Effect.provideService(
        SqlClient.BeginTransaction,
        sql.onDialectOrElse({ sqlite: () => "BEGIN IMMEDIATE", orElse: () => undefined })
      ),
      Effect.updateContext(Context.omit(sql.transactionService))
    )

/** Copies the write-ahead log of SQLite into the database, as far as no reader needs it. */
export const writeBack = (sql: SqlClient.SqlClient): Effect.Effect<unknown, unknown> =>
  sql`PRAGMA wal_checkpoint(PASSIVE)`

/** Work that cannot be interrupted holds up neither the caller nor the close of the store. */
const limited = (operation: string) => <A>(work: Effect.Effect<A, unknown>): Effect.Effect<A, unknown> =>
  Effect.flatMap(
    atMost(work, answerWithin),
    Option.match({
      onNone: () =>
        Effect.fail(
          storageFault(operation, `the session database did not answer within ${TimeSpan.format(answerWithin)}`)
        ),
      onSome: Effect.succeed
    })
  )

/**
 * Leaves the caller's transaction: PostgreSQL by another connection; SQLite has only one, so a call inside a transaction fails.
 */
export const make = (
  sql: SqlClient.SqlClient,
  { filename, reserve }: { readonly filename: string | undefined; readonly reserve: Reserve }
): RunDetached => {
  const isSqlite = sql.onDialectOrElse({ sqlite: () => true, orElse: () => false })
  const isInside = Effect.contextWith((context: Context.Context<never>) =>
    Effect.succeed(Context.getOption(context, sql.transactionService)._tag === "Some")
  )
  // the transaction holds the only connection, so waiting for it would never end
  const refused = (operation: string) =>
    storageFault(
      operation,
      "sessions are stored outside of any transaction: call this after the transaction, which holds the only connection"
    )
  return (operation, work) => {
    if (!isSqlite) return guarded(operation, limited(operation)(withoutCallerSettings(sql)(work)))
    return Effect.flatMap(
      isInside,
      (isInside) =>
        isInside
          ? Effect.fail(refused(operation))
          : guarded(operation, reserve.guard(withoutCallerSettings(sql)(work), writeBack(sql)), filename)
    )
  }
}
