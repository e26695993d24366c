/** How long an answer asks to wait before the next request: the one reading of `Retry-After`, and of moments that headers name. */
import * as Duration from "effect/Duration"
import type * as Headers from "effect/http/Headers"

/** A moment in the three ways HTTP writes one, the last without its zone; `Date.parse` takes much else for a date. */
const httpDate = /^[A-Z][a-z]{2,8},? [\w -]+ [\d:]{8}(?: GMT| \d{4})$/
/** Clouds count in windows of up to a day, so a clock by which a moment is further away than this is wrong. */
const furthest = Duration.toMillis("1 day")

/** The moment that a text names, in milliseconds; null where it names none. */
export const momentOf = (text: string | undefined): number | null => {
  const trimmed = text?.trim() ?? ""
  const millis = httpDate.test(trimmed)
    ? Date.parse(trimmed.endsWith("GMT") ? trimmed : `${trimmed} GMT`)
    : Number.NaN
  return Number.isNaN(millis) ? null : millis
}

/**
 * Milliseconds from an answer to a moment it names; 0 for one that is over.
 *
 * Counted from the answer's own `Date`, since our wall clock may be wrong; from our clock where it has none, or one that is days
 * away from the moment while ours is not.
 */
export const until = (moment: number, headers: Headers.Headers, nowMillis: number): number => {
  const ours = moment - nowMillis
  const answered = momentOf(headers["date"])
  const theirs = answered === null ? ours : moment - answered
  return Math.max(0, Math.abs(theirs) > furthest && Math.abs(ours) <= furthest ? ours : theirs)
}

/** What the header asks for; null when it is missing or unreadable. */
export const read = (headers: Headers.Headers, nowMillis: number): Duration.Duration | null => {
  const header = headers["retry-after"]?.trim() ?? ""
  const moment = momentOf(header)
  if (moment !== null) return Duration.millis(until(moment, headers, nowMillis))
  return /^\d+$/.test(header) ? Duration.millis(Math.min(Number(header) * 1000, Number.MAX_SAFE_INTEGER)) : null
}

/** The longer of two waits, either of which may not have been asked for. */
export const longer = (one: Duration.Duration | null, other: Duration.Duration | null): Duration.Duration | null =>
  one === null || (other !== null && Duration.toMillis(other) > Duration.toMillis(one)) ? other : one
