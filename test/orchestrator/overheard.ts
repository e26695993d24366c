/** Collects the log of an effect as the lines a host would read, with messages and causes. */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"

/** Runs an effect with the lines it has logged so far. */
export const overhear = <A, E, R>(
  use: (lines: ReadonlyArray<string>) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const logger = Logger.map(Logger.formatLogFmt, (line) => void lines.push(line))
    return Effect.provide(use(lines), Logger.layer([logger]))
  })
