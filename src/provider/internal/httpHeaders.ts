/** What an answer's headers say about waiting: `Retry-After`, `RateLimit`, `RateLimit-Policy` and `X-RateLimit-*`. */
import type * as Duration from "effect/Duration"
import * as Headers from "effect/http/Headers"
import * as Result from "effect/Result"

/** A quota of requests in a window; null is unknown. */
export interface Policy {
  readonly name: string
  readonly quota: number
  readonly windowMillis: number | null
}

/** What is left of a quota, and in how long it is full again; null is unknown. */
export interface Standing {
  readonly name: string
  readonly remaining: number
  readonly resetMillis: number | null
}

export interface RateLimitFacts {
  readonly policies: ReadonlyArray<Policy>
  readonly standings: ReadonlyArray<Standing>
}

/** Real clouds have three windows; a header with more is not taken at its word. */
const mostWindows = 16
const longestHeader = 4096
/** Larger numbers of seconds are moments in time: since 2001 in seconds, since 1973 in milliseconds. */
const epochSeconds = 1e9
const epochMillis = 1e11

/** A member of a structured list: a quoted string or a token, then its parameters. */
const member = /^\s*(?:"((?:[^"\\]|\\["\\])*)"|([A-Za-z*][\w:/.*+-]*))\s*((?:;.*)?)$/s
const parameter = /;\s*([a-z*][\w.*-]*)=(\d{1,15})(?=\s*(?:;|$))/g

interface Member {
  readonly name: string
  readonly numbers: ReadonlyMap<string, number>
}

/** Splits at the commas that stand outside quotes. */
const split = (header: string): ReadonlyArray<string> => header.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/gs) ?? []

/** The readable members of a structured list; an unreadable one is left out, since a guess could stop all calls. */
const membersOf = (header: string | undefined): ReadonlyArray<Member> =>
  header === undefined || header.length > longestHeader
    ? []
    : split(header).slice(0, mostWindows).flatMap((text) => {
      const found = member.exec(text)
      if (found === null) return []
      const [, quoted, token, parameters = ""] = found
      const numbers = new Map<string, number>()
      for (const [, key = "", value = ""] of parameters.matchAll(parameter)) numbers.set(key, Number(value))
      return [{ name: quoted ?? token ?? "", numbers }]
    })

const wholeNumber = (text: string | undefined): number | undefined =>
  text !== undefined && /^\s*\d{1,15}\s*$/.test(text) ? Number(text) : undefined

/** Seconds from now, or a moment in seconds or milliseconds: clouds mean all three by a bare number. */
const untilReset = (value: number, nowMillis: number): number =>
  value >= epochMillis
    ? Math.max(0, value - nowMillis)
    : value >= epochSeconds
    ? Math.max(0, value * 1000 - nowMillis)
    : value * 1000

/** How long `Retry-After` asks to wait; null when it is missing or unreadable. */
export const retryAfterOf = (headers: Headers.Headers, nowMillis: number): Duration.Duration | null => {
  const header = headers["retry-after"]
  if (header === undefined) return null
  const parsed = Headers.parseRetryAfter(header)
  return Result.isSuccess(parsed) ? Headers.retryAfterDelay(parsed.success, nowMillis) : null
}

/** Every window the headers name; `X-RateLimit-*` is the nameless one, read only where `RateLimit` is missing. */
export const rateLimitOf = (headers: Headers.Headers, nowMillis: number): RateLimitFacts => {
  const policies = membersOf(headers["ratelimit-policy"]).flatMap(({ name, numbers }): ReadonlyArray<Policy> => {
    const quota = numbers.get("q")
    const seconds = numbers.get("w")
    return quota === undefined
      ? []
      : [{ name, quota, windowMillis: seconds === undefined ? null : seconds * 1000 }]
  })
  const standings = membersOf(headers["ratelimit"]).flatMap(({ name, numbers }): ReadonlyArray<Standing> => {
    const remaining = numbers.get("r")
    const seconds = numbers.get("t")
    return remaining === undefined
      ? []
      : [{ name, remaining, resetMillis: seconds === undefined ? null : seconds * 1000 }]
  })
  if (standings.length > 0) return { policies, standings }
  const remaining = wholeNumber(headers["x-ratelimit-remaining"] ?? headers["ratelimit-remaining"])
  if (remaining === undefined) return { policies, standings }
  const quota = wholeNumber(headers["x-ratelimit-limit"] ?? headers["ratelimit-limit"])
  const reset = wholeNumber(headers["x-ratelimit-reset"] ?? headers["ratelimit-reset"])
  return {
    policies: quota === undefined ? policies : [...policies, { name: "", quota, windowMillis: null }],
    standings: [{ name: "", remaining, resetMillis: reset === undefined ? null : untilReset(reset, nowMillis) }]
  }
}
