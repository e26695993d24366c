/** What is told on the side may fail or break without harm to whoever tells it. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

export const quietly = <A, E, R>(telling: Effect.Effect<A, E, R>): Effect.Effect<void, never, R> =>
  Effect.ignoreCause(telling)

/** An outage of minutes is worth a line now and then, not one a message. */
const between = Duration.toMillis(Duration.seconds(10))

/** Tells the first time and then at most once in 10 seconds, with how many were left out since. */
export const makeRarely = () => {
  let next = Number.NEGATIVE_INFINITY
  let unsaid = 0
  return <E, R>(tell: (unsaid: number) => Effect.Effect<void, E, R>): Effect.Effect<void, never, R> =>
    Effect.flatMap(Clock.monotonicTimeNanos, (nanos) => {
      const now = Number(nanos) / 1e6
      if (now < next) {
        unsaid++
        return Effect.void
      }
      const count = unsaid
      next = now + between
      unsaid = 0
      return quietly(tell(count))
    })
}

const nameOf = (error: unknown, depth: number): string => {
  if (typeof error !== "object" || error === null) return typeof error
  // the code of a lost connection says more than the names of what is wrapped around it
  if ("code" in error && typeof error.code === "string" && /^[A-Z_]+$/.test(error.code)) return error.code
  if (depth > 0 && "cause" in error && error.cause instanceof Error) return nameOf(error.cause, depth - 1)
  if ("_tag" in error && typeof error._tag === "string") return error._tag
  return error instanceof Error ? error.name : "object"
}

/** What a failure is called, and nothing of what it says: its text may quote the message. */
export const nameOfCause = (cause: Cause.Cause<unknown>): string =>
  Cause.hasInterruptsOnly(cause) ? "interrupted" : nameOf(Cause.squash(cause), 3)
