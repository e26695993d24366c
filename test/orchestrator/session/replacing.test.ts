/**
 * A replacement of a lost machine: what counts as lost, when and where it is replaced, how often, and within which limits.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId } from "effect-atlas/domain/Ids"
import * as Session from "../../../src/orchestrator/Session.ts"
import { acme, hour, live, minute, type Options, other, second, start, task } from "./harness.ts"

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

  it("is not rented for a crash", () => {
    const crashed = live(respawning)
    crashed.observed({ status: "failed" })
    assert.strictEqual(crashed.in("Ending").reason, "died")
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

const respawn = (max: number): Partial<Session.Policy.Policy> => ({ onFailure: { _tag: "Respawn", max } })

describe("a machine that is lost is replaced, and a command that ended is not", () => {
  const seen = (session: ReturnType<typeof live>, how: Partial<Session.Observation.Observation> | null): void => {
    session.missed()
    session.confirmed(how)
  }
  const run = { command: ["run"] } as const

  it.each<readonly [string, Options, Partial<Session.Observation.Observation> | null]>([
    ["vanished", {}, null],
    ["was stopped", {}, { status: "stopped" }],
    ["was terminated", {}, { status: "terminated" }],
    ["was preempted", { request: { spot: true } }, { status: "stopped" }],
    ["vanished under a task that has not said how it ended", { mode: "task" }, null],
    ["vanished under a command that could have removed it", { mode: "task", request: run }, null],
    ["was terminated under such a command", { mode: "task", request: run }, { status: "terminated" }],
    ["was stopped under a task", { mode: "task", request: run }, { status: "stopped" }]
  ])("one that %s is lost", (_, options, how) => {
    const session = live({ ...options, policy: respawn(1) })
    seen(session, how)
    assert.strictEqual(
      session.in(session.state.pendingTerminations.length > 0 ? "Waiting" : "Renting")._tag,
      session.phase._tag
    )
    assert.strictEqual(session.state.respawns, 1)
  })

  it.each<readonly [string, Options, Partial<Session.Observation.Observation> | null]>([
    ["that failed with an exit code", { request: run }, { status: "failed", exitCode: 1 }],
    ["that ended with success", { request: run }, { status: "terminated", exitCode: 0 }],
    ["that was stopped with an exit code", { request: run }, { status: "stopped", exitCode: 143 }],
    ["that crashed after it was ready", {}, { status: "failed" }]
  ])("a command %s is not lost", (_, options, how) => {
    const session = live({ ...options, policy: respawn(1) })
    seen(session, how)
    assert.include(["Ending", "Ended"], session.phase._tag)
    assert.notInclude(session.askedFor(), "Rent")
    assert.strictEqual(session.state.respawns, 0)
  })

  it("one that failed before it was ever ready is lost, and ends the session where nothing is to be replaced", () => {
    for (const max of [0, 1]) {
      const session = start({ policy: respawn(max) })
      session.rented({ status: "provisioning" })
      session.observed({ status: "failed" })
      assert.strictEqual(session.phase._tag, max === 0 ? "Ending" : "Waiting")
    }
  })

  it("one that is never ready is ended and replaced, as often as the limit says; then the session was never ready", () => {
    const session = start({ policy: { ...respawn(1), readyTimeout: minute } })
    session.rented({ status: "provisioning" })
    session.asked()
    session.pass(minute)
    assert.deepStrictEqual(session.asked(), [{ _tag: "Terminate", provider: acme, computeId: id("m1") }])
    session.in("Waiting")
    session.markTerminated()
    assert.include(session.askedFor(), "Rent")
    session.rented({ computeId: id("m2"), status: "provisioning" })
    session.pass(minute)
    assert.strictEqual(session.in("Ending").reason, "never_ready")
    assert.strictEqual(session.state.respawns, 1)
  })

  it("a task whose machine is lost for good has failed, and is never completed", () => {
    for (const how of [null, { status: "stopped" }, { status: "terminated" }] as const) {
      const session = task()
      seen(session, how)
      const { phase } = session
      assert.deepStrictEqual("outcome" in phase ? phase.outcome : null, {
        _tag: "Failed",
        cause: "lost",
        exitCode: null,
        fault: null
      })
    }
  })
})

describe("a replacement is rented elsewhere", () => {
  const places = [
    { provider: acme, gpu: "h100", regionHints: [] },
    { provider: other, gpu: "h100", regionHints: [] },
    { provider: acme, gpu: "a100_80g", regionHints: [] }
  ] as const satisfies Session.SessionSpec["candidates"]
  const lose = (session: ReturnType<typeof start>, machine: string): void => {
    session.pass(10 * second)
    session.missed(machine)
    session.confirmed(null, machine)
  }

  it("than where the last machine was lost, while another candidate is open", () => {
    const session = start({ candidates: places, policy: respawn(3) })
    session.rented()
    lose(session, "m1")
    assert.strictEqual(session.in("Renting").attempt.candidate, 1)
    session.refused("NoCapacity")
    assert.strictEqual(session.in("Renting").attempt.candidate, 2)
    session.rented({ computeId: id("m2") })
    lose(session, "m2")
    assert.strictEqual(session.in("Renting").attempt.candidate, 0, "the order goes round")
  })

  it("and at the place that failed only when every other one has refused; then none is left", () => {
    const session = start({ candidates: places, policy: respawn(3) })
    session.rented()
    lose(session, "m1")
    session.refused("NoCapacity")
    session.refused("NoCapacity")
    assert.strictEqual(session.in("Renting").attempt.candidate, 0)
    session.refused("NoCapacity")
    assert.strictEqual(session.in("Ended").reason, "refused")
  })

  it("and its order outlives a restart", () => {
    const session = start({ mode: "task", persist: true, candidates: places, policy: respawn(3) })
    session.rented()
    lose(session, "m1")
    session.restart()
    session.pass(70 * second)
    session.looked([])
    assert.strictEqual(session.in("Renting").attempt.candidate, 1)
    session.refused("NoCapacity")
    session.refused("NoCapacity")
    assert.strictEqual(session.in("Renting").attempt.candidate, 0)
  })
})

describe("a session found without its machine after a start checks its limits before it rents again", () => {
  const options = { mode: "task", persist: true } as const

  it.each(
    [
      ["the downtime counts against maxRuntime", { maxRuntime: 2 * hour }, "max_runtime"],
      ["and against the cost cap", { maxCost: 5 }, "cost_cap"]
    ] as const
  )("%s", (_, limit, reason) => {
    const session = live({ ...options, policy: { ...respawn(9), ...limit } })
    session.restart(3 * hour)
    session.missed()
    session.confirmed(null)
    assert.strictEqual(session.in("Ended").reason, reason)
    assert.notInclude(session.askedFor(), "Rent")
  })

  it("also when the old machine was gone before the process ended, and only the replacement was not rented yet", () => {
    const session = live({ ...options, request: { spot: true }, policy: { ...respawn(9), maxRuntime: 2 * hour } })
    session.observed({ status: "stopped" })
    session.confirmed({ status: "stopped" })
    session.in("Waiting")
    const { pendingTerminations, ...rest } = session.state
    assert.strictEqual(pendingTerminations.length, 1)
    const now = { wall: session.now.wall + 3 * hour, mono: 5 }
    const { commands, state } = Session.decide(
      { ...rest, pendingTerminations: [] },
      { _tag: "Adopted" },
      now,
      session.config
    )
    assert.deepStrictEqual(commands, [])
    assert.strictEqual(state.phase._tag === "Ended" && state.phase.reason, "max_runtime")
  })

  it("and rents again within them", () => {
    const session = live({ ...options, policy: { ...respawn(9), maxRuntime: 5 * hour } })
    session.restart(3 * hour)
    session.missed()
    session.confirmed(null)
    assert.strictEqual(session.in("Renting").attempt.candidate, 0)
  })
})

it("no create is sent past a limit, whichever refusal or lost answer it would follow", () => {
  const candidates = [
    { provider: acme, gpu: "h100", regionHints: [] },
    { provider: other, gpu: "h100", regionHints: [] }
  ] as const satisfies Session.SessionSpec["candidates"]
  const refused = start({ candidates, policy: { maxRuntime: minute } })
  refused.asked()
  refused.now.wall += hour
  refused.refused("NoCapacity")
  assert.strictEqual(refused.in("Ended").reason, "max_runtime")
  const lost = start({ candidates, policy: { maxRuntime: minute } })
  lost.unanswered()
  lost.asked()
  lost.now.mono += 20 * second
  lost.now.wall += hour
  lost.looked([])
  assert.strictEqual(lost.in("Ended").reason, "max_runtime")
  for (const session of [refused, lost]) assert.notInclude(session.askedFor(), "Rent")
})
