/** How long an answer asks to wait before the next request. */
import * as Duration from "effect/Duration"
import type * as Headers from "effect/http/Headers"

/** A moment in the three ways HTTP writes one, the last without its zone; `Date.parse` takes much else for a date. */
const httpDate = /^[A-Z][a-z]{2,8},? [\w -]+ [\d:]{8}(?: GMT| \d{4})$/

/** How long `Retry-After` asks to wait; null when it is missing or unreadable. */
export const retryAfterOf = (headers: Headers.Headers, nowMillis: number): Duration.Duration | null => {
  const header = headers["retry-after"]?.trim() ?? ""
  const millis = /^\d+$/.test(header)
    ? Number(header) * 1000
    : httpDate.test(header)
    ? Math.max(0, Date.parse(header.endsWith("GMT") ? header : `${header} GMT`) - nowMillis)
    : Number.NaN
  return Number.isNaN(millis) ? null : Duration.millis(Math.min(millis, Number.MAX_SAFE_INTEGER))
}
