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

const longestWait = Duration.seconds(60)
/** Lines come twice only where one page ends and the next begins, so the newest ids are enough. */
const remembered = 1000

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

/** The greater of two cursors. */
const later = (one: string | null, other: string | null): string | null =>
  one === null || other === null ? one ?? other : BigInt(other) > BigInt(one) ? other : one

/** Lets each line through once; a page may repeat what the one before had. */
const makeOnce = () => {
  const seen = new Set<string>()
  return ({ entries, ids }: Page): ReadonlyArray<LogEntry> => {
    const isNew = entries.map((_, index) => {
      const id = ids[index] ?? null
      if (id === null) return true
      if (seen.has(id)) return false
      seen.add(id)
      return true
    })
    for (const id of seen) {
      if (seen.size <= remembered) break
      seen.delete(id)
    }
    return isNew.every(Boolean) ? entries : entries.filter((_, index) => isNew[index])
  }
}

interface Polling {
  readonly app: string
  readonly interval: Duration.Duration
  readonly fetch: (cursor: string | null) => Effect.Effect<Page, FlyError>
  /** Called with at least one line. */
  readonly deliver: (entries: ReadonlyArray<LogEntry>) => Effect.Effect<void>
  readonly failed: (error: FlyError, retryIn: Duration.Duration) => void
}

/** Polls until it is interrupted. */
export const run = ({ app, deliver, failed, fetch, interval }: Polling): Effect.Effect<never> =>
  Effect.gen(function*() {
    const once = makeOnce()
    let cursor: string | null = null
    let failures = 0
    while (true) {
      const exit = yield* Effect.exit(fetch(cursor))
      if (Exit.isSuccess(exit)) {
        const page = exit.value
        const before = cursor
        failures = 0
        cursor = later(cursor, page.cursor)
        const entries = once(page)
        if (entries.length > 0) yield* deliver(entries)
        // a full page means that the host has more, so it is asked again at once, but only while the cursor advances
        const isBehind = page.isFull && entries.length > 0 && cursor !== before
        yield* isBehind ? Effect.yieldNow : Effect.sleep(interval)
      } else {
        failures += 1
        const error = errorOf(app, exit.cause)
        const retryIn = pauseAfter(failures, interval, error)
        failed(error, retryIn)
        yield* Effect.annotateLogs(Effect.logWarning("fetching logs failed, trying again"), {
          app,
          reason: error.message,
          retryIn: TimeSpan.format(retryIn)
        })
        yield* Effect.sleep(retryIn)
      }
    }
  })
