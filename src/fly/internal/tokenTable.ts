/**
 * Token records in a table of a database.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import type { FlyError } from "../FlyError.ts"
import * as TokenRecord from "./tokenRecord.ts"
import { unreadable, unwritten } from "./tokenRecord.ts"

const tableName = "the table atlas_fly_tokens"

/** A row as drivers return it: for so wide a column SQLite a number, PostgreSQL a text or a bigint. */
const Row = Schema.Struct({
  token: Schema.NonEmptyString,
  expires_at: Schema.NullOr(Schema.Union([Schema.Int, Schema.BigInt, Schema.FiniteFromString]))
})

const decodeRow = Schema.decodeUnknownOption(Row)

/** Records in a table of SQLite or PostgreSQL, one row for each app and key; the table is made where it is missing. */
export const make: Effect.Effect<TokenRecord.RecordStore, FlyError, SqlClient.SqlClient> = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE IF NOT EXISTS atlas_fly_tokens (
    app VARCHAR(63) NOT NULL,
    kind VARCHAR(16) NOT NULL,
    token TEXT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (app, kind)
  )`.pipe(
    // of two processes that make the table at once PostgreSQL fails one; the table is there when that one tries again
    Effect.retry({ times: 2 }),
    Effect.mapError(unwritten(null, tableName))
  )
  return {
    get: (app, key) =>
      Effect.gen(function*() {
        const [found] = yield* Effect.mapError(
          sql`SELECT token, expires_at FROM atlas_fly_tokens WHERE app = ${app} AND kind = ${key}`,
          unreadable(app, tableName)
        )
        if (found === undefined) return null
        const row = Option.getOrNull(decodeRow(found))
        if (row === null) return yield* TokenRecord.corrupt(app, key, tableName, "its row does not hold a token")
        const expiresAt = row.expires_at === null ? null : Number(row.expires_at)
        return { token: Redacted.make(row.token), expiresAt }
      }),
    put: (app, key, { expiresAt, token }) =>
      sql`INSERT INTO atlas_fly_tokens (app, kind, token, expires_at)
        VALUES (${app}, ${key}, ${Redacted.value(token)}, ${expiresAt})
        ON CONFLICT (app, kind) DO UPDATE SET token = excluded.token, expires_at = excluded.expires_at`.pipe(
        Effect.mapError(unwritten(app, tableName)),
        Effect.asVoid
      ),
    delete: (app, key) =>
      sql`DELETE FROM atlas_fly_tokens WHERE app = ${app} AND kind = ${key}`.pipe(
        Effect.mapError(unwritten(app, tableName)),
        Effect.asVoid
      )
  }
})
