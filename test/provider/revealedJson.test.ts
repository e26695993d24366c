import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { revealedJson } from "../../src/provider/internal/revealedJson.ts"

const secret = Redacted.make("s3cret")

class Written {
  readonly key = secret
}

describe("JSON that is sent", () => {
  it("writes a redacted text out wherever it stands, and changes nothing", () => {
    const body = { env: { A: secret, B: "b" }, list: [secret, { deep: secret }], own: new Written(), none: undefined }
    assert.strictEqual(
      revealedJson(body),
      "{\"env\":{\"A\":\"s3cret\",\"B\":\"b\"},\"list\":[\"s3cret\",{\"deep\":\"s3cret\"}],\"own\":{\"key\":\"s3cret\"}}"
    )
    const { own: _, ...plain } = body
    assert.strictEqual(
      revealedJson(plain),
      "{\"env\":{\"A\":\"s3cret\",\"B\":\"b\"},\"list\":[\"s3cret\",{\"deep\":\"s3cret\"}]}"
    )
    assert.strictEqual(body.env.A, secret)
    assert.strictEqual(
      revealedJson({ at: new Date(0), key: secret }),
      "{\"at\":\"1970-01-01T00:00:00.000Z\",\"key\":\"s3cret\"}"
    )
    assert.strictEqual(revealedJson(JSON.parse("{\"__proto__\":{\"a\":1}}")), "{\"__proto__\":{\"a\":1}}")
    assert.strictEqual(revealedJson(undefined), undefined)
  })

  it.effect.prop(
    "of anything else is what JSON.stringify writes",
    [Schema.Json],
    ([json]) => Effect.sync(() => assert.strictEqual(revealedJson(json), JSON.stringify(json)))
  )

  it("a circle is refused", () => {
    const circle: Record<string, unknown> = {}
    circle["self"] = circle
    assert.throws(() => revealedJson(circle))
  })
})
