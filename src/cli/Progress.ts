/**
 * Progress of what takes a while, a line each on stderr, where a person reads it.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ForeignText from "../domain/ForeignText.ts"
import * as TimeSpan from "../domain/TimeSpan.ts"
import { Shell } from "./Shell.ts"

/** Prints what is going on, if stderr is a terminal. */
export const progress = (text: string): Effect.Effect<void, never, Shell> =>
  Effect.flatMap(Shell, ({ err, showsProgress }) => showsProgress ? err(`... ${ForeignText.line(text)}`) : Effect.void)

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
