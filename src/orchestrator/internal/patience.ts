/**
 * Waiting for what may hang: code of a host's adapter, store or bus, which may not even be interruptible.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"

/**
 * What `self` comes to; none when that takes longer than `limit`. Past it `self` is told to stop and is not waited for, while
 * `Effect.timeout` would wait until it has stopped. An interrupt is passed on, and waited for a second at most.
 */
export const atMost = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  limit: Duration.Input
): Effect.Effect<Option.Option<A>, E, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkDetach(self)
      const exit = yield* restore(Effect.timeoutOption(Fiber.await(fiber), limit)).pipe(
        Effect.onInterrupt(() => Effect.timeoutOption(Fiber.interrupt(fiber), "1 second"))
      )
      if (Option.isNone(exit)) {
        fiber.interruptUnsafe()
        return Option.none()
      }
      return Exit.isSuccess(exit.value) ? Option.some(exit.value.value) : yield* Effect.failCause(exit.value.cause)
    })
  )
