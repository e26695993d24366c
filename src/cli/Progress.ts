/**
 * Progress of what takes a while, a line each on stderr, where a person reads it.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as ForeignText from "../domain/ForeignText.ts"
import * as TimeSpan from "../domain/TimeSpan.ts"
import { Shell } from "./Shell.ts"

/** Prints what is going on, if stderr is a terminal. */
export const progress = (text: string): Effect.Effect<void, never, Shell> =>
  Effect.flatMap(Shell, ({ err, showsProgress }) => showsProgress ? err(`... ${ForeignText.line(text)}`) : Effect.void)

/** Seconds between two words about the same wait: often at first, then seldom. */
const pauses = [5, 5, 10, 10]
const lastPause = 30

/** While it goes on, says what it waits for and for how long it has, if stderr is a terminal. */
export const ticking = (what: string) => <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Shell> =>
  Effect.gen(function*() {
    const { showsProgress } = yield* Shell
    if (!showsProgress) return yield* self
    const ticks = Effect.gen(function*() {
      for (let seconds = 0, tick = 0;; tick++) {
        const pause = pauses[tick] ?? lastPause
        yield* Effect.sleep(Duration.seconds(pause))
        seconds += pause
        yield* progress(`${what} (${TimeSpan.format(Duration.seconds(seconds))})`)
      }
    })
    const saying = yield* Effect.forkChild(ticks)
    return yield* Effect.ensuring(self, Fiber.interrupt(saying))
  })

/** Says what is ended, and why that may take a while. */
export const sayEnding = (
  ids: ReadonlyArray<string>,
  settleWindow: Duration.Duration
): Effect.Effect<void, never, Shell> => {
  const windows = Duration.times(settleWindow, 2)
  const why = Duration.isZero(settleWindow)
    ? ""
    : `; within ${TimeSpan.format(windows)} of a create it takes until then, as a second compute of its name may appear`
  return ids.length === 0 ? Effect.void : progress(`ending ${ids.join(" ")}${why}`)
}
