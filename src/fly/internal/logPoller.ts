/**
 * The loop behind an app's log stream: fetch a page, deliver its lines, wait. A failed fetch is repeated from the same place
 * after a longer wait.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { Unknown } from "../../domain/AtlasError.ts"
import * as TimeSpan from "../../domain/TimeSpan.ts"
import { FlyError } from "../FlyError.ts"
import type { Page } from "../FlyLogSource.ts"
import type { LogEntry } from "../LogEntry.ts"
import * as LogProgress from "./logProgress.ts"

const longestWait = Duration.seconds(60)
/** The longest pause for a host that sends the same lines again and again: it may have new ones among them. */
const longestLull = Duration.seconds(30)

/** The pause after this many failures in a row: doubled each time, up to a minute. */
const pauseAfter = (failures: number, interval: Duration.Duration, error: FlyError): Duration.Duration => {
  const longest = Duration.max(interval, longestWait)
  const doubled = Duration.times(interval, 2 ** Math.min(failures - 1, 16))
  const asked = error.reason._tag === "RateLimited" ? error.reason.retryAfter ?? Duration.zero : Duration.zero
  return Duration.min(longest, Duration.max(doubled, asked))
}

const errorOf = (app: string, cause: Cause.Cause<FlyError>): FlyError => {
  const reason = cause.reasons.find(Cause.isFailReason)
  return reason?.error
    // the text of a defect may hold anything, so it is not logged
    ?? new FlyError({
      app,
      operation: "logs",
      reason: new Unknown({ message: "fetching the logs ended with an unexpected error" })
    })
}

interface Polling {
  readonly app: string
  readonly interval: Duration.Duration
  readonly fetch: (cursor: string | null) => Effect.Effect<Page, FlyError>
  /** Called with at least one line. */
  readonly deliver: (entries: ReadonlyArray<LogEntry>) => Effect.Effect<void>
  readonly failed: (error: FlyError, retryIn: Duration.Duration) => void
  /** Called with what the reader of the lines should know about them, each sentence once. */
  readonly noticed: (message: string) => void
}

/** The pause after a page: longer and longer for a host that ignores the cursor. */
const pauseOf = (ignored: number, interval: Duration.Duration): Duration.Duration =>
  ignored === 0
    ? interval
    : Duration.min(Duration.times(interval, 2 ** Math.min(ignored, 16)), Duration.max(interval, longestLull))

/** Polls until it is interrupted. */
export const run = ({ app, deliver, failed, fetch, interval, noticed }: Polling): Effect.Effect<never> =>
  Effect.gen(function*() {
    const progress = LogProgress.make()
    const told = new Set<string>()
    let failures = 0

    const tell = (message: string) =>
      Effect.suspend(() => {
        if (told.has(message)) return Effect.void
        told.add(message)
        noticed(message)
        return Effect.annotateLogs(Effect.logWarning(message), { app })
      })

    const fail = (error: FlyError) =>
      Effect.suspend(() => {
        failures += 1
        const retryIn = pauseAfter(failures, interval, error)
        failed(error, retryIn)
        return Effect.logWarning("fetching logs failed, trying again").pipe(
          Effect.annotateLogs({ app, reason: error.message, retryIn: TimeSpan.format(retryIn) }),
          Effect.andThen(Effect.sleep(retryIn))
        )
      })

    while (true) {
      const exit = yield* Effect.exit(fetch(progress.cursor()))
      if (Exit.isFailure(exit)) {
        yield* fail(errorOf(app, exit.cause))
        continue
      }
      const page = exit.value
      const { entries, ignored, isBehind, notice } = progress.accept(page)
      if (entries.length > 0) yield* deliver(entries)
      if (notice !== null) yield* tell(notice)
      // an answer that breaks off is a failure only where it brings nothing
      if (page.cut != null && entries.length === 0) yield* fail(page.cut)
      else {
        failures = 0
        yield* isBehind ? Effect.yieldNow : Effect.sleep(pauseOf(ignored, interval))
      }
    }
  })
