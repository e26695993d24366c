/** Runs an effect that waits, and moves the test's clock second by second until it is done. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"

export const settled = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect)
    while (fiber.pollUnsafe() === undefined) {
      yield* TestClock.adjust("1 second")
      // a fake cloud's streams and a token's hash take a turn of the event loop
      yield* Effect.promise(() => new Promise<void>((resume) => setImmediate(resume)))
    }
    return yield* Fiber.join(fiber)
  })
