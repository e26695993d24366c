/** What every token storage promises, each as an effect that ends in a failure when the promise is broken. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { AppName } from "../../fly/AppName.ts"
import type { FlyError } from "../../fly/FlyError.ts"
import type { StoredToken, TokenKey, TokenStorage } from "../../fly/TokenStorage.ts"
import { check, type ConformanceFailure } from "./trial.ts"

type Failed = ConformanceFailure | FlyError

/** What a case works with: the storage, the same one opened anew, and app names of its own. */
export interface Trial {
  readonly storage: TokenStorage["Service"]
  readonly again:
    | ((use: (storage: TokenStorage["Service"]) => Effect.Effect<void, Failed>) => Effect.Effect<void, Failed>)
    | null
  readonly app: (name: string) => AppName
}

export interface Definition {
  readonly name: string
  /** Only where the storage can be opened anew. */
  readonly reopens?: true
  readonly run: (trial: Trial) => Effect.Effect<void, Failed>
}

const token = (text: string, expiresAt: number | null = null): StoredToken => ({
  token: Redacted.make(text),
  expiresAt
})

/** Compares without showing either: a storage that mixes up tokens must not leak them into a report. */
const holds = (
  storage: TokenStorage["Service"],
  app: AppName,
  key: TokenKey,
  expected: StoredToken | null,
  what: string
): Effect.Effect<void, Failed> =>
  Effect.flatMap(storage.get(app, key), (found) => {
    if (expected === null) return check(found === null, `${what}: there is a token, and should be none`)
    if (found === null) return check(false, `${what}: there is no token`)
    return Effect.andThen(
      check(Redacted.value(found.token) === Redacted.value(expected.token), `${what}: it is another token`),
      check(
        found.expiresAt === expected.expiresAt,
        `${what}: it expires at ${found.expiresAt}, and should at ${expected.expiresAt}`
      )
    )
  })

export const tokenStorageCases: ReadonlyArray<Definition> = [
  {
    name: "what was never put is not there",
    run: ({ app, storage }) =>
      Effect.andThen(
        holds(storage, app("a"), "cached", null, "cached"),
        holds(storage, app("a"), "manual", null, "manual")
      )
  },
  {
    name: "a token comes back with its expiry",
    run: ({ app, storage }) =>
      Effect.gen(function*() {
        for (const expiresAt of [0, 1_790_000_000, 7_258_118_400]) {
          const one = token("FlyV1 fm2_one", expiresAt)
          yield* storage.put(app("a"), "cached", one)
          yield* holds(storage, app("a"), "cached", one, "after put")
        }
      })
  },
  {
    name: "a token without an expiry comes back without one",
    run: ({ app, storage }) =>
      Effect.andThen(
        storage.put(app("a"), "manual", token("fo1_manual")),
        holds(storage, app("a"), "manual", token("fo1_manual"), "after put")
      )
  },
  {
    name: "a put replaces the token and its expiry",
    run: ({ app, storage }) =>
      Effect.gen(function*() {
        yield* storage.put(app("a"), "cached", token("fm2_old", 1_790_000_000))
        yield* storage.put(app("a"), "cached", token("fm2_new"))
        yield* holds(storage, app("a"), "cached", token("fm2_new"), "after the second put")
      })
  },
  {
    name: "a deleted token is gone",
    run: ({ app, storage }) =>
      Effect.gen(function*() {
        yield* storage.put(app("a"), "cached", token("fm2_one"))
        yield* storage.delete(app("a"), "cached")
        yield* holds(storage, app("a"), "cached", null, "after delete")
        yield* storage.put(app("a"), "cached", token("fm2_two"))
        yield* holds(storage, app("a"), "cached", token("fm2_two"), "after another put")
      })
  },
  {
    name: "deleting nothing succeeds",
    run: ({ app, storage }) => Effect.andThen(storage.delete(app("a"), "cached"), storage.delete(app("a"), "manual"))
  },
  {
    name: "the cached and the manual token of an app are independent",
    run: ({ app, storage }) =>
      Effect.gen(function*() {
        yield* storage.put(app("a"), "cached", token("fm2_cached", 1_790_000_000))
        yield* holds(storage, app("a"), "manual", null, "manual after a cached one")
        yield* storage.put(app("a"), "manual", token("fm2_manual"))
        yield* holds(storage, app("a"), "cached", token("fm2_cached", 1_790_000_000), "cached after a manual one")
        yield* storage.delete(app("a"), "cached")
        yield* holds(storage, app("a"), "manual", token("fm2_manual"), "manual after deleting the cached one")
      })
  },
  {
    name: "apps are independent, also those whose names differ in case only or begin alike",
    run: ({ app, storage }) =>
      Effect.gen(function*() {
        const names = ["web", "Web", "web-2", "web_2", "we"]
        yield* Effect.forEach(names, (name) => storage.put(app(name), "cached", token(`fm2_${name}`)), {
          concurrency: "unbounded"
        })
        yield* Effect.forEach(names, (name) => holds(storage, app(name), "cached", token(`fm2_${name}`), name))
        yield* storage.delete(app("Web"), "cached")
        yield* holds(storage, app("web"), "cached", token("fm2_web"), "web after deleting Web")
      })
  },
  {
    name: "a token of two words and one of eight kilobytes come back as they are",
    run: ({ app, storage }) =>
      Effect.gen(function*() {
        for (const text of ["FlyV1 fm2_a+/=_-,fm2_b", `FlyV1 fm2_${"aZ0+/=".repeat(1_365)}`]) {
          yield* storage.put(app("a"), "cached", token(text))
          yield* holds(storage, app("a"), "cached", token(text), `a token of ${text.length} characters`)
        }
      })
  },
  {
    name: "of writers at once one wins, and its token and expiry belong together",
    run: ({ app, storage }) =>
      Effect.gen(function*() {
        const numbers = Array.from({ length: 20 }, (_, index) => index)
        yield* Effect.forEach(
          numbers,
          (index) => storage.put(app("a"), "cached", token(`fm2_${index}`, index)),
          { concurrency: "unbounded" }
        )
        const winner = yield* storage.get(app("a"), "cached")
        yield* check(
          winner !== null && Redacted.value(winner.token) === `fm2_${winner.expiresAt}`,
          "after 20 writers: what is there is no writer's token"
        )
      })
  },
  {
    name: "a token is not in what is printed of it",
    run: ({ app, storage }) =>
      Effect.gen(function*() {
        yield* storage.put(app("a"), "cached", token("fm2_canary"))
        const found = yield* storage.get(app("a"), "cached")
        yield* check(!`${JSON.stringify(found)}${String(found)}`.includes("canary"), "it is printed in the clear")
      })
  },
  {
    name: "tokens are there after the storage was closed and opened again, and deleted ones are not",
    reopens: true,
    run: ({ again, app, storage }) =>
      Effect.gen(function*() {
        yield* storage.put(app("a"), "cached", token("fm2_cached", 1_790_000_000))
        yield* storage.put(app("a"), "manual", token("FlyV1 fm2_manual"))
        yield* storage.put(app("b"), "cached", token("fm2_gone"))
        yield* storage.delete(app("b"), "cached")
        yield* again?.((opened) =>
          Effect.gen(function*() {
            yield* holds(opened, app("a"), "cached", token("fm2_cached", 1_790_000_000), "cached")
            yield* holds(opened, app("a"), "manual", token("FlyV1 fm2_manual"), "manual")
            yield* holds(opened, app("b"), "cached", null, "deleted")
          })
        ) ?? Effect.void
      })
  }
]
