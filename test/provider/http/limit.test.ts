import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { withLimit } from "../../../src/http/TimeLimit.ts"

/** Work that never ends, and says how it was ended. */
const endless = () => {
  const seen = { begun: 0, ended: 0 }
  const work = Effect.onInterrupt(
    Effect.andThen(Effect.sync(() => void seen.begun++), Effect.never),
    () => Effect.sync(() => void seen.ended++)
  )
  return { seen, work }
}

describe("the time limit of an attempt", () => {
  it.effect("passes by the clock of Effect, neither sooner nor later, and the work is over by then", () =>
    Effect.gen(function*() {
      const { seen, work } = endless()
      const limited = withLimit(work, 1000, Effect.sync(() => `late, ended ${seen.ended}`))
      const fiber = yield* Effect.forkChild(limited, { startImmediately: true })
      yield* TestClock.adjust("999 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(fiber), "late, ended 1")
    }))

  it.effect("waits for what the work cleans up before it says that it is late", () =>
    Effect.gen(function*() {
      const work = Effect.onInterrupt(Effect.never, () => Effect.sleep("5 seconds"))
      const fiber = yield* Effect.forkChild(withLimit(work, 1000, Effect.succeed("late")), { startImmediately: true })
      yield* TestClock.adjust("5999 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(fiber), "late")
    }))

  it.effect("leaves success, failure and defect as they are, at once or later", () =>
    Effect.gen(function*() {
      const outcomes = [Effect.succeed("a"), Effect.fail("b"), Effect.die("c")]
      for (const outcome of outcomes) {
        for (const work of [outcome, Effect.andThen(Effect.sleep(10), outcome)]) {
          const fiber = yield* Effect.forkChild(Effect.exit(withLimit(work, 1000, Effect.succeed("late"))), {
            startImmediately: true
          })
          yield* TestClock.adjust(10)
          assert.deepStrictEqual(yield* Fiber.join(fiber), yield* Effect.exit(outcome))
        }
      }
    }))

  it.effect("leaves no timer behind, whether the work ends by itself or is interrupted", () =>
    Effect.gen(function*() {
      const clock = yield* TestClock.testClockWith(Effect.succeed)
      const timers = { running: 0 }
      const counting = {
        ...clock,
        currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe(),
        currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
        monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
        sleep: () =>
          Effect.andThen(Effect.sync(() => void timers.running++), Effect.never).pipe(
            Effect.ensuring(Effect.sync(() => void timers.running--))
          )
      }
      yield* Effect.provideService(
        Effect.gen(function*() {
          yield* withLimit(Effect.yieldNow, 1000, Effect.void)
          assert.strictEqual(timers.running, 0)
          const { seen, work } = endless()
          const fiber = yield* Effect.forkChild(withLimit(work, 1000, Effect.void), { startImmediately: true })
          assert.deepStrictEqual([timers.running, seen.begun, seen.ended], [1, 1, 0])
          yield* Fiber.interrupt(fiber)
          assert.deepStrictEqual([timers.running, seen.begun, seen.ended], [0, 1, 1])
        }),
        Clock.Clock,
        counting
      )
    }))
})
