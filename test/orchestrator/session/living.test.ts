/**
 * A machine that lives: what a look says of it, what counts as death, what keeps a session alive, what replaces a machine.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId } from "effect-atlas/domain/Ids"
import * as Session from "../../../src/orchestrator/Session.ts"
import { acme, fault, live, minute, second, start, task } from "./scene.ts"

const id = ComputeId.make

describe("a look at the machine", () => {
  it("that says nothing new gives the same state back, and nothing to commit", () => {
    const stage = live()
    const { commands, events, isSame, needsCommit } = stage.observed()
    assert.deepStrictEqual([isSame, needsCommit, commands, events], [true, false, [], []])
  })

  it("that shows another status tells it, once", () => {
    const stage = start()
    stage.rented({ status: "provisioning" })
    stage.told()
    assert.isTrue(stage.observed({ status: "running" }).needsCommit)
    assert.deepStrictEqual(stage.told(), [{ _tag: "Status", computeId: id("m1"), status: "running" }])
    assert.isTrue(stage.observed({ status: "running" }).isSame)
    assert.isTrue(stage.in("Live").ready)
  })

  it.each(["stopped", "terminated"] as const)("that says %s is confirmed before it is believed", (status) => {
    const stage = live()
    stage.observed({ status })
    assert.deepStrictEqual(stage.asked(), [{ _tag: "Confirm", provider: acme, computeId: id("m1") }])
    stage.observed({ status })
    assert.deepStrictEqual(stage.asked(), [], "one question at a time")
    stage.confirmed({ status: "running" })
    stage.in("Live")
    assert.isTrue(stage.observed().isSame)
  })

  it("that says failed needs no confirmation, and the machine is deleted", () => {
    const stage = live()
    stage.observed({ status: "failed" })
    assert.deepStrictEqual(stage.askedFor(), ["Terminate"])
    assert.deepStrictEqual(stage.in("Ending").outcome, { _tag: "Failed", cause: "failed", exitCode: null, fault: null })
    assert.deepStrictEqual(stage.told().slice(0, 2), [
      { _tag: "Status", computeId: id("m1"), status: "failed" },
      { _tag: "Terminating", reason: "died", cause: "failed" }
    ])
  })

  it("that misses it is confirmed, and a machine that was never there long enough is not even asked about", () => {
    const young = start()
    young.rented()
    young.asked()
    assert.isTrue(young.missed().isSame)
    young.pass(5 * second)
    young.missed()
    assert.deepStrictEqual(young.askedFor(), ["Confirm"])
    young.confirmed(null)
    assert.deepStrictEqual(young.in("Ended").outcome, {
      _tag: "Failed",
      cause: "vanished",
      exitCode: null,
      fault: null
    })
    assert.deepStrictEqual(young.asked(), [], "there is nothing left to delete")
  })

  it("that finds a young machine nowhere is repeated after the settle window", () => {
    const stage = start()
    stage.rented()
    stage.observed({ status: "stopped" })
    stage.asked()
    stage.confirmed(null)
    stage.in("Live")
    stage.pass(5 * second)
    assert.deepStrictEqual(stage.askedFor(), ["Confirm"])
    stage.confirmed(null)
    stage.in("Ended")
  })

  it("that was asked for within the settle window proves nothing, however late its answer comes", () => {
    const stage = start()
    stage.rented()
    stage.observed({ status: "stopped" })
    stage.asked()
    stage.pass(6 * second)
    // asked when the machine was new: the scene's clock begins there
    stage.send({ _tag: "Confirmed", provider: acme, computeId: id("m1"), compute: null, at: 1_000_000 })
    assert.strictEqual(stage.in("Live")._tag, "Live")
  })

  it.each(["Unauthorized", "ProviderFault", "Transport", "RateLimited", "Unknown"] as const)(
    "that fails as %s is never a death: it is told, and repeated with a longer and longer pause",
    (reason) => {
      const stage = live()
      stage.missed()
      const pauses: Array<number> = []
      for (let times = 0; times < 8; times++) {
        stage.asked()
        stage.confirmFailed(reason)
        const wake = Session.nextWake(stage.state, stage.now, stage.config) ?? Number.NaN
        pauses.push(wake - stage.now.mono)
        stage.pass(wake - stage.now.mono)
        assert.deepStrictEqual(stage.askedFor(), ["Confirm"])
      }
      stage.in("Live")
      assert.isAbove(pauses.at(-1) ?? 0, 10 * (pauses[0] ?? 0))
      assert.deepStrictEqual(stage.told()[0], { _tag: "PollFailed", computeId: id("m1"), fault: fault(reason) })
    }
  )

  it("that misses it again does not hurry a look that failed", () => {
    const stage = live()
    stage.missed()
    stage.confirmFailed()
    stage.asked()
    assert.isTrue(stage.missed().isSame)
    assert.deepStrictEqual(stage.asked(), [])
  })

  it("that shows it again ends the doubt", () => {
    const stage = live()
    stage.missed()
    stage.confirmFailed()
    stage.observed()
    stage.asked()
    stage.pass(10 * minute)
    assert.deepStrictEqual(stage.asked(), [])
  })

  it("at a machine that is not ours changes nothing", () => {
    const stage = live()
    assert.isTrue(stage.observed({ computeId: id("foreign"), name: "my-database" }).isSame)
    assert.isTrue(stage.observed({ computeId: id("foreign"), name: null }).isSame)
    assert.isTrue(stage.observed({ computeId: id("foreign"), name: "atlas-team2-alice-aaaaaaaaaaaa" }).isSame)
    assert.isTrue(stage.missed("foreign").isSame)
  })
})

describe("a machine dies", () => {
  it.each(
    [
      ["stopped", false, "stopped"],
      ["terminated", false, "terminated"],
      [null, false, "vanished"],
      ["stopped", true, "preempted"],
      ["terminated", true, "preempted"],
      [null, true, "preempted"],
      ["failed", true, "failed"]
    ] as const
  )("%s, spot %s: the cause is %s", (status, spot, cause) => {
    const stage = live({ request: { spot } })
    stage.missed()
    stage.confirmed(status === null ? null : { status })
    assert.deepInclude(stage.told(), { _tag: "Terminating", reason: "died", cause })
  })

  it.each([["stopped", "Terminate"], ["terminated", undefined]] as const)(
    "and is deleted only if there is one: %s",
    (status, asked) => {
      const stage = live()
      stage.observed({ status })
      stage.asked()
      stage.confirmed({ status })
      assert.strictEqual(stage.askedFor()[0], asked)
    }
  )
})

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
    stage.bury()
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
    assert.deepStrictEqual(stage.state.residuals.map(({ computeId, why }) => [computeId, why]), [["m1", "dead"]])
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
    assert.deepStrictEqual(stage.in("Ended").outcome, { _tag: "Completed", exitCode: 0 })
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
    assert.deepStrictEqual(stage.state.residuals.map(({ computeId }) => computeId), ["m1", "m2"])
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

describe("idleness", () => {
  it("ends an interactive session the moment its time is up, and a touch puts that off", () => {
    const stage = live({ policy: { idleTtl: minute } })
    stage.pass(30 * second)
    stage.touch()
    stage.pass(minute - 1)
    stage.in("Live")
    stage.pass(1)
    assert.strictEqual(stage.in("Ending").reason, "idle_timeout")
    assert.deepStrictEqual(stage.told(), [{ _tag: "Terminating", reason: "idle_timeout", cause: null }])
  })

  it("does not count before anybody could touch the session", () => {
    const stage = start({ policy: { idleTtl: minute } })
    stage.pass(10 * minute)
    stage.rented()
    stage.pass(minute - 1)
    assert.strictEqual(stage.phase._tag, "Live")
  })

  it("is measured on the monotonic clock: a wall clock that jumps neither ends nor saves a session", () => {
    for (const jump of [-24 * 60 * minute, 24 * 60 * minute]) {
      const stage = live({ policy: { idleTtl: minute } })
      stage.pass(second)
      stage.touch()
      stage.now.wall += jump
      stage.pass(minute - 1)
      stage.in("Live")
      stage.pass(1)
      assert.strictEqual(stage.in("Ending").reason, "idle_timeout")
    }
  })

  it("counts while a replacement is rented", () => {
    const stage = live({
      request: { spot: true },
      policy: { idleTtl: minute, onFailure: { _tag: "Respawn", max: 9 } }
    })
    stage.missed()
    stage.confirmed(null)
    stage.pass(2 * minute)
    stage.rented({ computeId: id("m2") })
    assert.strictEqual(stage.in("Ending").reason, "idle_timeout")
  })

  it("a touch is stored at most once a minute", () => {
    const stage = live()
    stage.pass(minute)
    assert.isTrue(stage.touch().needsCommit)
    stage.pass(30 * second)
    const again = stage.touch()
    assert.deepStrictEqual([again.isSame, again.needsCommit], [false, false])
    stage.pass(30 * second)
    assert.isTrue(stage.touch().needsCommit)
  })

  it("a heartbeat is told while the session is active, as often as it says", () => {
    const stage = start({ policy: { heartbeat: minute } })
    stage.rented()
    stage.told()
    stage.pass(3 * minute)
    assert.deepStrictEqual(stage.toldOf(), ["Heartbeat", "Heartbeat", "Heartbeat"])
  })
})

describe("an interactive session", () => {
  it("ends when it was never ready in time, and not when it was", () => {
    const never = start({ policy: { readyTimeout: minute } })
    never.rented({ status: "provisioning" })
    never.pass(minute)
    assert.strictEqual(never.in("Ending").reason, "never_ready")
    const ready = start({ policy: { readyTimeout: minute } })
    ready.rented({ status: "provisioning" })
    ready.observed({ status: "running" })
    ready.pass(10 * minute)
    ready.in("Live")
  })

  it("ends when its runtime is over, however the wall clock jumps back", () => {
    const stage = live({ policy: { maxRuntime: 10 * minute } })
    stage.now.wall -= 24 * 60 * minute
    stage.pass(10 * minute)
    assert.strictEqual(stage.in("Ending").reason, "max_runtime")
  })

  it("ends when its runtime passed while the machine was suspended", () => {
    const stage = live({ policy: { maxRuntime: 10 * minute } })
    stage.now.wall += 10 * minute
    stage.pass(1)
    assert.strictEqual(stage.in("Ending").reason, "max_runtime")
  })

  it("a limit longer than any timer is no matter", () => {
    const stage = live({ policy: { maxRuntime: 2 ** 40 } })
    assert.isAbove(Session.nextWake(stage.state, stage.now, stage.config) ?? 0, 2 ** 39)
  })
})

describe("a row must be written", () => {
  it("for a new phase, residual, price, report, refusal, rent or stored touch", () => {
    assert.isTrue(live().stop().needsCommit)
    assert.isTrue(live().observed({ computeId: id("twin") }).needsCommit)
    assert.isTrue(live().observed({ costPerHour: 3 }).needsCommit)
    assert.isTrue(live().report(0).needsCommit)
    assert.isTrue(start().refused("RateLimited").needsCommit)
    assert.isTrue(start().unanswered().needsCommit)
    const stopped = live()
    stopped.stop()
    assert.isTrue(stopped.terminateAnswered().needsCommit)
  })

  it("not for a question, an answer that changes nothing, a heartbeat or a clock that jumped", () => {
    const stage = live({ policy: { heartbeat: minute } })
    assert.isFalse(stage.missed().needsCommit)
    assert.isFalse(stage.confirmed({ status: "running" }).needsCommit)
    stage.now.mono += minute
    stage.now.wall += minute
    assert.isFalse(stage.send({ _tag: "WokeUp" }).needsCommit)
    stage.now.wall += minute
    const jumped = stage.observed()
    assert.deepStrictEqual([jumped.isSame, jumped.needsCommit], [false, false])
  })

  it("at the beginning, and never for the same state", () => {
    const { state } = live()
    assert.isTrue(Session.needsCommit(null, state))
    assert.isFalse(Session.needsCommit(state, state))
    assert.isFalse(Session.needsCommit(null, null))
  })
})
