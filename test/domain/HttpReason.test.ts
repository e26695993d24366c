/**
 * From an HTTP status to a reason.
 */
import { assert, describe, it } from "@effect/vitest"
import * as HttpReason from "effect-atlas/domain/HttpReason"
import * as Duration from "effect/Duration"

const tagOf = (status: number) => HttpReason.fromStatus(status)._tag

describe("HttpReason.fromStatus", () => {
  it.each([
    [401, "Unauthorized"],
    [403, "Forbidden"],
    [404, "NotFound"],
    [408, "Timeout"],
    [429, "RateLimited"]
  ])("%d is %s", (status, tag) => {
    assert.strictEqual(tagOf(status), tag)
  })

  it("a refused request is the provider's fault and never our validation: 400, 402, 409, 410 and 422", () => {
    for (const status of [400, 402, 409, 410, 422]) assert.strictEqual(tagOf(status), "ProviderFault")
  })

  it("every other 4xx and 5xx is the provider's fault, everything else unknown", () => {
    const special = new Set([401, 403, 404, 408, 429])
    for (let status = 100; status < 700; status++) {
      if (special.has(status)) continue
      assert.strictEqual(tagOf(status), status >= 400 && status < 600 ? "ProviderFault" : "Unknown", String(status))
    }
  })

  it("keeps the status, the message and the body, and each reason its own facts", () => {
    const facts = { message: "no", raw: { a: 1 }, code: "E_NO", retryAfter: Duration.seconds(2) }
    for (const status of [302, 401, 403, 404, 408, 429, 500]) {
      const reason = HttpReason.fromStatus(status, facts)
      assert.deepStrictEqual([reason.status, reason.message, reason.raw], [status, "no", { a: 1 }])
    }
    const limited = HttpReason.fromStatus(429, facts)
    assert.deepStrictEqual(limited._tag === "RateLimited" ? limited.retryAfter : null, Duration.seconds(2))
    const fault = HttpReason.fromStatus(500, facts)
    assert.strictEqual(fault._tag === "ProviderFault" ? fault.code : null, "E_NO")
  })
})
