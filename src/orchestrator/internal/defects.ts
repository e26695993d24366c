/** What a log or a failure may say of a defect (a bug): its class and where it happened, since its text may hold a key. */
import * as Effect from "effect/Effect"

/** What a call is answered with when the adapter's code threw instead of failing. */
export const adapterDefect = "the adapter failed unexpectedly (a defect)"

/** Enough lines of a stack to find the place. */
const maxLines = 12

/** A line of a stack that names a file and a line. Those of the message, which may be of any length, do not match. */
const location = /^\s+at (?:(?:async |new )*[\w$.<>]+ \()?(?:file:|node:|\/)\S*:\d+:\d+\)?$/

const classOf = (defect: unknown): string => {
  if (typeof defect !== "object" || defect === null) return typeof defect
  const { name } = defect.constructor ?? {}
  return typeof name === "string" && /^[\w$]{1,80}$/.test(name) ? name : "object"
}

/** A defect for the log: its class and the locations of its stack, without its message and fields. */
export const locate = (defect: unknown): string => {
  const stack = defect instanceof Error && typeof defect.stack === "string" ? defect.stack.split("\n") : []
  return [classOf(defect), ...stack.filter((line) => location.test(line)).slice(0, maxLines)].join("\n")
}

/** The same effect; what it throws (the host's tracer, metrics or bus may) is logged, and harms nothing else. */
export const guarded = (what: string, self: Effect.Effect<unknown>): Effect.Effect<void> =>
  Effect.asVoid(
    Effect.catchDefect(self, (defect) => Effect.logError(`${what} failed unexpectedly (a defect): ${locate(defect)}`))
  )
