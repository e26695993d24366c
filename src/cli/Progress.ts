/**
 * A word on stderr about what takes a while, for somebody who watches; nobody else sees it.
 */
import * as Effect from "effect/Effect"
import { Shell } from "./Shell.ts"

/** Says what is going on, if somebody watches. */
export const progress = (text: string): Effect.Effect<void, never, Shell> =>
  Effect.flatMap(Shell, ({ err, hasAudience }) => hasAudience ? err(`... ${text}`) : Effect.void)
