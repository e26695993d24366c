/**
 * Tokens in a table of SQLite or PostgreSQL, one row an app and key.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import type { FlyError } from "../FlyError.ts"
import type { TokenStorage } from "../TokenStorage.ts"
import { unreadable, unwritten } from "./tokenFaults.ts"
import * as TokenRecord from "./tokenRecord.ts"

const table = "the table atlas_fly_tokens"

/** As drivers give it: SQLite a number, PostgreSQL a text or a bigint for so wide a column. */
const Row = Schema.Struct({
  token: Schema.NonEmptyString,
  expires_at: Schema.NullOr(Schema.Union([Schema.Int, Schema.BigInt, Schema.FiniteFromString]))
})

const decodeRow = Schema.decodeUnknownOption(Row)

/** The storage over a database; makes its table. */
export const make: Effect.Effect<TokenStorage["Service"], FlyError, SqlClient.SqlClient> = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE IF NOT EXISTS atlas_fly_tokens (
    app VARCHAR(63) NOT NULL,
    kind VARCHAR(16) NOT NULL,
    token TEXT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (app, kind)
  )`.pipe(
    // PostgreSQL fails one of two that make it at once; when that one looks again it is there
    Effect.retry({ times: 2 }),
    Effect.mapError(unwritten(null, table))
  )
  return {
    get: (app, key) =>
      Effect.gen(function*() {
        const [found] = yield* Effect.mapError(
          sql`SELECT token, expires_at FROM atlas_fly_tokens WHERE app = ${app} AND kind = ${key}`,
          unreadable(app, table)
        )
        if (found === undefined) return Option.none()
        const row = Option.getOrNull(decodeRow(found))
        if (row === null) return yield* TokenRecord.corrupt(app, key, table, "its row does not hold a token")
        const expiresAt = row.expires_at === null ? null : Number(row.expires_at)
        return Option.some({ token: Redacted.make(row.token), expiresAt })
      }),
    put: (app, key, { expiresAt, token }) =>
      sql`INSERT INTO atlas_fly_tokens (app, kind, token, expires_at)
        VALUES (${app}, ${key}, ${Redacted.value(token)}, ${expiresAt})
        ON CONFLICT (app, kind) DO UPDATE SET token = excluded.token, expires_at = excluded.expires_at`.pipe(
        Effect.mapError(unwritten(app, table)),
        Effect.asVoid
      ),
    delete: (app, key) =>
      sql`DELETE FROM atlas_fly_tokens WHERE app = ${app} AND kind = ${key}`.pipe(
        Effect.mapError(unwritten(app, table)),
        Effect.asVoid
      )
  }
})
