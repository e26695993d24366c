/**
 * Where token records are kept: in memory, in a `KeyValueStore`, or in a table of a database; for files see `tokenFiles`.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as SqlClient from "effect/sql/SqlClient"
import { AppName } from "../AppName.ts"
import type { FlyError } from "../FlyError.ts"
import * as TokenRecord from "./tokenRecord.ts"
import { unreadable, unwritten } from "./tokenRecord.ts"

type RecordStore = TokenRecord.RecordStore
type TokenKey = TokenRecord.TokenKey

/** Records in a map that lives as long as the layer. */
export const memory = (): RecordStore => {
  const records = new Map<string, TokenRecord.StoredToken>()
  const placeOf = (app: AppName, key: TokenKey) => `${app}/${key}`
  return {
    get: (app, key) => Effect.sync(() => records.get(placeOf(app, key)) ?? null),
    put: (app, key, token) => Effect.sync(() => void records.set(placeOf(app, key), token)),
    delete: (app, key) => Effect.sync(() => void records.delete(placeOf(app, key)))
  }
}

const prefix = "fly-token/"

const keyOf = (app: AppName, key: TokenKey): string => `${prefix}${app}/${key}`

const manualKey = new RegExp(`^${prefix}([^/]+)/manual$`)

/** Records in a key-value store; fails over a manual one that cannot be read. */
export const keyValues: Effect.Effect<RecordStore, FlyError, KeyValueStore.KeyValueStore> = Effect.gen(function*() {
  const store = yield* KeyValueStore.KeyValueStore
  // a store may write in place, and two such writes at once would mix
  const { withPermit: oneAtATime } = yield* Semaphore.make(1)
  const get: RecordStore["get"] = (app, key) => {
    const place = keyOf(app, key)
    return store.get(place).pipe(
      Effect.mapError(unreadable(app, place)),
      Effect.flatMap((text) => text === undefined ? Effect.succeed(null) : TokenRecord.read(app, key, place, text))
    )
  }
  const keys = yield* Effect.mapError(store.keys, unreadable(null, "the key-value store"))
  yield* Effect.forEach(keys, (one) =>
    Option.match(AppName.makeOption(manualKey.exec(one)?.[1] ?? ""), {
      onNone: () => Effect.void,
      onSome: (app) => Effect.asVoid(get(app, "manual"))
    }), { concurrency: 16, discard: true })
  return {
    get,
    put: (app, key, token) =>
      store.set(keyOf(app, key), TokenRecord.render(app, key, token)).pipe(
        oneAtATime,
        Effect.mapError(unwritten(app, keyOf(app, key)))
      ),
    delete: (app, key) =>
      store.remove(keyOf(app, key)).pipe(oneAtATime, Effect.mapError(unwritten(app, keyOf(app, key))))
  }
})

const tableName = "the table atlas_fly_tokens"

/** A row as drivers return it: for so wide a column SQLite a number, PostgreSQL a text or a bigint. */
const Row = Schema.Struct({
  token: Schema.NonEmptyString,
  expires_at: Schema.NullOr(Schema.Union([Schema.Int, Schema.BigInt, Schema.FiniteFromString]))
})

const decodeRow = Schema.decodeUnknownOption(Row)

/** Records in a table of SQLite or PostgreSQL, one row for each app and key; the table is made where it is missing. */
export const table: Effect.Effect<RecordStore, FlyError, SqlClient.SqlClient> = Effect.gen(function*() {
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
