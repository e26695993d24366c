/** What may be said of a bug: its class and where it happened. Its words and fields may hold anything, a key included. */

/** Enough to find the place. */
const mostLines = 12

/** Where the stack says a file and a line: it begins below the message, which may be of any length and say anything. */
const location = /^\s+at (?:(?:async |new )*[\w$.<>]+ \()?(?:file:|node:|\/)\S*:\d+:\d+\)?$/

const classOf = (defect: unknown): string => {
  if (typeof defect !== "object" || defect === null) return typeof defect
  const { name } = defect.constructor ?? {}
  return typeof name === "string" && /^[\w$]{1,80}$/.test(name) ? name : "object"
}

/** A bug for the log: its class and its stack's locations, and nothing that it says. */
export const locate = (defect: unknown): string => {
  const stack = defect instanceof Error && typeof defect.stack === "string" ? defect.stack.split("\n") : []
  return [classOf(defect), ...stack.filter((line) => location.test(line)).slice(0, mostLines)].join("\n")
}
