/**
 * Options of one call: what they may be, and that a wrong one is refused without being shown.
 */
import { assert, describe, it } from "@effect/vitest"
import { type AtlasError } from "effect-atlas"
import * as Call from "effect-atlas/provider/Call"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"

const canary = "canary-key-9d1"

const untyped = (options: object): Effect.Effect<Call.Call, AtlasError.AtlasError> =>
  Call.decode(JSON.parse(JSON.stringify(options)), "getCompute")

describe("Call", () => {
  it.effect("everything may be left out", () =>
    Effect.gen(function*() {
      for (const options of [undefined, {}]) {
        assert.deepStrictEqual({ ...(yield* Call.decode(options, "getCompute")) }, {
          apiKey: null,
          baseUrl: null,
          headers: {},
          timeout: null,
          retries: null,
          options: {}
        })
      }
    }))

  it.effect("a key may be text or sealed, is sealed from here on, and an empty one counts as not given", () =>
    Effect.gen(function*() {
      for (const apiKey of [canary, Redacted.make(canary)]) {
        const call = yield* Call.decode({ apiKey }, "getCompute")
        assert.strictEqual(call.apiKey === null ? null : Redacted.value(call.apiKey), canary)
        assert.notInclude(inspect(call, { depth: null }) + JSON.stringify(call) + String(call), canary)
      }
      for (const apiKey of ["", Redacted.make(""), null, undefined]) {
        assert.isNull((yield* Call.decode({ apiKey }, "getCompute")).apiKey)
      }
    }))

  it.effect("limits are durations and counts, base URLs are bare, what only the adapter knows goes through", () =>
    Effect.gen(function*() {
      const call = yield* Call.decode({
        timeout: "3 seconds",
        retries: 0,
        baseUrl: "https://api.acme.test/v1",
        headers: { "x-team": "a" },
        options: { endpoint: "e-1" }
      }, "getCompute")
      assert.strictEqual(call.timeout === null ? null : Duration.toMillis(call.timeout), 3000)
      assert.deepStrictEqual([call.retries, call.baseUrl, call.options], [0, "https://api.acme.test/v1", {
        endpoint: "e-1"
      }])
      assert.deepStrictEqual(Object.values(call.headers).map(Redacted.value), ["a"])
    }))

  it.effect.each(
    [
      [{ apikey: canary }, "apikey"],
      [{ apiKey: `${canary}\n` }, "apiKey"],
      [{ apiKey: { canary } }, "apiKey"],
      [{ baseUrl: `https://${canary}@acme.test` }, "baseUrl"],
      [{ baseUrl: `https://acme.test/?key=${canary}` }, "baseUrl"],
      [{ baseUrl: `ftp://${canary}` }, "baseUrl"],
      [{ baseUrl: `https://acme.test/#${canary}` }, "baseUrl"],
      [{ headers: { authorization: `${canary}\r\nx: y` } }, "headers.authorization"],
      [{ headers: { authorization: [canary] } }, "headers.authorization"],
      [{ timeout: canary }, "timeout"],
      [{ timeout: 0 }, "timeout"],
      [{ retries: -1 }, "retries"],
      [{ retries: 1000 }, "retries"],
      [{ options: canary }, "options"],
      [{ env: { KEY: canary } }, "env"],
      [{ s3: { secretAccessKey: canary } }, "s3"]
    ] as const
  )("what cannot be (%#) is refused, unseen", ([options, path]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(untyped(options))
      assert.strictEqual(error.kind, "validation")
      assert.deepStrictEqual(error.reason._tag === "Validation" ? error.reason.issues.map((one) => one.path) : [], [
        path
      ])
      assert.notInclude(inspect(error, { depth: null }) + JSON.stringify(error) + error.message, canary)
    }))
})
