/**
 * A replacement: for what it is rented, how often, and what it leaves as it was.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId } from "effect-atlas/domain/Ids"
import { live, minute, second, task } from "./harness.ts"

const id = ComputeId.make

describe("a replacement", () => {
  const respawning = { request: { spot: true }, policy: { onFailure: { _tag: "Respawn", max: 1 } } } as const

  it("is rented when the preempted machine is gone, under a new attempt, and is told with both ids", () => {
    const stage = live(respawning)
    const first = stage.attempt()
    stage.observed({ status: "stopped" })
    stage.asked()
    stage.confirmed({ status: "stopped" })
    assert.strictEqual(stage.in("Waiting").why, "respawn")
    assert.deepStrictEqual(stage.askedFor(), ["Terminate"])
    stage.markTerminated()
    assert.deepStrictEqual(stage.askedFor(), ["Confirm", "Rent"])
    assert.notStrictEqual(stage.attempt().id, first.id)
    stage.told()
    stage.rented({ computeId: id("m2") })
    assert.deepStrictEqual(stage.told(), [
      { _tag: "Respawned", computeId: id("m1"), newId: id("m2") },
      { _tag: "Status", computeId: id("m2"), status: "running" }
    ])
  })

  it("is rented beside it when it takes longer than a minute to go, and the old one is not lost sight of", () => {
    const stage = live(respawning)
    stage.observed({ status: "stopped" })
    stage.confirmed({ status: "stopped" })
    stage.asked()
    stage.terminateFailed()
    stage.pass(minute)
    assert.include(stage.askedFor(), "Rent")
    assert.deepStrictEqual(stage.state.pendingTerminations.map(({ computeId, why }) => [computeId, why]), [[
      "m1",
      "dead"
    ]])
  })

  it("is rented at once when there is nothing left", () => {
    const stage = live(respawning)
    stage.missed()
    stage.asked()
    stage.confirmed(null)
    assert.deepStrictEqual(stage.askedFor(), ["Rent"])
  })

  it("is rented as often as the limit says", () => {
    const stage = live(respawning)
    stage.missed()
    stage.confirmed(null)
    stage.rented({ computeId: id("m2") })
    stage.pass(10 * second)
    stage.missed("m2")
    stage.confirmed(null, "m2")
    assert.deepStrictEqual(stage.in("Ended").outcome, {
      _tag: "Failed",
      cause: "preempted",
      exitCode: null,
      fault: null
    })
  })

  it("is not rented for a crash, nor for a machine that vanished without being spot", () => {
    const crashed = live(respawning)
    crashed.observed({ status: "failed" })
    crashed.in("Ending")
    const vanished = live({ ...respawning, request: { spot: false } })
    vanished.missed()
    vanished.confirmed(null)
    assert.strictEqual(vanished.phase._tag, "Ended")
  })

  it("is not rented after a finish report", () => {
    const stage = task(respawning)
    stage.report(0)
    stage.missed()
    stage.confirmed(null)
    const { outcome, reason } = stage.in("Ended")
    assert.deepStrictEqual([reason, outcome], ["finished", { _tag: "Completed", exitCode: 0 }])
  })

  it("that is not to be had ends the session and says why", () => {
    const stage = live(respawning)
    stage.missed()
    stage.confirmed(null)
    stage.told()
    stage.refused("NoCapacity")
    assert.deepStrictEqual(stage.toldOf(), ["Refused", "RespawnFailed", "Terminating", "Status", "Ended"])
    assert.strictEqual(stage.in("Ended").reason, "refused")
  })

  it("leaves the session answerable: touched, and stopped with both machines ended", () => {
    const stage = live(respawning)
    stage.observed({ status: "stopped" })
    stage.confirmed({ status: "stopped" })
    stage.terminateFailed()
    stage.pass(minute)
    stage.in("Renting")
    assert.isFalse(stage.touch().isSame)
    stage.stop()
    stage.rented({ computeId: id("m2") })
    assert.deepStrictEqual(stage.state.pendingTerminations.map(({ computeId }) => computeId), ["m1", "m2"])
  })

  it("does not extend the runtime", () => {
    const stage = live({ ...respawning, policy: { ...respawning.policy, maxRuntime: 5 * minute } })
    stage.pass(4 * minute)
    stage.missed()
    stage.confirmed(null)
    stage.rented({ computeId: id("m2") })
    stage.pass(minute)
    assert.strictEqual(stage.in("Ending").reason, "max_runtime")
  })
})
