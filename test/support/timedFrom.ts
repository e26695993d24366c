/**
 * Limits that begin when something outside has happened: a real process or server, and the clock of the test.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { repeatUntil, untilSo } from "./until.ts"

/** How far the clock of a test moves between two looks: no faster than time itself, since real processes are waited for. */
const step = "10 millis"

/**
 * Runs with the clock of the test, which stands still until what is real is `ready` and then moves until it is over.
 * So a limit begins where the test says, however long a busy machine took to get there; `slept` are the waits so far, in ms.
 */
export const timedFrom = <A, E, R>(
  ready: (slept: ReadonlyArray<number>) => boolean,
  self: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.clockWith((clock) =>
    Effect.gen(function*() {
      const slept: Array<number> = []
      const noting: Clock.Clock = {
        ...clock,
        sleep: (duration) => {
          slept.push(Duration.toMillis(duration))
          return clock.sleep(duration)
        }
      }
      const fiber = yield* Effect.forkChild(Effect.provideService(self, Clock.Clock, noting), {
        startImmediately: true
      })
      yield* untilSo(String(ready), () => ready(slept))
      const moved = Effect.map(TestClock.adjust(step), () => fiber.pollUnsafe() !== undefined)
      yield* repeatUntil(moved, (isOver) => isOver)
      return yield* Fiber.join(fiber)
    })
  )
