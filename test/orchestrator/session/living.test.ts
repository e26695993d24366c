/**
 * A machine that lives: what a look says of it, and what counts as its death.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId } from "effect-atlas/domain/Ids"
import * as Session from "../../../src/orchestrator/Session.ts"
import { acme, fault, live, minute, second, start } from "./harness.ts"

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
