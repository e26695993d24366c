/** A time limit for one request, at half the price of Effect's own: every call of every provider pays it, and every page of a log. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/**
 * What `self` comes to, or `late` when that takes longer than `millis`; `self` is over before this is, either way.
 *
 * Two fibers as in `Effect.timeoutOrElse`, but nothing waits for the clock's one: it has nothing to clean up.
 */
export const withLimit = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  millis: number,
  late: Effect.Effect<A, E>
): Effect.Effect<A, E, R> =>
  Effect.contextWith((context: Context.Context<R>) => {
    const clock = Context.get(context, Clock.Clock)
    return Effect.callback<A, E>((resume) => {
      const work = Effect.runForkWith(context)(self)
      const done = work.pollUnsafe()
      if (done !== undefined) return resume(done)
      const timer = Effect.runFork(clock.sleep(Duration.millis(millis)))
      const stop = Effect.uninterruptible(Fiber.interrupt(work))
      const forget = timer.addObserver(() => resume(Effect.andThen(stop, late)))
      work.addObserver((exit) => {
        // the timer first, since the waiting fiber goes on at once when it is resumed
        forget()
        timer.interruptUnsafe()
        resume(exit)
      })
      return Effect.suspend(() => {
        timer.interruptUnsafe()
        return stop
      })
    })
  })
