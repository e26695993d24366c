/**
 * Stop and start whose answer is lost: what was asked for is looked for, since RunPod refuses either of a pod that is so already.
 */
import { assert, describe, it } from "@effect/vitest"
import * as RunPod from "effect-atlas/providers/RunPod"
import * as Effect from "effect/Effect"
import * as FakeRunPod from "../../../src/providers/runpod/FakeRunPod.ts"
import { failureOf, layer, passWhile } from "./harness.ts"

const cloud = FakeRunPod.FakeRunPodControls
const on = "podAction"
const actions = cloud.use(({ requests }) =>
  Effect.map(requests, (all) => all.filter(({ operation }) => operation === on).length)
)

const rented = Effect.gen(function*() {
  const { compute } = yield* RunPod.RunPod
  const { id } = yield* passWhile(compute.spawn({ gpu: "h100", image: "me/server" }))
  yield* passWhile(Effect.sleep("1 minute"))
  return id
})

describe("a stop and a start that were done are no failure, whatever became of their answers", () => {
  it.effect.each(
    [
      [{ _tag: "LoseAnswer", on, acted: true }],
      [{ _tag: "Refuse", on, status: 503, acted: true }],
      [{ _tag: "Refuse", on, status: 500, acted: true, detail: FakeRunPod.hostFull }],
      [{ _tag: "Garble", on }],
      // the first is not done, the second is, and the third is refused as done already
      [{ _tag: "Refuse", on, status: 503 }, { _tag: "Refuse", on, status: 503, acted: true }]
    ] as const
  )("%j", (faults) =>
    Effect.gen(function*() {
      const { compute, power } = yield* RunPod.RunPod
      const id = yield* rented
      yield* cloud.use(({ order }) => order(...faults))
      yield* passWhile(power.stop(id))
      assert.strictEqual((yield* compute.get(id)).status, "stopped")
      yield* cloud.use(({ order }) => order(...faults))
      yield* passWhile(power.start(id))
      yield* passWhile(Effect.sleep("1 minute"))
      assert.strictEqual((yield* compute.get(id)).status, "running")
      assert.strictEqual(yield* cloud.use(({ pendingFaults }) => pendingFaults), 0)
    }).pipe(Effect.provide(layer())))

  it.effect("one that was not done fails as its answer says, and a refusal is told without a look", () =>
    Effect.gen(function*() {
      const { power } = yield* RunPod.RunPod
      const id = yield* rented
      yield* cloud.use(({ order }) => order({ _tag: "Refuse", on, status: 503, times: 5 }))
      const failed = yield* passWhile(failureOf(power.stop(id)))
      assert.deepStrictEqual([failed.kind, failed.status], ["provider", 503])
      yield* cloud.use(({ order }) => order({ _tag: "Refuse", on, status: 403 }))
      const before = yield* actions
      assert.strictEqual((yield* passWhile(failureOf(power.stop(id)))).kind, "forbidden")
      assert.strictEqual(yield* actions, before + 1)
    }).pipe(Effect.provide(layer())))
})
