/**
 * A JSON body: what is wrong with it is named before it is sent, what is secret is sealed.
 */
import { assert, describe, it } from "@effect/vitest"
import type { AtlasError } from "effect-atlas"
import * as JsonBody from "effect-atlas/provider/JsonBody"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const Box = Schema.Struct({
  label: Schema.String,
  gpu: Schema.optionalKey(Schema.Struct({ count: Schema.Int }))
})

const issuesOf = (checked: Result.Result<unknown, AtlasError.Validation>) =>
  Result.isFailure(checked) ? checked.failure.issues : []

describe("the check of a body", () => {
  const check = JsonBody.check(Box, "body")

  it("names every field at fault at once, an unknown one too, and no value", () => {
    const issues = issuesOf(check({ label: 7, gpu: { count: "canary" }, colour: "canary" }))
    assert.sameMembers(issues.map(({ path }) => path), ["body.label", "body.gpu.count", "body.colour"])
    assert.notInclude(JSON.stringify(issues), "canary")
  })

  it("answers what is to be sent", () => {
    assert.deepStrictEqual(Result.getOrThrow(check({ label: "a", gpu: { count: 2 } })), {
      label: "a",
      gpu: { count: 2 }
    })
  })

  it("refuses what has no fields, also where any fields go through", () => {
    for (const input of ["text", null, undefined, 7]) {
      assert.deepStrictEqual(issuesOf(check(input)).map(({ path }) => path), ["body"])
      assert.deepStrictEqual(issuesOf(JsonBody.fields(input, "body")), [{ path: "body", message: "Expected fields" }])
    }
    assert.deepStrictEqual(Result.getOrThrow(JsonBody.fields({ any: 1 }, "body")), { any: 1 })
  })
})

describe("the size of a body", () => {
  it("is that of its JSON in bytes, redacted texts in full, and the largest field is named where it is too much", () => {
    const body = { label: "ü", env: { KEY: Redacted.make("x".repeat(50)) } }
    const bytes = Buffer.byteLength(JSON.stringify({ label: "ü", env: { KEY: "x".repeat(50) } }))
    assert.isTrue(Result.isSuccess(JsonBody.within(body, bytes, "Acme")))
    assert.deepStrictEqual(issuesOf(JsonBody.within(body, bytes - 1, "Acme")), [{
      path: "body.env",
      message: `Acme takes ${bytes - 1} bytes in all, and this is ${bytes}, 60 of them here`
    }])
  })
})

it("what is secret in a body is sealed: a text, a list of texts, and each text of a record", () => {
  const secret = { texts: ["password", "args"], records: ["env"] }
  const body = { label: "a", password: "p", args: ["x", "y"], env: { A: "1", B: Redacted.make("2") } }
  assert.deepStrictEqual(JsonBody.sealed(body, secret), {
    label: "a",
    password: Redacted.make("p"),
    args: [Redacted.make("x"), Redacted.make("y")],
    env: { A: Redacted.make("1"), B: Redacted.make("2") }
  })
})
