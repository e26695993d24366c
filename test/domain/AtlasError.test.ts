/**
 * One error: what it says, what it hides, and whether to try again.
 */
import { assert, describe, it } from "@effect/vitest"
import { AtlasError, Ids } from "effect-atlas"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"
import { acme, machine } from "../support/acme.ts"
import { bearerOf } from "../support/secrets.ts"

const fail = (reason: AtlasError.AtlasErrorReason, provider: typeof acme | null = acme) =>
  new AtlasError.AtlasError({ provider, operation: "spawnCompute", reason })

const compute = machine({
  id: Ids.ComputeId.make("pod-1"),
  status: "provisioning",
  auth: bearerOf("canary-token"),
  raw: { note: "canary-raw" }
})

/** One of each reason with everything it can hold, its kind, and whether trying again makes sense. */
const reasons: ReadonlyArray<readonly [AtlasError.AtlasErrorReason, AtlasError.Kind, boolean]> = [
  [new AtlasError.Unauthorized({ status: 401 }), "unauthorized", false],
  [new AtlasError.Forbidden({ status: 403 }), "forbidden", false],
  [new AtlasError.NotFound({ status: 404 }), "not_found", false],
  [new AtlasError.RateLimited({ status: 429, retryAfter: Duration.seconds(3) }), "rate_limited", true],
  [new AtlasError.Timeout({ status: 408, lastSeen: compute }), "timeout", true],
  [new AtlasError.Timeout({ mayHaveActed: true }), "timeout", false],
  [new AtlasError.Unsupported({ capability: "power" }), "unsupported", false],
  [new AtlasError.Validation({ issues: [{ path: "gpu", message: "is required" }] }), "validation", false],
  [new AtlasError.ProviderFault({ status: 422, code: "bad" }), "provider", false],
  [new AtlasError.ProviderFault({ status: 503 }), "provider", true],
  [new AtlasError.ProviderFault({}), "provider", false],
  [new AtlasError.Transport({ causeName: "SocketError" }), "transport", true],
  [new AtlasError.Unknown({ status: 302 }), "unknown", false],
  [new AtlasError.NoCapacity({ candidate: "H100" }), "no_capacity", false],
  [
    new AtlasError.Uncertain({ computeName: "atlas-adhoc-x-abcdefghijkl", computeId: compute.id }),
    "uncertain",
    false
  ],
  [new AtlasError.Ended({ status: "failed", exitCode: 3 }), "ended", false],
  [new AtlasError.BudgetExceeded({}), "budget_exceeded", false],
  [new AtlasError.NotTracked({}), "not_tracked", false],
  [new AtlasError.StorageFault({}), "storage_fault", false]
]

describe("AtlasError", () => {
  it("is printed as provider, kind, HTTP status when there is one, and message", () => {
    assert.strictEqual(
      fail(new AtlasError.NotFound({ status: 404, message: "no such pod" })).message,
      "[acme] not_found (HTTP 404): no such pod"
    )
    assert.strictEqual(fail(new AtlasError.Transport({ message: "reset" })).message, "[acme] transport: reset")
  })

  it("says atlas where no provider is at fault, and that there is no message where there is none", () => {
    assert.strictEqual(fail(new AtlasError.BudgetExceeded({}), null).message, "[atlas] budget_exceeded: no message")
  })

  it("an ended compute's status is no HTTP status", () => {
    const error = fail(new AtlasError.Ended({ status: "failed", message: "it failed" }))
    assert.strictEqual(error.message, "[acme] ended: it failed")
    assert.isNull(error.status)
  })

  it.each(reasons)("%s has its kind, and says whether to try again", (reason, kind, isRetryable) => {
    const error = fail(reason)
    assert.deepStrictEqual([error.kind, error.isRetryable, reason.isRetryable], [kind, isRetryable, isRetryable])
  })

  it("message, status and raw are empty unless given", () => {
    const error = fail(new AtlasError.Unknown({}))
    assert.deepStrictEqual([error.reason.message, error.status, error.raw], ["", null, null])
  })

  it("how long to wait is known only when the answer said so", () => {
    assert.isNull(new AtlasError.RateLimited({}).retryAfter)
    const { retryAfter } = new AtlasError.RateLimited({ retryAfter: Duration.seconds(3) })
    assert.strictEqual(retryAfter === null ? null : Duration.toMillis(retryAfter), 3000)
  })

  it("all issues of a refused input are in its message, each with its field", () => {
    const error = AtlasError.invalid("spawnCompute", [
      { path: "ports[0].port", message: "Expected a port from 1 to 65535" },
      { path: "", message: "give a command or an image" }
    ])
    assert.strictEqual(
      error.message,
      "[atlas] validation: ports[0].port: Expected a port from 1 to 65535; give a command or an image"
    )
  })

  it("a transport failure keeps the class and the text of its cause, and nothing else", () => {
    const reason = new AtlasError.Transport({ causeName: "SocketError", message: "other side closed" })
    assert.deepStrictEqual([reason.causeName, reason.message], ["SocketError", "other side closed"])
    assert.deepStrictEqual(Object.keys(AtlasError.Transport.fields).toSorted(), [
      "_tag",
      "causeName",
      "message",
      "neverSent",
      "raw",
      "status"
    ])
    assert.isUndefined(reason.cause)
  })

  it("printing it in any way shows neither raw nor the credential of a compute it carries", () => {
    const error = fail(new AtlasError.Timeout({ lastSeen: compute, message: "too late" }))
    for (const printed of [inspect(error, { depth: null }), JSON.stringify(error), String(error), error.stack ?? ""]) {
      assert.notInclude(printed, "canary")
    }
  })

  it.effect("survives JSON with its class, whatever its reason", () =>
    Effect.gen(function*() {
      const codec = Schema.fromJsonString(Schema.toCodecJson(AtlasError.AtlasError))
      for (const [reason] of reasons) {
        const again = yield* Schema.decodeEffect(codec)(yield* Schema.encodeEffect(codec)(fail(reason)))
        assert.instanceOf(again, AtlasError.AtlasError)
        assert.strictEqual(again.reason._tag, reason._tag)
        assert.strictEqual(again.message, fail(reason).message)
      }
    }))

  it.effect("one reason is caught by its name and the rest stays in the channel", () =>
    Effect.gen(function*() {
      const caught = (reason: AtlasError.AtlasErrorReason) =>
        Effect.fail(fail(reason)).pipe(
          Effect.catchReason("AtlasError", "RateLimited", ({ retryAfter }) => Effect.succeed(retryAfter)),
          Effect.result
        )
      const wait = yield* caught(new AtlasError.RateLimited({ retryAfter: Duration.seconds(1) }))
      const other = yield* caught(new AtlasError.Forbidden({}))
      assert.deepStrictEqual([wait._tag, other._tag], ["Success", "Failure"])
    }))
})
