/**
 * Listings with entries that cannot be used: one costs itself, and never the list.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as RunPod from "../../../src/providers/RunPod.ts"
import { json, scripted } from "../../provider/http/harness.ts"
import { key } from "./harness.ts"

const answering = (body: unknown) => scripted(json(body)).provide(RunPod.make({ apiKey: key }))

const good = { id: "abc123", name: "web", status: "RUNNING", cost: 0.5 }

describe("a listing of RunPod", () => {
  it.effect("with an odd id or shape has every other pod, and names the odd ones", () =>
    Effect.gen(function*() {
      const odd = [{ ...good, id: "../x" }, { ...good, id: 7 }, { name: "none" }, { ...good, id: "" }, null, "pod", [
        good
      ]]
      const provider = yield* answering({ pods: [...odd, good], pagination: null })
      const { computes, unaddressable } = yield* provider.compute.listAll({ status: "stopped" })
      assert.deepStrictEqual(computes, [])
      assert.deepStrictEqual(unaddressable.map(({ id, name }) => [id, name]), [
        ["../x", "web"],
        [null, "web"],
        [null, "none"],
        [null, "web"],
        [null, null],
        [null, null],
        [null, null]
      ])
      assert.isTrue(unaddressable.every(({ why }) => why !== ""))
      assert.deepStrictEqual((yield* provider.compute.list()).map(({ id }) => id), ["abc123"])
    }))

  it.effect("still reads unknown words, missing names and odd prices as today", () =>
    Effect.gen(function*() {
      const provider = yield* answering({ pods: [{ id: "a", status: "DREAMING" }, { id: "b", cost: null, name: 7 }] })
      const { computes, unaddressable } = yield* provider.compute.listAll()
      assert.deepStrictEqual(computes.map(({ costPerHour, name, status }) => [costPerHour, name, status]), [
        [null, null, "provisioning"],
        [null, null, "provisioning"]
      ])
      assert.deepStrictEqual(unaddressable, [])
    }))

  it.effect.each([{ pods: "none" }, { pods: null }, {}, { pods: [], pagination: { hasNextPage: true } }])(
    "that is no list, or not whole, still fails: %j",
    (body) =>
      Effect.gen(function*() {
        const provider = yield* answering(body)
        assert.strictEqual((yield* Effect.flip(provider.compute.listAll())).kind, "provider")
      })
  )

  it.effect("of GPU types leaves out an odd entry, and has every other", () =>
    Effect.gen(function*() {
      const gpu = { id: "NVIDIA A40", name: "A40", memory: 48, secure: true, price: { secure: 0.4 } }
      const provider = yield* answering({ gpus: [null, { ...gpu, id: 3 }, { name: "x" }, gpu] })
      assert.deepStrictEqual((yield* provider.gpus.list()).map(({ id }) => id), ["NVIDIA A40"])
    }))

  it.effect("of volumes, templates and endpoints leaves out an odd entry too", () =>
    Effect.gen(function*() {
      const list = [{ id: 1 }, null, { id: "" }, { id: "v1" }]
      const provider = yield* answering({ networkVolumes: list, templates: list, endpoints: list })
      const { endpoints, templates, volumes } = provider
      const all = yield* Effect.all([volumes.list(), templates.list(), endpoints.list()])
      assert.deepStrictEqual(all.map((each) => each.map(({ id }) => id)), [["v1"], ["v1"], ["v1"]])
    }))
})
