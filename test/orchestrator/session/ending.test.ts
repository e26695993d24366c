/**
 * The end of a session: its machines are terminated until their absence is verified; it is over when none is left.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId } from "effect-atlas/domain/Ids"
import * as Session from "../../../src/orchestrator/Session.ts"
import { acme, fault, hour, live, minute, second, start, task } from "./harness.ts"

const id = ComputeId.make
const confirm: Session.Command = { _tag: "Confirm", provider: acme, computeId: id("m1") }
const terminate: Session.Command = { _tag: "Terminate", provider: acme, computeId: id("m1") }

describe("an end", () => {
  it("is over when the absence is verified, and is told in order", () => {
    const session = live()
    session.stop()
    assert.deepStrictEqual(session.asked(), [terminate])
    session.terminateAnswered()
    session.in("Ending")
    assert.deepStrictEqual(session.asked(), [confirm], "accepted is not gone: a look is made at once")
    session.confirmed(null)
    assert.deepStrictEqual(session.in("Ended").outcome, { _tag: "Closed", reason: "stopped" })
    assert.deepStrictEqual(session.told(), [
      { _tag: "Terminating", reason: "stopped", cause: null },
      { _tag: "Status", computeId: id("m1"), status: "terminated" },
      { _tag: "Ended", reason: "stopped", outcome: { _tag: "Closed", reason: "stopped" } }
    ])
  })

  it("of a machine that is still there after an accepted terminate goes on after a pause", () => {
    const session = live()
    session.stop()
    session.asked()
    session.terminateAnswered()
    assert.deepStrictEqual(session.asked(), [confirm])
    session.confirmed({ status: "running" })
    session.in("Ending")
    assert.deepStrictEqual(session.asked(), [])
    session.pass(second)
    assert.deepStrictEqual(session.asked(), [terminate])
    session.terminateAnswered()
    assert.deepStrictEqual(session.asked(), [confirm])
    session.confirmed(null)
    session.in("Ended")
  })

  it("is over as well when the provider says terminated", () => {
    const session = live()
    session.stop()
    session.terminateAnswered()
    session.pass(second)
    session.confirmed({ status: "terminated" })
    assert.strictEqual(session.phase._tag, "Ended")
  })

  it("of a machine that the provider does not know any more is verified by a get", () => {
    const session = live()
    session.stop()
    session.asked()
    session.terminateFailed("NotFound")
    assert.notInclude(session.toldOf(), "TerminateFailed")
    session.pass(second)
    assert.deepStrictEqual(session.asked(), [confirm])
    session.confirmFailed("NotFound")
    session.in("Ended")
  })

  it("of a young machine waits until NotFound proves that it is gone", () => {
    const session = start()
    session.rented()
    session.stop()
    session.terminateFailed("NotFound")
    session.pass(second)
    session.asked()
    session.confirmed(null)
    session.in("Ending")
    session.pass(4 * second)
    assert.deepStrictEqual(session.asked(), [confirm])
    session.confirmed(null)
    session.in("Ended")
  })

  it("is not verified by NotFound that was asked for within the settle window, however late the answer comes", () => {
    const session = start()
    session.rented()
    session.stop()
    session.terminateAnswered()
    session.pass(second)
    const at = session.now.mono
    session.now.wall += 10 * second
    session.now.mono += 10 * second
    session.send({ _tag: "Confirmed", provider: acme, computeId: id("m1"), compute: null, at })
    assert.lengthOf(session.state.pendingTerminations, 1)
    session.in("Ending")
  })

  it("is not verified by a machine that is stopped: its disk is billed", () => {
    const session = live()
    session.stop()
    session.terminateAnswered()
    session.pass(10 * second)
    session.confirmed({ status: "stopped" })
    session.in("Ending")
    session.pass(second)
    assert.include(session.askedFor(), "Terminate")
  })

  it("is tried again when the machine is still there", () => {
    const session = live()
    session.stop()
    session.terminateAnswered()
    session.pass(second)
    session.asked()
    session.confirmed({ status: "running" })
    session.pass(second)
    assert.deepStrictEqual(session.asked(), [terminate])
  })

  it("is tried without end, after pauses from a second to a minute; every fifth failure is told as stuck", () => {
    const session = live()
    session.stop()
    session.told()
    for (let times = 1; times <= 20; times++) {
      session.asked()
      session.terminateFailed()
      const wake = Session.nextWake(session.state, session.now, session.config) ?? Number.NaN
      assert.isTrue(wake > session.now.mono && wake <= session.now.mono + minute)
      session.pass(wake - session.now.mono)
      assert.deepStrictEqual(session.asked(), [terminate])
    }
    const told = session.told()
    assert.strictEqual(told.filter(({ _tag }) => _tag === "TerminateFailed").length, 20)
    const stuck = told.filter((one) => one._tag === "TerminateStuck")
    assert.deepStrictEqual(stuck.map(({ tries }) => tries), [5, 10, 15, 20])
    assert.deepStrictEqual(stuck[0]?.fault, fault("Transport"))
    assert.deepStrictEqual(session.state.pendingTerminations.map(({ tries }) => tries), [21])
  })

  it("is tried again when a get fails", () => {
    const session = live()
    session.stop()
    session.terminateAnswered()
    session.pass(second)
    session.asked()
    session.confirmFailed()
    session.pass(minute)
    assert.include(session.askedFor(), "Terminate")
    session.in("Ending")
  })

  it("has pauses that depend on the id of the machine", () => {
    const pauseOf = (computeId: string) => {
      const session = start()
      session.rented({ computeId: id(computeId) })
      session.stop()
      session.terminateFailed("Transport", computeId)
      return (Session.nextWake(session.state, session.now, session.config) ?? 0) - session.now.mono
    }
    assert.isAbove(new Set(["a", "b", "c", "d"].map(pauseOf)).size, 1)
    assert.strictEqual(pauseOf("a"), pauseOf("a"))
  })

  it("that is asked for twice happens once", () => {
    const session = live()
    session.stop()
    assert.isTrue(session.stop().isSame)
    session.markTerminated()
    assert.isTrue(session.stop().isSame)
    assert.strictEqual(session.toldOf().filter((tag) => tag === "Terminating").length, 1)
  })

  it("ignores touches and reports", () => {
    const session = live()
    session.stop()
    assert.isTrue(session.touch().isSame)
    assert.isTrue(session.report(0).isSame)
  })

  it("while waiting for a replacement is over when the old machine is gone", () => {
    const session = live({ request: { spot: true }, policy: { onFailure: { _tag: "Respawn", max: 1 } } })
    session.observed({ status: "stopped" })
    session.confirmed({ status: "stopped" })
    session.in("Waiting")
    session.stop()
    session.in("Ending")
    session.asked()
    session.markTerminated()
    session.in("Ended")
    assert.deepStrictEqual(session.askedFor(), ["Confirm"], "and nothing was rented")
  })
})

describe("a stop", () => {
  it.each(["task", "interactive"] as const)(
    "ends a persistent %s like any other, and a restart does not undo it",
    (mode) => {
      const session = live({ mode, persist: true })
      session.stop()
      assert.deepStrictEqual(session.asked(), [terminate])
      session.restart()
      session.send({ _tag: "Closing" })
      assert.strictEqual(session.in("Ending").reason, "stopped")
      session.markTerminated()
      assert.strictEqual(session.in("Ended").reason, "stopped")
    }
  )
})

describe("a duplicate or an orphan", () => {
  it("is terminated while the session goes on, and its cost counts from its creation", () => {
    const session = live()
    session.observed({ computeId: id("duplicate"), createdAt: session.now.wall - hour })
    assert.deepStrictEqual(session.asked(), [{ _tag: "Terminate", provider: acme, computeId: id("duplicate") }])
    assert.deepInclude(session.told(), { _tag: "OrphanFound", computeId: id("duplicate") })
    assert.strictEqual(session.in("Live").computeId, "m1")
    assert.isAtLeast(session.spent(), 2)
  })

  it("without a time of creation is paid for since its create may have been sent", () => {
    const session = start()
    const first = session.attempt()
    session.unanswered()
    session.pass(10 * second)
    session.looked([])
    session.refused("NoCapacity")
    session.pass(hour)
    session.observed({ name: first.name, createdAt: null, costPerHour: 2 })
    assert.closeTo(session.spent(), 2, 0.01)
  })

  it("that already runs is paid for since its create was sent, as its cloud may only tell when it last started", () => {
    const session = live()
    session.pass(hour)
    session.observed({ computeId: id("duplicate"), createdAt: session.now.wall })
    assert.isAtLeast(session.spent(), 4)
  })

  it("that does not run yet is paid for since it was made", () => {
    const session = live()
    session.pass(hour)
    session.observed({ computeId: id("duplicate"), status: "provisioning", createdAt: session.now.wall })
    assert.closeTo(session.spent(), 2, 0.1)
  })

  it("of an earlier attempt is terminated while the next create is under way", () => {
    const session = start()
    const first = session.attempt()
    session.unanswered()
    session.pass(10 * second)
    session.looked([])
    session.asked()
    session.observed({ name: first.name })
    assert.deepStrictEqual(session.askedFor(), ["Terminate"])
    session.in("Renting")
  })

  it("in the answer to an attempt that is over is terminated", () => {
    const session = start()
    const { id: first, name } = session.attempt()
    session.unanswered()
    session.pass(10 * second)
    session.looked([])
    session.asked()
    session.send({ _tag: "Rented", attempt: first, compute: session.observation({ name }), authHash: null })
    assert.deepStrictEqual(session.askedFor(), ["Terminate"])
  })

  it("that appears after the end is terminated too, and the session stays ended", () => {
    const session = live()
    session.stop()
    session.markTerminated()
    session.asked()
    session.observed({ computeId: id("late") })
    session.in("Ended")
    assert.deepStrictEqual(session.asked(), [{ _tag: "Terminate", provider: acme, computeId: id("late") }])
  })

  it("is not seen in a machine whose create is still on its way", () => {
    const session = start()
    assert.isTrue(session.observed().isSame)
  })

  it("that was verified gone and is in an old listing is terminated again, and not paid for twice", () => {
    const session = live()
    session.pass(hour)
    session.stop()
    session.markTerminated()
    const spent = session.spent()
    session.observed({ createdAt: session.now.wall - hour })
    assert.closeTo(session.spent(), spent, 1e-9)
    assert.strictEqual(session.state.pendingTerminations.length, 1)
  })
})

describe("an ended session", () => {
  it("is stored for a day unless its host sets another retention", () => {
    for (const config of [{}, { retention: 2 * hour }]) {
      const session = live({ config })
      session.stop()
      session.markTerminated()
      session.asked()
      const { at } = session.in("Ended")
      const retention = config.retention ?? 24 * hour
      session.pass(retention - (session.now.wall - at) - 1)
      assert.deepStrictEqual(session.asked(), [])
      session.pass(1)
      assert.deepStrictEqual(session.askedFor(), ["Forget"])
    }
  })

  it("is deleted once, when its retention is over and no termination is pending", () => {
    const session = live()
    session.stop()
    session.markTerminated()
    session.asked()
    session.observed({ computeId: id("late") })
    session.pass(24 * hour)
    assert.notInclude(session.askedFor(), "Forget")
    session.markTerminated("late")
    session.pass(24 * hour)
    assert.deepStrictEqual(session.askedFor().filter((tag) => tag === "Forget"), ["Forget"])
    assert.isNull(Session.nextWake(session.state, session.now, session.config))
  })
})

describe("when the host shuts down", () => {
  it("an interactive session ends", () => {
    const session = live()
    session.send({ _tag: "Closing" })
    assert.strictEqual(session.in("Ending").reason, "node_shutdown")
    assert.deepStrictEqual(session.askedFor(), ["Terminate"])
  })

  it.each(["task", "interactive"] as const)("a persistent %s is left for the next process", (mode) => {
    const session = live({ mode, persist: true })
    assert.isTrue(session.send({ _tag: "Closing" }).isSame)
  })

  it("a persistent task that has reported ends with the outcome of its report", () => {
    const session = task({ persist: true })
    session.report(3)
    session.send({ _tag: "Closing" })
    assert.deepStrictEqual(session.in("Ending").outcome, {
      _tag: "Failed",
      cause: "exit_code",
      exitCode: 3,
      fault: null
    })
  })
})

describe("the end of a session whose create was lost and found", () => {
  /** A session whose machine was found by its name, ended, and verified gone before the second settle window is over. */
  const ended = () => {
    const session = start()
    session.unanswered()
    session.looked([session.observation()])
    session.in("Live")
    session.stop()
    session.terminateAnswered()
    session.pass(6 * second)
    session.confirmed(null)
    return session
  }

  it("takes a look begun after both settle windows, since a second machine may appear until then", () => {
    const session = ended()
    session.in("Ending")
    session.asked()
    session.pass(10 * second)
    assert.deepStrictEqual(session.askedFor(), ["Resolve"])
    session.looked([])
    session.in("Ended")
  })

  it("is not proven by a look that was begun too early, or that is not complete, or that failed", () => {
    const session = ended()
    const attempt = session.attempt().id
    session.pass(10 * second)
    session.send({ _tag: "Looked", attempt, found: [], complete: true, at: session.now.mono - 8 * second })
    session.in("Ending")
    session.pass(minute)
    session.send({ _tag: "Looked", attempt, found: [], complete: false, at: session.now.mono })
    session.in("Ending")
    session.pass(minute)
    session.lookFailed()
    session.in("Ending")
    session.pass(minute)
    session.looked([])
    assert.strictEqual(session.state.phase._tag, "Ended")
  })

  it("waits for the second machine that the look finds", () => {
    const session = ended()
    session.pass(10 * second)
    session.asked()
    session.looked([session.observation({ computeId: id("m2") })])
    session.in("Ending")
    assert.deepStrictEqual(session.asked(), [{ _tag: "Terminate", provider: acme, computeId: id("m2") }])
  })

  it("is looked at again by the process that adopts it", () => {
    const session = ended()
    session.send({ _tag: "Adopted" })
    session.in("Ending")
    session.asked()
    session.pass(10 * second)
    assert.deepStrictEqual(session.askedFor(), ["Resolve"])
  })
})
