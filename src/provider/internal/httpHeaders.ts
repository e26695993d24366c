/** What an answer's headers say about how much may be asked: `RateLimit`, `RateLimit-Policy` and `X-RateLimit-*`. */
import type * as Headers from "effect/http/Headers"
import * as RetryAfter from "../../http/RetryAfter.ts"

/** A quota of requests in a window; null is unknown, as one of 0 is: no cloud forbids every request. */
export interface Policy {
  readonly name: string
  readonly quota: number | null
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
    return most === null ? [] : [{ name, quota: most || null, windowMillis: inMillis(numberIn(parameters, seconds)) }]
  })

const balancesOf = (header: string | undefined): ReadonlyArray<Balance> =>
  membersOf(header).flatMap(({ name, parameters }) => {
    const remaining = numberIn(parameters, left)
    return remaining === null ? [] : [{ name, remaining, resetMillis: inMillis(numberIn(parameters, time)) }]
  })

const wholeNumber = (text: string | undefined): number | undefined =>
  text !== undefined && /^\s*\d{1,15}\s*$/.test(text) ? Number(text) : undefined

/** Seconds from now, or a moment in seconds, in milliseconds or as HTTP writes a date: clouds mean all four. */
const untilReset = (text: string | undefined, headers: Headers.Headers, nowMillis: number): number | null => {
  const value = wholeNumber(text)
  const moment = value === undefined
    ? RetryAfter.momentOf(text)
    : value >= epochMillis
    ? value
    : value >= epochSeconds
    ? value * 1000
    : null
  return moment === null ? inMillis(value ?? null) : RetryAfter.until(moment, headers, nowMillis)
}

/** What is left of every window; `X-RateLimit-*` is the nameless one, read only where `RateLimit` is missing. */
export const rateLimitOf = (headers: Headers.Headers, nowMillis: number): RateLimitFacts => {
  const balances = balancesOf(headers["ratelimit"])
  if (balances.length > 0) return { quota: null, balances }
  const remaining = wholeNumber(headers["x-ratelimit-remaining"] ?? headers["ratelimit-remaining"])
  const quota = wholeNumber(headers["x-ratelimit-limit"] ?? headers["ratelimit-limit"]) ?? null
  // of a quota that is unknown, nothing left says nothing
  if (remaining === undefined || quota === 0) return { quota: null, balances }
  const resetMillis = untilReset(headers["x-ratelimit-reset"] ?? headers["ratelimit-reset"], headers, nowMillis)
  return { quota, balances: [{ name: "", remaining, resetMillis }] }
}
