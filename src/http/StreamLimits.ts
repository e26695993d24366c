/** When a stream is over that does not end by itself. Effect's own would add the code that merges streams to every bundle. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"

/** The same stream, which fails as soon as `over` does. */
export const failWhen = <A, E, R, E2, R2>(
  self: Stream.Stream<A, E, R>,
  over: Effect.Effect<never, E2, R2>
): Stream.Stream<A, E | Pull.ExcludeDone<E2>, R | R2> =>
  Stream.transformPull(self, (pull, scope) =>
    Effect.map(
      Effect.forkIn(over, scope, { startImmediately: true }),
      // its failure first: a stream that always has more would never let it through
      (watch) => Effect.raceFirst(Fiber.join(watch), pull)
    ))

/** The same stream, ended by `orElse` when nothing comes for so long. */
export const unlessSilent = <A, E, R, E2>(
  self: Stream.Stream<A, E, R>,
  silence: Duration.Input,
  orElse: Pull.Pull<never, E2>
): Stream.Stream<A, E | Pull.ExcludeDone<E2>, R> =>
  Stream.transformPull(
    self,
    (pull) => Effect.succeed(Effect.timeoutOrElse(pull, { duration: silence, orElse: () => orElse }))
  )
