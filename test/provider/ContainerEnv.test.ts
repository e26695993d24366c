/**
 * The environment of a container, put together in one place.
 */
import { assert, describe, it } from "@effect/vitest"
import * as ContainerEnv from "effect-atlas/provider/ContainerEnv"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

const sealed = (variables: Record<string, string>): ContainerEnv.Variables =>
  Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, Redacted.make(value)]))

const plain = (variables: ContainerEnv.Variables) =>
  Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, Redacted.value(value)]))

describe("ContainerEnv", () => {
  it.effect("is the caller's, then callback, staging and auth variables; later ones win", () =>
    Effect.gen(function*() {
      const env = yield* ContainerEnv.build({
        env: sealed({ A: "caller", B: "caller", C: "caller" }),
        callback: sealed({ B: "callback", D: "callback" }),
        staging: sealed({ D: "staging", E: "staging" }),
        auth: sealed({ C: "auth", E: "auth" })
      })
      assert.deepStrictEqual(plain(env), { A: "caller", B: "callback", C: "auth", D: "staging", E: "auth" })
    }))

  it.effect("a name of the caller's that staging also sets is refused by name", () =>
    Effect.gen(function*() {
      const reason = yield* Effect.flip(
        ContainerEnv.build({ env: sealed({ AWS_REGION: "x", OK: "y" }), staging: sealed({ AWS_REGION: "z" }) })
      )
      assert.strictEqual(reason._tag, "Validation")
      assert.strictEqual(reason.message, "env.AWS_REGION: is also set by data staging: choose another name")
    }))
})
