/**
 * Where token records are kept: in memory or in a `KeyValueStore`; for files see `tokenFiles`, for databases `tokenTable`.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Semaphore from "effect/Semaphore"
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
