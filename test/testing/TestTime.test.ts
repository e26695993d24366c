/**
 * Time that a test lets pass: only what waits for the clock sees it.
 */
import { assert, it, vi } from "@effect/vitest"
import * as BearerToken from "effect-atlas/auth/BearerToken"
import { TestTime } from "effect-atlas/testing"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

const { subtle } = globalThis.crypto
const digest = subtle.digest.bind(subtle)

/** As on a busy machine, where another thread has its turn late. */
const late = async () => {
  for (let turns = 0; turns < 200; turns++) await new Promise(setImmediate)
}

it.effect("none passes while Web Crypto is waited for, however busy the machine is", () =>
  Effect.gen(function*() {
    const digests = vi.spyOn(subtle, "digest").mockImplementation(async (...of) => {
      await late()
      return digest(...of)
    })
    yield* Effect.addFinalizer(() => Effect.sync(() => digests.mockRestore()))
    const now = yield* TestTime.passWhile(Effect.gen(function*() {
      yield* BearerToken.mint
      yield* Effect.sleep("3 seconds")
      yield* BearerToken.hash("token")
      return yield* Clock.currentTimeMillis
    }))
    assert.strictEqual(now, 3_000)
    assert.strictEqual(digests.mock.calls.length, 2)
  }))
