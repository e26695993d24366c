/**
 * A create that waits inside the HTTP edge, for the account's limits or between two attempts, is not sent once it is called off.
 */
import { assert, describe, it } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as RateLimits from "../../../src/provider/RateLimits.ts"
import { StillWanted } from "../../../src/provider/StillWanted.ts"
import { acme, boxInput, call, input, ok, type Script, scripted, status } from "./harness.ts"

/** A create whose caller changes its mind after a while; says how it ended and how often it was sent. */
const leave = (after: Duration.Input, answers: ReadonlyArray<Script>, options: Parameters<typeof acme>[0] = {}) =>
  Effect.gen(function*() {
    const http = scripted(...answers)
    const api = yield* http.provide(acme(options))
    let isWanted = true
    const create = Effect.provideService(api.create(boxInput, call()), StillWanted, Effect.sync(() => isWanted))
    // uses up the account's first request
    yield* api.stop(input, call())
    const fiber = yield* Effect.forkChild(Effect.result(create), { startImmediately: true })
    yield* TestClock.adjust(after)
    isWanted = false
    const settled = () => fiber.pollUnsafe() !== undefined
    yield* TestClock.adjust("1 second")
    const atOnce = settled()
    yield* TestClock.adjust("5 minutes")
    return { result: yield* Fiber.join(fiber), atOnce, sent: http.seen.length - 1 }
  })

describe("a create that was called off", () => {
  it.effect("while it waits for the account's limits is never sent, and says so within a second", () =>
    Effect.gen(function*() {
      const limits = yield* RateLimits.make([{ requests: 1, per: "1 minute" }])
      const { atOnce, result, sent } = yield* leave("5 seconds", [ok()], { limits })
      assert.deepStrictEqual([sent, atOnce], [0, true])
      assert.isTrue(result._tag === "Failure" && result.failure._tag === "Transport" && result.failure.neverSent)
    }))

  it.effect("between two attempts is not sent again", () =>
    Effect.gen(function*() {
      const { atOnce, result, sent } = yield* leave("5 seconds", [ok(), status(429, { "retry-after": "60" }), ok()])
      assert.deepStrictEqual([sent, atOnce], [1, true])
      assert.isTrue(result._tag === "Failure" && result.failure._tag === "Transport" && result.failure.neverSent)
    }))

  it.effect("while an attempt is under way goes on: it may have made a machine", () =>
    Effect.gen(function*() {
      const { atOnce, result, sent } = yield* leave("5 seconds", [ok(), "hang"])
      assert.deepStrictEqual([sent, atOnce], [1, false])
      assert.isTrue(result._tag === "Failure" && result.failure._tag === "Uncertain", result._tag)
    }))
})

it.effect("a call that is no create is sent whatever is called off", () =>
  Effect.gen(function*() {
    const http = scripted(ok())
    const api = yield* http.provide(acme())
    yield* Effect.provideService(api.remove(input, call()), StillWanted, Effect.succeed(false))
    assert.strictEqual(http.seen.length, 1)
  }))
