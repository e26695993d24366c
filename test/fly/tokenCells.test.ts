/**
 * What is kept for each app: little, for a bounded number of them, and nothing for names that nobody has a token for.
 */
import { assert, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { TestClock } from "effect/testing"
import { AppName } from "../../src/fly/AppName.ts"
import { FlyError, NoToken } from "../../src/fly/FlyError.ts"
import * as RefusedTokens from "../../src/fly/internal/refusedTokens.ts"
import * as TokenCells from "../../src/fly/internal/tokenCells.ts"
import type { Found } from "../../src/fly/internal/tokenChain.ts"

const name = (index: number) => AppName.make(`app-${index}`)

const cells = (search: (app: AppName) => Effect.Effect<Found, FlyError>, capacity = 100) =>
  TokenCells.make({
    capacity,
    softExpiryLead: Duration.hours(1),
    refused: RefusedTokens.make(),
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

it.effect("names without a token leave nothing behind", () =>
  Effect.gen(function*() {
    const noToken = Effect.fail(new FlyError({ operation: "token", reason: new NoToken({}) }))
    const tokens = yield* cells(() => Effect.andThen(Effect.yieldNow, noToken))
    yield* Effect.forEach(many, (index) => Effect.exit(tokens.join(name(index), "find")), { concurrency: "unbounded" })
    assert.strictEqual(tokens.size(), 0)
  }).pipe(Effect.scoped))

it.effect("tokens of more apps than there is room for push out the oldest", () =>
  Effect.gen(function*() {
    const tokens = yield* cells(() => Effect.succeed(found(null)))
    yield* Effect.forEach(many, (index) => tokens.join(name(index), "find"))
    assert.isAtMost(tokens.size(), 100)
    assert.isDefined(tokens.held(name(999)))
    assert.isUndefined(tokens.held(name(0)))
  }).pipe(Effect.scoped))

it.effect("a token that ended is forgotten although nobody asks for it", () =>
  Effect.gen(function*() {
    const tokens = yield* cells(() => Effect.succeed(found(1800)))
    yield* Effect.forEach(many.slice(0, 50), (index) => tokens.join(name(index), "find"))
    assert.strictEqual(tokens.size(), 50)
    yield* TestClock.adjust("30 minutes")
    assert.strictEqual(tokens.size(), 0)
  }).pipe(Effect.scoped))

it.effect("an app that is forgotten leaves nothing behind", () =>
  Effect.gen(function*() {
    const tokens = yield* cells(() => Effect.succeed(found(null)))
    yield* tokens.join(name(1), "find")
    tokens.forget(name(1))
    tokens.forget(name(2))
    tokens.detach(name(3))
    assert.strictEqual(tokens.size(), 0)
  }).pipe(Effect.scoped))

it("refused tokens are remembered for a bounded number of apps, by hash", () => {
  const refused = RefusedTokens.make()
  for (let index = 0; index < 10_100; index++) refused.add(`app-${index}`, Redacted.make("fm2_a"))
  assert.isFalse(refused.has("app-0", Redacted.make("fm2_a")))
  assert.isTrue(refused.has("app-10099", Redacted.make("fm2_a")))
  assert.isFalse(refused.has("app-10099", Redacted.make("fm2_b")))
})
