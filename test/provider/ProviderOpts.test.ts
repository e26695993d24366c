/**
 * A caller's own fields laid over translated ones, and failures named as the caller wrote them.
 */
import { assert, describe, it } from "@effect/vitest"
import { AtlasError } from "effect-atlas"
import * as ProviderOpts from "effect-atlas/provider/ProviderOpts"
import * as Result from "effect/Result"

describe("providerOpts", () => {
  it("are laid over the body field by field at any depth, a list or a null as a whole", () => {
    const under = { gpu: { id: "L4", deep: { a: 1, b: 2 } }, ports: ["80"], name: "web", disk: { size: 5 } }
    const over = { gpu: { deep: { b: 3 } }, ports: ["81"], disk: null, extra: true }
    assert.deepStrictEqual(ProviderOpts.merge(under, over), {
      gpu: { id: "L4", deep: { a: 1, b: 3 } },
      ports: ["81"],
      name: "web",
      disk: null,
      extra: true
    })
    assert.deepStrictEqual(under.gpu.deep, { a: 1, b: 2 })
  })

  it("win over what was translated, which leaves out what holds nothing", () => {
    const laid = ProviderOpts.over({ name: "web", disk: null, region: undefined, size: 0 }, { size: 7 })
    assert.deepStrictEqual(Result.getOrThrow(laid), { name: "web", size: 7 })
  })

  it("never set the environment", () => {
    const laid = ProviderOpts.over({}, { env: { KEY: "canary" } })
    assert.isTrue(Result.isFailure(laid))
    assert.notInclude(JSON.stringify(laid), "canary")
  })

  it("a field named like the object's own parent sets no property of any other object", () => {
    const merged = ProviderOpts.merge({ a: {} }, JSON.parse("{\"__proto__\": {\"polluted\": true}, \"a\": {\"b\": 1}}"))
    assert.notProperty({}, "polluted")
    assert.deepStrictEqual(merged["a"], { b: 1 })
  })

  it("what is wrong with them is named by providerOpts, what was translated by the field it came from", () => {
    const issue = (path: string) => ({ path, message: "is wrong" })
    const reason = new AtlasError.Validation({
      issues: [
        issue("body.gpu.count"),
        issue("body.mounts.size.min"),
        issue("body.mounts.kind"),
        issue("body.extra[0]")
      ]
    })
    const { issues } = ProviderOpts.asWritten(reason, { extra: [] }, {
      "gpu.count": "gpuCount",
      "mounts.size": "volumeGb"
    })
    assert.deepStrictEqual(issues.map(({ path }) => path), [
      "gpuCount",
      "volumeGb.min",
      "mounts.kind",
      "providerOpts.extra[0]"
    ])
  })
})
