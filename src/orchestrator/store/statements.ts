/**
 * Statements that are compiled once and run again and again.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Statement } from "effect/sql/Statement"

/** Runs a statement with these parameters; answers the values of its rows. */
export interface Prepared {
  (...params: ReadonlyArray<unknown>): Effect.Effect<ReadonlyArray<ReadonlyArray<unknown>>, SqlError>
}

/**
 * The statement as the client's dialect writes it; the values it was made with only stand for its parameters. It has no span of its
 * own: the transaction it runs in has one for all.
 */
export const prepared = (sql: SqlClient.SqlClient, statement: Statement<unknown>): Prepared => {
  const [text] = statement.compile()
  return (...params) =>
    Effect.flatMap(
      Effect.serviceOption(sql.transactionService),
      Option.match({
        onNone: () => Effect.scoped(Effect.flatMap(sql.reserve, (free) => free.executeValues(text, params))),
        onSome: ([own]) => own.executeValues(text, params)
      })
    )
}
