/**
 * What may be kept of a cloud's answer.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Raw from "effect-atlas/provider/Raw"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

describe("raw", () => {
  const rawOf = Raw.make({ hidden: ["env", "args"] })

  it("keeps unknown fields, at any depth, without those that are hidden or tell of a credential by their name", () => {
    const body = {
      id: "box-1",
      novelty: [1, { env: { A: "s" }, kept: true }],
      env: { A: "s" },
      args: "--key s",
      jupyter: { "jupyter-token": "s", JUPYTER_PASSWORD: "s", tokens: 3, api_key: "s" },
      Authorization: "s"
    }
    assert.deepStrictEqual(rawOf(body), { id: "box-1", novelty: [1, { kept: true }], jupyter: { tokens: 3 } })
  })

  it("with a list of what may be shown keeps nothing else of the answer, or of each entry of a list", () => {
    const only = Raw.make({ hidden: ["env"], only: ["id", "region", "env"] })
    const body = {
      id: "box-1",
      console: "https://user:s@box-1",
      region: { name: "eu", token: "s", city: "x" },
      env: "s"
    }
    const kept = { id: "box-1", region: { name: "eu", city: "x" } }
    assert.deepStrictEqual(only(body), kept)
    assert.deepStrictEqual(only([body, body]), [kept, kept])
  })

  it("is JSON whatever the answer was", () => {
    assert.deepStrictEqual(
      [undefined, Number.NaN, 7n, () => 1, Symbol("s"), null, "text", false].map(rawOf),
      [null, null, null, null, null, null, "text", false]
    )
  })

  it("a field that would stand behind the answer, and not in it, is left out", () => {
    const raw = rawOf(JSON.parse("{\"id\": \"box-1\", \"__proto__\": {\"status\": \"up\"}}"))
    assert.deepStrictEqual(raw, { id: "box-1" })
    assert.strictEqual(Object.getPrototypeOf(raw), Object.prototype)
  })
})

describe("an answer with its body", () => {
  const decode = Schema.decodeUnknownEffect(Raw.withBody(Schema.Struct({ id: Schema.String })))

  it.effect("is what was read of it, beside the whole of its body", () =>
    Effect.gen(function*() {
      const body = { id: "box-1", novelty: 1 }
      const answer = yield* decode(body)
      assert.deepStrictEqual(answer.value, { id: "box-1" })
      assert.strictEqual(answer.body, body)
      assert.strictEqual(Raw.part(answer.body, "novelty"), 1)
      assert.isUndefined(Raw.part("text", 0))
    }))

  it.effect("must still have the shape that is documented", () =>
    Effect.map(Effect.exit(decode({ id: 7 })), (exit) => assert.strictEqual(exit._tag, "Failure")))
})
