/**
 * Progress of what takes a while, a line each on stderr, where a person reads it.
 */
import * as Effect from "effect/Effect"
import * as ForeignText from "../domain/ForeignText.ts"
import { Shell } from "./Shell.ts"

/** Prints what is going on, if stderr is a terminal. */
export const progress = (text: string): Effect.Effect<void, never, Shell> =>
  Effect.flatMap(Shell, ({ err, showsProgress }) => showsProgress ? err(`... ${ForeignText.line(text)}`) : Effect.void)
