/** What an answer's headers say about how much may be asked: `RateLimit`, `RateLimit-Policy` and `X-RateLimit-*`. */
import type * as Headers from "effect/http/Headers"

/** A quota of requests in a window; null is unknown. */
export interface Policy {
  readonly name: string
  readonly quota: number
  readonly windowMillis: number | null
}

/** What is left of a quota, and in how long it is full again; null is unknown. */
export interface Balance {
  readonly name: string
  readonly remaining: number
  readonly resetMillis: number | null
}

export interface RateLimitFacts {
  /** Of the nameless window. */
  readonly quota: number | null
  readonly balances: ReadonlyArray<Balance>
}

/** Real clouds have three windows; more in one header are left out. */
const mostWindows = 16
const longestHeader = 4096
/** Larger numbers of seconds are moments in time: since 2001 in seconds, since 1973 in milliseconds. */
const epochSeconds = 1e9
const epochMillis = 1e11

/** A member of a structured list: a quoted string or a token, then its parameters. */
const member = /^\s*(?:"((?:[^"\\]|\\["\\])*)"|([A-Za-z*][\w:/.*+-]*))\s*((?:;.*)?)$/s
const parts = /(?:"(?:[^"\\]|\\.)*"|[^,"])+/gs
/** The parameters that are read: quota, window, remaining and time. */
const quota = /;\s*q=(\d{1,15})\s*(?:;|$)/
const seconds = /;\s*w=(\d{1,15})\s*(?:;|$)/
const left = /;\s*r=(\d{1,15})\s*(?:;|$)/
const time = /;\s*t=(\d{1,15})\s*(?:;|$)/

interface Member {
  readonly name: string
  readonly parameters: string
}

/** The readable members of a structured list; an unreadable one is left out, since a guess could stop all calls. */
const membersOf = (header: string | undefined): ReadonlyArray<Member> => {
  if (header === undefined || header.length > longestHeader) return []
  const members: Array<Member> = []
  // split at the commas that stand outside quotes
  for (const text of (header.match(parts) ?? []).slice(0, mostWindows)) {
    const found = member.exec(text)
    if (found !== null) members.push({ name: found[1] ?? found[2] ?? "", parameters: found[3] ?? "" })
  }
  return members
}

const numberIn = (parameters: string, pattern: RegExp): number | null => {
  const found = pattern.exec(parameters)
  return found === null ? null : Number(found[1])
}

const inMillis = (value: number | null): number | null => value === null ? null : value * 1000

/** The windows a policy names, in the order it names them. */
export const policiesOf = (header: string | undefined): ReadonlyArray<Policy> =>
  membersOf(header).flatMap(({ name, parameters }) => {
    const most = numberIn(parameters, quota)
    return most === null ? [] : [{ name, quota: most, windowMillis: inMillis(numberIn(parameters, seconds)) }]
  })

const balancesOf = (header: string | undefined): ReadonlyArray<Balance> =>
  membersOf(header).flatMap(({ name, parameters }) => {
    const remaining = numberIn(parameters, left)
    return remaining === null ? [] : [{ name, remaining, resetMillis: inMillis(numberIn(parameters, time)) }]
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

/** What is left of every window; `X-RateLimit-*` is the nameless one, read only where `RateLimit` is missing. */
export const rateLimitOf = (headers: Headers.Headers, nowMillis: number): RateLimitFacts => {
  const balances = balancesOf(headers["ratelimit"])
  if (balances.length > 0) return { quota: null, balances }
  const remaining = wholeNumber(headers["x-ratelimit-remaining"] ?? headers["ratelimit-remaining"])
  if (remaining === undefined) return { quota: null, balances }
  const reset = wholeNumber(headers["x-ratelimit-reset"] ?? headers["ratelimit-reset"])
  return {
    quota: wholeNumber(headers["x-ratelimit-limit"] ?? headers["ratelimit-limit"]) ?? null,
    balances: [{ name: "", remaining, resetMillis: reset === undefined ? null : untilReset(reset, nowMillis) }]
  }
}
