/**
 * The final read of a log: a machine that was rented here is not asked to end before it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as Supervised from "../../src/cli/Supervised.ts"

const isOver = (fiber: Fiber.Fiber<void>): boolean => fiber.pollUnsafe() !== undefined

describe("the end of a machine that was rented here", () => {
  it.effect("waits for a final read that is not set yet, and for it to be done", () =>
    Effect.gen(function*() {
      const finalReads = Supervised.makeFinalReads()
      finalReads.expect("one")
      const end = yield* Effect.forkChild(finalReads.of("one"))
      yield* TestClock.adjust("1 second")
      assert.isFalse(isOver(end))
      let isRead = false
      finalReads.set("one", Effect.sync(() => void (isRead = true)))
      yield* Fiber.join(end)
      assert.isTrue(isRead)
    }))

  it.effect("waits for none that will not be set any more, but runs the one that is there", () =>
    Effect.gen(function*() {
      const finalReads = Supervised.makeFinalReads()
      finalReads.expect("one")
      const end = yield* Effect.forkChild(finalReads.of("one"))
      let isRead = false
      finalReads.set("two", Effect.sync(() => void (isRead = true)))
      yield* finalReads.dismiss
      yield* Fiber.join(end)
      finalReads.expect("three")
      yield* finalReads.of("three")
      yield* finalReads.of("two")
      assert.isTrue(isRead)
    }))

  it.effect("waits five seconds at the longest for a final read that is not set", () =>
    Effect.gen(function*() {
      const finalReads = Supervised.makeFinalReads()
      finalReads.expect("one")
      const end = yield* Effect.forkChild(finalReads.of("one"))
      yield* TestClock.adjust("4 seconds")
      assert.isFalse(isOver(end))
      yield* TestClock.adjust("1 second")
      assert.isTrue(isOver(end))
    }))

  it.effect("of another process begins at once", () => Supervised.makeFinalReads().of("another"))
})
