/**
 * `cloudType: "any"`: RunPod's own machines, and third parties' only for a type that RunPod does not sell itself.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { RunPod } from "../../../src/providers/RunPod.ts"
import { FakeRunPodControls } from "../../../src/providers/runpod/FakeRunPod.ts"
import { layer } from "./harness.ts"

const others = { gpu: "a100_40g", image: "x" } as const

describe("any cloud", () => {
  it.effect("a type that RunPod does not sell itself is rented from third parties, once", () =>
    Effect.gen(function*() {
      const { compute } = yield* RunPod
      const controls = yield* FakeRunPodControls
      const { costPerHour, gpuType } = yield* compute.spawn(others)
      assert.deepStrictEqual([Number(costPerHour), gpuType], [1, "NVIDIA A100-SXM4-40GB"])
      assert.lengthOf((yield* controls.ledger).made, 1)
    }).pipe(Effect.provide(layer())))

  it.effect("its own machines that are all taken are not replaced by third parties'", () =>
    Effect.gen(function*() {
      const { compute } = yield* RunPod
      const controls = yield* FakeRunPodControls
      yield* controls.setStock("NVIDIA L4", "NONE", { cloud: "SECURE" })
      const error = yield* Effect.flip(compute.spawn({ gpu: "l4", image: "x" }))
      assert.strictEqual(error.kind, "no_capacity")
      assert.deepStrictEqual((yield* controls.ledger).made, [])
      assert.strictEqual((yield* compute.spawn({ gpu: "l4", image: "x", cloudType: "community" })).gpuType, "NVIDIA L4")
    }).pipe(Effect.provide(layer())))

  it.effect.each([{ cloudType: "secure" as const }, { providerOpts: { cloud: "SECURE" } }])(
    "a cloud that was chosen is kept to: %j",
    (chosen) =>
      Effect.gen(function*() {
        const { compute } = yield* RunPod
        const controls = yield* FakeRunPodControls
        const error = yield* Effect.flip(compute.spawn({ ...others, ...chosen }))
        assert.strictEqual(error.kind, "no_capacity")
        assert.lengthOf((yield* controls.requests).filter(({ operation }) => operation === "createPod"), 1)
      }).pipe(Effect.provide(layer()))
  )

  it.effect("where the catalog cannot be read, the refusal stands", () =>
    Effect.gen(function*() {
      const { compute } = yield* RunPod
      const controls = yield* FakeRunPodControls
      yield* controls.order({ _tag: "Refuse", on: "listGpuTypes", status: 403 })
      const error = yield* Effect.flip(compute.spawn(others))
      assert.strictEqual(error.kind, "no_capacity")
      assert.deepStrictEqual((yield* controls.ledger).made, [])
    }).pipe(Effect.provide(layer())))

  it.effect("a second create whose answer is lost leaves one machine", () =>
    Effect.gen(function*() {
      const { compute } = yield* RunPod
      const controls = yield* FakeRunPodControls
      yield* controls.order({ _tag: "LoseAnswer", on: "createPod", acted: true, skip: 1 })
      const { id } = yield* compute.spawn(others)
      assert.deepStrictEqual((yield* controls.ledger).live.map((one) => one.id), [id])
    }).pipe(Effect.provide(layer({}, { settleWindow: 0 }))))
})
