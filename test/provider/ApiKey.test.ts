/**
 * Where an API key comes from: the call, the layer, the environment, in this order.
 */
import { assert, describe, it } from "@effect/vitest"
import { ApiKey } from "effect-atlas"
import * as Call from "effect-atlas/provider/Call"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

const keyOf = (given: {
  readonly call?: string
  readonly layer?: string | Redacted.Redacted | null
  readonly environment?: string
}) =>
  Effect.gen(function*() {
    const key = yield* ApiKey.make({ variable: "ACME_API_KEY", layer: given.layer })
    const call = yield* Call.decode({ apiKey: given.call }, "getCompute")
    const found = yield* Effect.result(key.forCall(call))
    return {
      missing: key.missing,
      key: found._tag === "Success" ? Redacted.value(found.success) : null,
      refusal: found._tag === "Failure" ? found.failure : null
    }
  }).pipe(Effect.provide(ConfigProvider.layer(
    ConfigProvider.fromEnvRecord(given.environment === undefined ? {} : { ACME_API_KEY: given.environment })
  )))

describe("ApiKey", () => {
  it.effect("the call's key stands above the layer's, which stands above the environment's", () =>
    Effect.gen(function*() {
      const environment = "from-environment"
      assert.strictEqual((yield* keyOf({ call: "c", layer: "l", environment })).key, "c")
      assert.strictEqual((yield* keyOf({ layer: "l", environment })).key, "l")
      assert.strictEqual((yield* keyOf({ layer: Redacted.make("l"), environment })).key, "l")
      assert.strictEqual((yield* keyOf({ environment })).key, environment)
    }))

  it.effect("an empty key counts as not set, at every step", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* keyOf({ call: "", layer: "l" })).key, "l")
      assert.strictEqual((yield* keyOf({ call: "", layer: "", environment: "e" })).key, "e")
      assert.isNull((yield* keyOf({ call: "", layer: "", environment: "" })).key)
    }))

  it.effect("no key is unauthorized before any request, and says the three places to put one", () =>
    Effect.gen(function*() {
      const { missing, refusal } = yield* keyOf({})
      assert.deepStrictEqual([refusal?._tag, refusal?.status], ["Unauthorized", null])
      for (const place of ["with the call", "layer", "ACME_API_KEY"]) assert.include(refusal?.message, place)
      assert.deepStrictEqual(missing, ["ACME_API_KEY"])
    }))

  it.effect("a key that is there is not missing", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* keyOf({ layer: "l" })).missing, [])
      assert.deepStrictEqual((yield* keyOf({ environment: "e" })).missing, [])
    }))
})
