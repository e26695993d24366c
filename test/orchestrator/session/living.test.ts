/**
 * A live machine: what observations of it change, and what counts as its death.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId } from "effect-atlas/domain/Ids"
import * as Session from "../../../src/orchestrator/Session.ts"
import { acme, fault, live, minute, second, start } from "./harness.ts"

const id = ComputeId.make

describe("an observation of the machine", () => {
  it("that says nothing new gives the same state back, and nothing to commit", () => {
    const session = live()
    const { commands, events, isSame, needsCommit } = session.observed()
    assert.deepStrictEqual([isSame, needsCommit, commands, events], [true, false, [], []])
  })

  it("that shows another status tells it, once", () => {
    const session = start()
    session.rented({ status: "provisioning" })
    session.told()
    assert.isTrue(session.observed({ status: "running" }).needsCommit)
    assert.deepStrictEqual(session.told(), [{ _tag: "Status", computeId: id("m1"), status: "running" }])
    assert.isTrue(session.observed({ status: "running" }).isSame)
    assert.isTrue(session.in("Live").ready)
  })

  it.each(["stopped", "terminated"] as const)("that says %s is confirmed by a get first", (status) => {
    const session = live()
    session.observed({ status })
    assert.deepStrictEqual(session.asked(), [{ _tag: "Confirm", provider: acme, computeId: id("m1") }])
    session.observed({ status })
    assert.deepStrictEqual(session.asked(), [], "one request at a time")
    session.confirmed({ status: "running" })
    session.in("Live")
    assert.isTrue(session.observed().isSame)
  })

  it("that says failed needs no confirmation, and the machine is terminated", () => {
    const session = live()
    session.observed({ status: "failed" })
    assert.deepStrictEqual(session.askedFor(), ["Terminate"])
    assert.deepStrictEqual(session.in("Ending").outcome, {
      _tag: "Failed",
      cause: "failed",
      exitCode: null,
      fault: null
    })
    assert.deepStrictEqual(session.told().slice(0, 2), [
      { _tag: "Status", computeId: id("m1"), status: "failed" },
      { _tag: "Terminating", reason: "died", cause: "failed" }
    ])
  })

  it("that is missing from a complete listing leads to a get, but not within the settle window", () => {
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
    assert.deepStrictEqual(young.asked(), [], "nothing is left to terminate")
  })

  it("that is NotFound within the settle window is repeated after it", () => {
    const session = start()
    session.rented()
    session.observed({ status: "stopped" })
    session.asked()
    session.confirmed(null)
    session.in("Live")
    session.pass(5 * second)
    assert.deepStrictEqual(session.askedFor(), ["Confirm"])
    session.confirmed(null)
    session.in("Ended")
  })

  it("that is NotFound, asked within the settle window, proves nothing however late the answer comes", () => {
    const session = start()
    session.rented()
    session.observed({ status: "stopped" })
    session.asked()
    session.pass(6 * second)
    // asked when the machine was new: the monotonic clock of the harness begins there
    session.send({ _tag: "Confirmed", provider: acme, computeId: id("m1"), compute: null, at: 1_000_000 })
    assert.strictEqual(session.in("Live")._tag, "Live")
  })

  it.each(["Unauthorized", "ProviderFault", "Transport", "RateLimited", "Unknown"] as const)(
    "that fails as %s is never a death: it is told, and repeated with growing pauses",
    (reason) => {
      const session = live()
      session.missed()
      const pauses: Array<number> = []
      for (let times = 0; times < 8; times++) {
        session.asked()
        session.confirmFailed(reason)
        const wake = Session.nextWake(session.state, session.now, session.config) ?? Number.NaN
        pauses.push(wake - session.now.mono)
        session.pass(wake - session.now.mono)
        assert.deepStrictEqual(session.askedFor(), ["Confirm"])
      }
      session.in("Live")
      assert.isAbove(pauses.at(-1) ?? 0, 10 * (pauses[0] ?? 0))
      assert.deepStrictEqual(session.told()[0], { _tag: "PollFailed", computeId: id("m1"), fault: fault(reason) })
    }
  )

  it("that is missing again does not shorten the pause after a get that failed", () => {
    const session = live()
    session.missed()
    session.confirmFailed()
    session.asked()
    assert.isTrue(session.missed().isSame)
    assert.deepStrictEqual(session.asked(), [])
  })

  it("that shows the machine again cancels the get", () => {
    const session = live()
    session.missed()
    session.confirmFailed()
    session.observed()
    session.asked()
    session.pass(10 * minute)
    assert.deepStrictEqual(session.asked(), [])
  })

  it("of a machine that is not ours changes nothing", () => {
    const session = live()
    assert.isTrue(session.observed({ computeId: id("foreign"), name: "my-database" }).isSame)
    assert.isTrue(session.observed({ computeId: id("foreign"), name: null }).isSame)
    assert.isTrue(session.observed({ computeId: id("foreign"), name: "atlas-team2-alice-aaaaaaaaaaaa" }).isSame)
    assert.isTrue(session.missed("foreign").isSame)
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
    const session = live({ request: { spot } })
    session.missed()
    session.confirmed(status === null ? null : { status })
    assert.deepInclude(session.told(), { _tag: "Terminating", reason: "died", cause })
  })

  it.each([["stopped", "Terminate"], ["terminated", undefined]] as const)(
    "and is terminated only if it still exists: %s",
    (status, asked) => {
      const session = live()
      session.observed({ status })
      session.asked()
      session.confirmed({ status })
      assert.strictEqual(session.askedFor()[0], asked)
    }
  )
})
