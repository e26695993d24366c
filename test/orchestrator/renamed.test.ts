/**
 * A machine that is renamed at its provider: its session still knows it by its id.
 */
import { assert, describe, it } from "@effect/vitest"
import { Compute } from "effect-atlas/domain/Compute"
import { Usd } from "effect-atlas/domain/Money"
import * as NameStamp from "effect-atlas/provider/NameStamp"
import * as Effect from "effect/Effect"
import { makeTestStore, open, pass } from "./harness.ts"
import { addLive, makePlainCloud, owner, type PlainCloud } from "./plainCloud.ts"

/** What a person does in the provider's console, or what happens there. */
const change = ({ machines }: PlainCloud, id: string, facts: Partial<Compute>) => {
  const machine = machines.get(id)
  assert.isDefined(machine)
  if (machine !== undefined) machines.set(id, new Compute({ ...machine, ...facts }))
}

const begun = (maxCost = 1_000) =>
  Effect.gen(function*() {
    const cloud = yield* makePlainCloud()
    const harness = yield* open({ more: [cloud.provider], reapGrace: "1 second", pollInterval: "10 seconds" })
    const { compute, id } = yield* harness.orchestrator.spawn({}, { provider: "plain", idleTtl: false, maxCost })
    yield* pass(10)
    return { cloud, computeId: compute.id, harness, id }
  })

describe("a machine that a person renamed", () => {
  for (const name of ["my favourite pod", null]) {
    it.effect(`to ${name} is still watched: its new price counts, and so does its death`, () =>
      Effect.gen(function*() {
        const { cloud, computeId, harness, id } = yield* begun()
        change(cloud, computeId, { name, costPerHour: Usd.make(3_600) })
        yield* pass(30)
        assert.isAbove(yield* harness.orchestrator.spend(id), 10)
        change(cloud, computeId, { status: "failed" })
        yield* pass(30)
        const { outcome, state } = yield* harness.orchestrator.info(id)
        assert.deepStrictEqual([state, outcome?._tag === "Failed" && outcome.cause], ["ended", "failed"])
        assert.strictEqual(cloud.machines.size, 0)
      }))
  }

  it.effect("meets its cap at its new price", () =>
    Effect.gen(function*() {
      const { cloud, computeId, harness, id } = yield* begun(20)
      change(cloud, computeId, { name: "mine", costPerHour: Usd.make(3_600) })
      yield* pass(60)
      const { outcome, state } = yield* harness.orchestrator.info(id)
      assert.deepStrictEqual([state, outcome], ["ended", { _tag: "Closed", reason: "cost_cap" }])
      assert.strictEqual(cloud.machines.size, 0)
    }))

  it.effect("is missed when it is gone, and ended when its session is stopped", () =>
    Effect.gen(function*() {
      const { cloud, computeId, harness, id } = yield* begun()
      const other = yield* harness.orchestrator.spawn({}, { provider: "plain", idleTtl: false })
      change(cloud, computeId, { name: "mine" })
      change(cloud, other.compute.id, { name: null })
      yield* pass(30)
      cloud.machines.delete(computeId)
      yield* pass(30)
      assert.strictEqual((yield* harness.orchestrator.info(id)).state, "ended")
      const stopping = yield* Effect.forkChild(harness.orchestrator.stopTracked(other.id))
      yield* pass(30)
      assert.isDefined(stopping.pollUnsafe())
      assert.strictEqual(cloud.machines.size, 0)
    }))

  it.effect("to a name that this owner never gave is not taken for an orphan", () =>
    Effect.gen(function*() {
      const { cloud, computeId, harness, id } = yield* begun()
      const stamp = yield* NameStamp.make(owner, "other")
      change(cloud, computeId, { name: NameStamp.render(stamp) })
      yield* pass(100)
      assert.strictEqual((yield* harness.orchestrator.info(id)).state, "live")
      assert.isTrue(cloud.machines.has(computeId))
    }))

  it.effect("to the name of another session's machine stays with its own session", () =>
    Effect.gen(function*() {
      const { cloud, computeId, harness, id } = yield* begun()
      const other = yield* harness.orchestrator.spawn({}, { provider: "plain", idleTtl: false })
      change(cloud, computeId, { name: other.compute.name })
      yield* pass(100)
      assert.strictEqual((yield* harness.orchestrator.info(id)).state, "live")
      assert.strictEqual((yield* harness.orchestrator.info(other.id)).state, "live")
      assert.strictEqual(cloud.machines.size, 2)
    }))

  it.effect("while no orchestrator ran is taken up again by its session", () =>
    Effect.gen(function*() {
      const cloud = yield* makePlainCloud()
      const store = yield* makeTestStore
      const state = addLive(cloud, 1, { wall: 0, mono: 0 })
      yield* store.service.commit(owner, [{ id: state.spec.id, version: 0, state }])
      change(cloud, "old-1", { name: "mine", status: "failed" })
      const harness = yield* open({ store, more: [cloud.provider] })
      yield* pass(30)
      const { outcome, state: now } = yield* harness.orchestrator.info(state.spec.id)
      assert.deepStrictEqual([now, outcome?._tag === "Failed" && outcome.cause], ["ended", "failed"])
      assert.strictEqual(cloud.machines.size, 0)
    }))
})
