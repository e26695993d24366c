/**
 * The end: terminate until absence is verified, by one path for every machine; over only when nothing is left.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId } from "effect-atlas/domain/Ids"
import * as Session from "../../../src/orchestrator/Session.ts"
import { acme, fault, hour, live, minute, second, start, task } from "./harness.ts"

const id = ComputeId.make
const confirm: Session.Command = { _tag: "Confirm", provider: acme, computeId: id("m1") }
const terminate: Session.Command = { _tag: "Terminate", provider: acme, computeId: id("m1") }

describe("an end", () => {
  it("is over when the absence is verified, and tells it in order", () => {
    const stage = live()
    stage.stop()
    assert.deepStrictEqual(stage.asked(), [terminate])
    stage.terminateAnswered()
    stage.in("Ending")
    stage.pass(second - 1)
    assert.deepStrictEqual(stage.asked(), [], "accepted is not gone, and it takes a while")
    stage.pass(1)
    assert.deepStrictEqual(stage.asked(), [confirm])
    stage.confirmed(null)
    assert.deepStrictEqual(stage.in("Ended").outcome, { _tag: "Closed", reason: "stopped" })
    assert.deepStrictEqual(stage.told(), [
      { _tag: "Terminating", reason: "stopped", cause: null },
      { _tag: "Status", computeId: id("m1"), status: "terminated" },
      { _tag: "Ended", reason: "stopped", outcome: { _tag: "Closed", reason: "stopped" } }
    ])
  })

  it("is over as well when the provider says terminated", () => {
    const stage = live()
    stage.stop()
    stage.terminateAnswered()
    stage.pass(second)
    stage.confirmed({ status: "terminated" })
    assert.strictEqual(stage.phase._tag, "Ended")
  })

  it("of a machine that the provider knows no longer is verified, not believed", () => {
    const stage = live()
    stage.stop()
    stage.asked()
    stage.terminateFailed("NotFound")
    assert.notInclude(stage.toldOf(), "TerminateFailed")
    stage.pass(second)
    assert.deepStrictEqual(stage.asked(), [confirm])
    stage.confirmFailed("NotFound")
    stage.in("Ended")
  })

  it("of a young machine waits until not found means gone", () => {
    const stage = start()
    stage.rented()
    stage.stop()
    stage.terminateFailed("NotFound")
    stage.pass(second)
    stage.asked()
    stage.confirmed(null)
    stage.in("Ending")
    stage.pass(4 * second)
    assert.deepStrictEqual(stage.asked(), [confirm])
    stage.confirmed(null)
    stage.in("Ended")
  })

  it("is tried again when the machine is still there", () => {
    const stage = live()
    stage.stop()
    stage.terminateAnswered()
    stage.pass(second)
    stage.asked()
    stage.confirmed({ status: "running" })
    stage.pass(second)
    assert.deepStrictEqual(stage.asked(), [terminate])
  })

  it("is tried for ever, from a second apart to a minute; every fifth failure is said aloud", () => {
    const stage = live()
    stage.stop()
    stage.told()
    for (let times = 1; times <= 20; times++) {
      stage.asked()
      stage.terminateFailed()
      const wake = Session.nextWake(stage.state, stage.now, stage.config) ?? Number.NaN
      assert.isTrue(wake > stage.now.mono && wake <= stage.now.mono + minute)
      stage.pass(wake - stage.now.mono)
      assert.deepStrictEqual(stage.asked(), [terminate])
    }
    const told = stage.told()
    assert.strictEqual(told.filter(({ _tag }) => _tag === "TerminateFailed").length, 20)
    const stuck = told.filter((one) => one._tag === "TerminateStuck")
    assert.deepStrictEqual(stuck.map(({ tries }) => tries), [5, 10, 15, 20])
    assert.deepStrictEqual(stuck[0]?.fault, fault("Transport"))
    assert.deepStrictEqual(stage.state.pendingTerminations.map(({ tries }) => tries), [21])
  })

  it("is tried again when a look fails", () => {
    const stage = live()
    stage.stop()
    stage.terminateAnswered()
    stage.pass(second)
    stage.asked()
    stage.confirmFailed()
    stage.pass(minute)
    assert.include(stage.askedFor(), "Terminate")
    stage.in("Ending")
  })

  it("spreads its tries by the machine's id", () => {
    const pauseOf = (computeId: string) => {
      const stage = start()
      stage.rented({ computeId: id(computeId) })
      stage.stop()
      stage.terminateFailed("Transport", computeId)
      return (Session.nextWake(stage.state, stage.now, stage.config) ?? 0) - stage.now.mono
    }
    assert.isAbove(new Set(["a", "b", "c", "d"].map(pauseOf)).size, 1)
    assert.strictEqual(pauseOf("a"), pauseOf("a"))
  })

  it("asked for twice is one end", () => {
    const stage = live()
    stage.stop()
    assert.isTrue(stage.stop().isSame)
    stage.markTerminated()
    assert.isTrue(stage.stop().isSame)
    assert.strictEqual(stage.toldOf().filter((tag) => tag === "Terminating").length, 1)
  })

  it("takes no touch and no report", () => {
    const stage = live()
    stage.stop()
    assert.isTrue(stage.touch().isSame)
    assert.isTrue(stage.report(0).isSame)
  })

  it("while waiting for a replacement is over when the old machine is gone", () => {
    const stage = live({ request: { spot: true }, policy: { onFailure: { _tag: "Respawn", max: 1 } } })
    stage.observed({ status: "stopped" })
    stage.confirmed({ status: "stopped" })
    stage.in("Waiting")
    stage.stop()
    stage.in("Ending")
    stage.asked()
    stage.markTerminated()
    stage.in("Ended")
    assert.deepStrictEqual(stage.askedFor(), ["Confirm"], "and nothing was rented")
  })
})

describe("a stop", () => {
  it.each(["task", "interactive"] as const)(
    "ends a persistent %s like any other, and a restart does not undo it",
    (mode) => {
      const stage = live({ mode, persist: true })
      stage.stop()
      assert.deepStrictEqual(stage.asked(), [terminate])
      stage.restart()
      stage.send({ _tag: "Closing" })
      assert.strictEqual(stage.in("Ending").reason, "stopped")
      stage.markTerminated()
      assert.strictEqual(stage.in("Ended").reason, "stopped")
    }
  )
})

describe("a machine that shows up late", () => {
  it("is ended, whatever the session does, with its cost counted from its birth", () => {
    const stage = live()
    stage.observed({ computeId: id("duplicate"), createdAt: stage.now.wall - hour })
    assert.deepStrictEqual(stage.asked(), [{ _tag: "Terminate", provider: acme, computeId: id("duplicate") }])
    assert.deepInclude(stage.told(), { _tag: "OrphanFound", computeId: id("duplicate") })
    assert.strictEqual(stage.in("Live").computeId, "m1")
    assert.isAtLeast(stage.spent(), 2)
  })

  it("and whose birth nobody knows is paid for from when its rent may have been sent", () => {
    const stage = start()
    const first = stage.attempt()
    stage.unanswered()
    stage.pass(10 * second)
    stage.looked([])
    stage.refused("NoCapacity")
    stage.pass(hour)
    stage.observed({ name: first.name, createdAt: null, costPerHour: 2 })
    assert.closeTo(stage.spent(), 2, 0.01)
  })

  it("and already runs is paid for since its create was sent, as its cloud may only say when it was last started", () => {
    const stage = live()
    stage.pass(hour)
    stage.observed({ computeId: id("duplicate"), createdAt: stage.now.wall })
    assert.isAtLeast(stage.spent(), 4)
  })

  it("and does not run yet is paid for since it was made", () => {
    const stage = live()
    stage.pass(hour)
    stage.observed({ computeId: id("duplicate"), status: "provisioning", createdAt: stage.now.wall })
    assert.closeTo(stage.spent(), 2, 0.1)
  })

  it("of an earlier attempt is ended while the next one is rented", () => {
    const stage = start()
    const first = stage.attempt()
    stage.unanswered()
    stage.pass(10 * second)
    stage.looked([])
    stage.asked()
    stage.observed({ name: first.name })
    assert.deepStrictEqual(stage.askedFor(), ["Terminate"])
    stage.in("Renting")
  })

  it("as the answer to an attempt that is over is ended", () => {
    const stage = start()
    const { id: first, name } = stage.attempt()
    stage.unanswered()
    stage.pass(10 * second)
    stage.looked([])
    stage.asked()
    stage.send({ _tag: "Rented", attempt: first, compute: stage.sighting({ name }), authHash: null })
    assert.deepStrictEqual(stage.askedFor(), ["Terminate"])
  })

  it("after the end is ended too, and the session stays ended", () => {
    const stage = live()
    stage.stop()
    stage.markTerminated()
    stage.asked()
    stage.observed({ computeId: id("late") })
    stage.in("Ended")
    assert.deepStrictEqual(stage.asked(), [{ _tag: "Terminate", provider: acme, computeId: id("late") }])
  })

  it("is left to its own rent while that is on its way", () => {
    const stage = start()
    assert.isTrue(stage.observed().isSame)
  })

  it("in an old listing after it was verified gone is ended again but not paid for twice", () => {
    const stage = live()
    stage.pass(hour)
    stage.stop()
    stage.markTerminated()
    const spent = stage.spent()
    stage.observed({ createdAt: stage.now.wall - hour })
    assert.closeTo(stage.spent(), spent, 1e-9)
    assert.strictEqual(stage.state.pendingTerminations.length, 1)
  })
})

describe("an ended session", () => {
  it("is remembered for a day unless its host says otherwise", () => {
    for (const config of [{}, { retention: 2 * hour }]) {
      const stage = live({ config })
      stage.stop()
      stage.markTerminated()
      stage.asked()
      const { at } = stage.in("Ended")
      const retention = config.retention ?? 24 * hour
      stage.pass(retention - (stage.now.wall - at) - 1)
      assert.deepStrictEqual(stage.asked(), [])
      stage.pass(1)
      assert.deepStrictEqual(stage.askedFor(), ["Forget"])
    }
  })

  it("is forgotten when its time is over, once, and not while something is left of it", () => {
    const stage = live()
    stage.stop()
    stage.markTerminated()
    stage.asked()
    stage.observed({ computeId: id("late") })
    stage.pass(24 * hour)
    assert.notInclude(stage.askedFor(), "Forget")
    stage.markTerminated("late")
    stage.pass(24 * hour)
    assert.deepStrictEqual(stage.askedFor().filter((tag) => tag === "Forget"), ["Forget"])
    assert.isNull(Session.nextWake(stage.state, stage.now, stage.config))
  })
})

describe("the host closes", () => {
  it("and an interactive session ends", () => {
    const stage = live()
    stage.send({ _tag: "Closing" })
    assert.strictEqual(stage.in("Ending").reason, "node_shutdown")
    assert.deepStrictEqual(stage.askedFor(), ["Terminate"])
  })

  it.each(["task", "interactive"] as const)("and a persistent %s is left for the next boot", (mode) => {
    const stage = live({ mode, persist: true })
    assert.isTrue(stage.send({ _tag: "Closing" }).isSame)
  })

  it("and a persistent task that has reported ends on its report", () => {
    const stage = task({ persist: true })
    stage.report(3)
    stage.send({ _tag: "Closing" })
    assert.deepStrictEqual(stage.in("Ending").outcome, { _tag: "Failed", cause: "exit_code", exitCode: 3, fault: null })
  })
})
