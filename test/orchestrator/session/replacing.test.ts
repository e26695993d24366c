/**
 * A replacement of a preempted machine: when it is rented, how often, and which limits it leaves as they are.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId } from "effect-atlas/domain/Ids"
import { live, minute, second, task } from "./harness.ts"

const id = ComputeId.make

describe("a replacement", () => {
  const respawning = { request: { spot: true }, policy: { onFailure: { _tag: "Respawn", max: 1 } } } as const

  it("is rented when the preempted machine is gone, under a new attempt, and is told with both ids", () => {
    const session = live(respawning)
    const first = session.attempt()
    session.observed({ status: "stopped" })
    session.asked()
    session.confirmed({ status: "stopped" })
    assert.strictEqual(session.in("Waiting").why, "respawn")
    assert.deepStrictEqual(session.askedFor(), ["Terminate"])
    session.markTerminated()
    assert.deepStrictEqual(session.askedFor(), ["Confirm", "Rent"])
    assert.notStrictEqual(session.attempt().id, first.id)
    session.told()
    session.rented({ computeId: id("m2") })
    assert.deepStrictEqual(session.told(), [
      { _tag: "Respawned", computeId: id("m1"), newId: id("m2") },
      { _tag: "Status", computeId: id("m2"), status: "running" }
    ])
  })

  it("is rented beside the old machine when that takes more than a minute to end, and its termination stays pending", () => {
    const session = live(respawning)
    session.observed({ status: "stopped" })
    session.confirmed({ status: "stopped" })
    session.asked()
    session.terminateFailed()
    session.pass(minute)
    assert.include(session.askedFor(), "Rent")
    assert.deepStrictEqual(session.state.pendingTerminations.map(({ computeId, why }) => [computeId, why]), [[
      "m1",
      "dead"
    ]])
  })

  it("is rented at once when nothing is left to terminate", () => {
    const session = live(respawning)
    session.missed()
    session.asked()
    session.confirmed(null)
    assert.deepStrictEqual(session.askedFor(), ["Rent"])
  })

  it("is rented as often as the limit says", () => {
    const session = live(respawning)
    session.missed()
    session.confirmed(null)
    session.rented({ computeId: id("m2") })
    session.pass(10 * second)
    session.missed("m2")
    session.confirmed(null, "m2")
    assert.deepStrictEqual(session.in("Ended").outcome, {
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
    const session = task(respawning)
    session.report(0)
    session.missed()
    session.confirmed(null)
    const { outcome, reason } = session.in("Ended")
    assert.deepStrictEqual([reason, outcome], ["finished", { _tag: "Completed", exitCode: 0 }])
  })

  it("that no candidate has ends the session and says why", () => {
    const session = live(respawning)
    session.missed()
    session.confirmed(null)
    session.told()
    session.refused("NoCapacity")
    assert.deepStrictEqual(session.toldOf(), ["Refused", "RespawnFailed", "Terminating", "Status", "Ended"])
    assert.strictEqual(session.in("Ended").reason, "refused")
  })

  it("leaves the session usable: it can be touched, and a stop ends both machines", () => {
    const session = live(respawning)
    session.observed({ status: "stopped" })
    session.confirmed({ status: "stopped" })
    session.terminateFailed()
    session.pass(minute)
    session.in("Renting")
    assert.isFalse(session.touch().isSame)
    session.stop()
    session.rented({ computeId: id("m2") })
    assert.deepStrictEqual(session.state.pendingTerminations.map(({ computeId }) => computeId), ["m1", "m2"])
  })

  it("does not extend the runtime", () => {
    const session = live({ ...respawning, policy: { ...respawning.policy, maxRuntime: 5 * minute } })
    session.pass(4 * minute)
    session.missed()
    session.confirmed(null)
    session.rented({ computeId: id("m2") })
    session.pass(minute)
    assert.strictEqual(session.in("Ending").reason, "max_runtime")
  })
})
