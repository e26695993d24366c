/** Log lines about a bus that fails: one now and then, and only the name of the error, never its text. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** An outage of minutes deserves a line now and then, not one for each message. */
const interval = Duration.toMillis(Duration.seconds(10))

/**
 * Runs the effect it is given the first time and then at most once in 10 seconds, with the number of calls that were left
 * out since. A log or metric that fails does not fail the caller.
 */
export const makeThrottle = () => {
  let next = Number.NEGATIVE_INFINITY
  let suppressed = 0
  return <E, R>(log: (suppressed: number) => Effect.Effect<void, E, R>): Effect.Effect<void, never, R> =>
    Effect.flatMap(Clock.monotonicTimeNanos, (nanos) => {
      const now = Number(nanos) / 1e6
      if (now < next) {
        suppressed++
        return Effect.void
      }
      const count = suppressed
      next = now + interval
      suppressed = 0
      return Effect.ignoreCause(log(count))
    })
}

const nameOf = (error: unknown, depth: number): string => {
  if (typeof error !== "object" || error === null) return typeof error
  // the code of a lost connection says more than the names of the errors that wrap it
  if ("code" in error && typeof error.code === "string" && /^[A-Z_]+$/.test(error.code)) return error.code
  if (depth > 0 && "cause" in error && error.cause instanceof Error) return nameOf(error.cause, depth - 1)
  if ("_tag" in error && typeof error._tag === "string") return error._tag
  return error instanceof Error ? error.name : "object"
}

/** The name of an error; its text is left out, since it may quote the message. */
export const nameOfCause = (cause: Cause.Cause<unknown>): string =>
  Cause.hasInterruptsOnly(cause) ? "interrupted" : nameOf(Cause.squash(cause), 3)
