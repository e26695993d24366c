/**
 * Time in a test: the clock of `it.effect` stands still until the test moves it, and this moves it for as long as an effect runs.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as CryptoCalls from "../auth/CryptoCalls.ts"

/** A turn of the event loop, in which what does not wait for the clock goes on. */
const turn = Effect.promise(() => new Promise<void>((resume) => setImmediate(resume)))

/**
 * Runs an effect while the test's time passes, step by step, until it is over; answers what it answers.
 *
 * **When to use**
 *
 * Use it around whatever waits: a machine that becomes ready, a scope that hands its machine back, an orchestrator that closes.
 * To stop at a certain moment, fork the effect and use `TestClock.adjust`.
 *
 * **Details**
 *
 * Between two steps, a second each unless `step` says otherwise, the event loop has a turn, so that what does not wait for the
 * clock comes first, such as answers of a fake cloud. No time passes while this library waits for Web Crypto, as it does for
 * `auth`.
 *
 * **Example** (Ten minutes of use, in no time)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 * import { TestTime } from "effect-atlas/testing"
 * import * as Effect from "effect/Effect"
 *
 * const used = TestTime.passWhile(
 *   Atlas.withCompute({ gpu: "h100", image: "me/server" }, () => Effect.sleep("10 minutes"))
 * )
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const passWhile = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  options: { readonly step?: Duration.Input } = {}
): Effect.Effect<A, E, R> =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(self)
    while (true) {
      do yield* turn
      while (CryptoCalls.isWaiting())
      if (fiber.pollUnsafe() !== undefined) break
      yield* TestClock.adjust(options.step ?? "1 second")
    }
    return yield* Fiber.join(fiber)
  })
