/**
 * Who holds an owner's lock: a process of a host.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** The host this runs on. Asked for without an import, since a store in memory loads in browsers too. */
export const host = (): string =>
  typeof process === "undefined" ? "this page" : process.getBuiltinModule("node:os").hostname()

/** A holder as a refusal names it. */
export const describeHolder = (
  holder: { readonly pid: unknown; readonly host: unknown; readonly since: unknown }
): string => {
  const since = Number(holder.since)
  const when = Number.isSafeInteger(since) ? ` since ${new Date(since).toISOString()}` : ""
  return `process ${Number(holder.pid)} on ${String(holder.host)}${when}`
}

/** This process as a holder, from now on. */
export const self = Effect.map(
  Clock.currentTimeMillis,
  (since) => ({ pid: typeof process === "undefined" ? 0 : process.pid, host: host(), since })
)
