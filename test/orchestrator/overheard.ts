/** What is logged while something runs, as the lines a host would read: message, causes and all. */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"

/** Runs it and keeps what it logs. */
export const overhear = <A, E, R>(
  use: (lines: ReadonlyArray<string>) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const logger = Logger.map(Logger.formatLogFmt, (line) => void lines.push(line))
    return Effect.provide(use(lines), Logger.layer([logger]))
  })
