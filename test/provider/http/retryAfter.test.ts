import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Headers from "effect/http/Headers"
import * as RetryAfter from "../../../src/http/RetryAfter.ts"

const now = Date.UTC(1994, 10, 6, 8, 49, 30)
const millis = (header: string): number | null => {
  const asked = RetryAfter.read(Headers.fromRecordUnsafe({ "retry-after": header }), now)
  return asked === null ? null : Duration.toMillis(asked)
}

describe("Retry-After", () => {
  it("whole seconds are the time to wait, and a number beyond all bounds is still a time", () => {
    assert.strictEqual(millis("12"), 12_000)
    assert.strictEqual(millis(" 0 "), 0)
    assert.strictEqual(millis("99999999999999999999"), Number.MAX_SAFE_INTEGER)
  })

  it.each(["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"])(
    "a moment is read in each of the ways HTTP writes it: %s",
    (header) => assert.strictEqual(millis(header), 7000)
  )

  it("a moment that is over is no time to wait", () => {
    assert.strictEqual(millis("Sun, 06 Nov 1994 08:49:00 GMT"), 0)
  })

  it.each(["", "soon", "-1", "1.5", "1e3", "1994-11-06T08:49:37Z", "Sun, 99 Nov 1994 08:49:37 GMT"])(
    "anything else asks for nothing: %j",
    (header) => assert.isNull(millis(header))
  )
})
