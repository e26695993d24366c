/**
 * The clock of a hand-back: the program's own for as long as somebody moves that, and one that goes on by itself otherwise.
 */
import { assert, describe, it } from "@effect/vitest"
import * as ReleaseClock from "effect-atlas/provider/ReleaseClock"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { untilSo } from "../support/until.ts"

/** A clock of its own for everything in it, as an engine has one. */
const make = Effect.clockWith((clock) => Effect.sync(() => ReleaseClock.make(clock)))

describe("a hand-back", () => {
  it.live("runs on the real clock where the program does", () =>
    Effect.clockWith((clock) =>
      Effect.gen(function*() {
        assert.strictEqual(ReleaseClock.make(clock).clock, clock)
        assert.strictEqual(yield* ReleaseClock.during(Effect.clockWith(Effect.succeed)), clock)
      })
    ))

  it.effect("takes the time that it takes, while the test moves its clock", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(
        ReleaseClock.during(Effect.andThen(Effect.sleep("10 seconds"), Clock.currentTimeMillis))
      )
      yield* TestClock.adjust("9999 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(fiber), 10_000)
    }))

  it.effect("goes on by itself where nobody moves the clock: its sleeps end in their order, none too early, and limits hold", () =>
    Effect.gen(function*() {
      const woken: Array<string> = []
      const sleeper = (name: string, millis: number) =>
        Effect.gen(function*() {
          const start = yield* Clock.monotonicTimeNanos
          yield* Effect.sleep(millis)
          woken.push(name)
          return Number((yield* Clock.monotonicTimeNanos) - start) / 1e6 >= millis
        })
      const slept = yield* ReleaseClock.during(
        Effect.all([sleeper("ten seconds", 10_000), sleeper("five seconds", 5_000), sleeper("at once", 0)], {
          concurrency: "unbounded"
        })
      )
      assert.deepStrictEqual([slept, woken], [[true, true, true], ["at once", "five seconds", "ten seconds"]])
      assert.deepStrictEqual(
        yield* ReleaseClock.during(Effect.timeoutOption(Effect.never, "5 seconds")),
        yield* Effect.option(Effect.fail("too late"))
      )
      assert.strictEqual(yield* Clock.currentTimeMillis, 0, "the clock of the test stands where the test has put it")
    }))

  it.effect("wakes whatever sleeps on its clock, and nothing goes on any more when it is over", () =>
    Effect.gen(function*() {
      const { clock, during } = yield* make
      const asleep = (millis: number) =>
        Effect.forkChild(Effect.provideService(Effect.sleep(millis), Clock.Clock, clock), { startImmediately: true })
      const sleeping = yield* asleep(20_000)
      yield* during(untilSo("the sleeper wakes", () => sleeping.pollUnsafe() !== undefined))
      const at = clock.currentTimeMillisUnsafe()
      assert.isAtLeast(at, 20_000)
      const next = yield* asleep(1_000)
      let looks = 0
      yield* untilSo("the event loop has had many turns", () => ++looks > 20)
      assert.deepStrictEqual([next.pollUnsafe(), clock.currentTimeMillisUnsafe()], [undefined, at])
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(next)
      assert.strictEqual(clock.currentTimeMillisUnsafe(), at + 1_000)
    }))
})
