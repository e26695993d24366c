/** How long an answer asks to wait before the next request: the one reading of `Retry-After`. */
import * as Duration from "effect/Duration"
import type * as Headers from "effect/http/Headers"

/** A moment in the three ways HTTP writes one, the last without its zone; `Date.parse` takes much else for a date. */
const httpDate = /^[A-Z][a-z]{2,8},? [\w -]+ [\d:]{8}(?: GMT| \d{4})$/

/** What the header asks for; null when it is missing or unreadable. */
export const read = (headers: Headers.Headers, nowMillis: number): Duration.Duration | null => {
  const header = headers["retry-after"]?.trim() ?? ""
  const millis = /^\d+$/.test(header)
    ? Number(header) * 1000
    : httpDate.test(header)
    ? Math.max(0, Date.parse(header.endsWith("GMT") ? header : `${header} GMT`) - nowMillis)
    : Number.NaN
  return Number.isNaN(millis) ? null : Duration.millis(Math.min(millis, Number.MAX_SAFE_INTEGER))
}

/** The longer of two waits, either of which may not have been asked for. */
export const longer = (one: Duration.Duration | null, other: Duration.Duration | null): Duration.Duration | null =>
  one === null ? other : other === null ? one : Duration.max(one, other)
