/**
 * The cache of tokens: it keeps a bounded number of apps, and nothing for names without a token.
 */
import { assert, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { TestClock } from "effect/testing"
import { AppName } from "../../src/fly/AppName.ts"
import { FlyError, NoToken } from "../../src/fly/FlyError.ts"
import * as RefusedTokens from "../../src/fly/internal/refusedTokens.ts"
import * as TokenCache from "../../src/fly/internal/tokenCache.ts"
import type { Found } from "../../src/fly/internal/tokenChain.ts"

const name = (index: number) => AppName.make(`app-${index}`)

const cacheOf = (search: (app: AppName) => Effect.Effect<Found, FlyError>, capacity = 100) =>
  TokenCache.make({
    capacity,
    softExpiryLead: Duration.hours(1),
    refused: RefusedTokens.make(() => 0n),
    search,
    persist: () => Effect.void
  })

const found = (expiresAt: number | null): Found => ({
  token: Redacted.make("fm2_a"),
  source: "cli",
  expiresAt,
  keep: true,
  persist: false,
  stamp: null
})

const many = Array.from({ length: 1000 }, (_, index) => index)

it.effect("app names without a token leave no entry behind", () =>
  Effect.gen(function*() {
    const noToken = Effect.fail(new FlyError({ operation: "token", reason: new NoToken({}) }))
    const tokens = yield* cacheOf(() => Effect.andThen(Effect.yieldNow, noToken))
    yield* Effect.forEach(many, (index) => Effect.exit(tokens.join(name(index), "find")), { concurrency: "unbounded" })
    assert.strictEqual(tokens.size(), 0)
  }).pipe(Effect.scoped))

it.effect("beyond the capacity the oldest apps are removed", () =>
  Effect.gen(function*() {
    const tokens = yield* cacheOf(() => Effect.succeed(found(null)))
    yield* Effect.forEach(many, (index) => tokens.join(name(index), "find"))
    assert.isAtMost(tokens.size(), 100)
    assert.isDefined(tokens.held(name(999)))
    assert.isUndefined(tokens.held(name(0)))
  }).pipe(Effect.scoped))

it.effect("a token that ended is forgotten without another request for it", () =>
  Effect.gen(function*() {
    const tokens = yield* cacheOf(() => Effect.succeed(found(1800)))
    yield* Effect.forEach(many.slice(0, 50), (index) => tokens.join(name(index), "find"))
    assert.strictEqual(tokens.size(), 50)
    yield* TestClock.adjust("30 minutes")
    assert.strictEqual(tokens.size(), 0)
  }).pipe(Effect.scoped))

it.effect("an app that is forgotten leaves no entry behind", () =>
  Effect.gen(function*() {
    const tokens = yield* cacheOf(() => Effect.succeed(found(null)))
    yield* tokens.join(name(1), "find")
    tokens.forget(name(1))
    tokens.forget(name(2))
    tokens.detach(name(3))
    assert.strictEqual(tokens.size(), 0)
  }).pipe(Effect.scoped))

it("refused tokens are remembered for a bounded number of apps, by hash", () => {
  const refused = RefusedTokens.make(() => 0n)
  for (let index = 0; index < 10_100; index++) refused.add(`app-${index}`, Redacted.make("fm2_a"))
  assert.isFalse(refused.has("app-0", Redacted.make("fm2_a")))
  assert.isTrue(refused.has("app-10099", Redacted.make("fm2_a")))
  assert.isFalse(refused.has("app-10099", Redacted.make("fm2_b")))
})
