/**
 * After a restart: what was on its way is asked for again, what it cost goes on, and nobody's machine is left alone.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId } from "effect-atlas/domain/Ids"
import * as Session from "../../../src/orchestrator/Session.ts"
import { acme, hour, live, minute, second, start } from "./harness.ts"

const id = ComputeId.make
const kept = { mode: "task", persist: true } as const

describe("a session read at boot", () => {
  it("that nobody asked to keep ends: nobody is left who knows it", () => {
    const stage = live()
    stage.restart()
    assert.strictEqual(stage.in("Ending").reason, "node_restart")
    assert.deepStrictEqual(stage.askedFor(), ["Terminate"])
  })

  it("that ends at once believes that its machine is gone, however long the process before had run", () => {
    const stage = live()
    stage.restart(hour)
    stage.terminateAnswered()
    stage.pass(10 * second)
    stage.confirmed(null)
    assert.strictEqual(stage.in("Ended").reason, "node_restart")
  })

  it("that lives asks for nothing: the first listing tells of it", () => {
    const stage = live(kept)
    stage.restart(hour)
    assert.deepStrictEqual(stage.asked(), [])
    stage.observed()
    stage.in("Live")
  })

  it("whose machine is gone ends, with nothing left to delete", () => {
    const stage = live(kept)
    stage.restart(hour)
    stage.missed()
    assert.deepStrictEqual(stage.asked(), [{ _tag: "Confirm", provider: acme, computeId: id("m1") }])
    stage.confirmed(null)
    assert.deepStrictEqual(stage.in("Ended").outcome, { _tag: "Completed", exitCode: null })
    assert.deepStrictEqual(stage.asked(), [])
  })

  it("whose provider cannot be reached keeps its deadline", () => {
    const stage = live({ ...kept, policy: { maxRuntime: 2 * hour } })
    stage.restart(hour)
    stage.confirmFailed()
    stage.pass(hour)
    assert.strictEqual(stage.in("Ending").reason, "max_runtime")
  })

  it("whose deadline passed meanwhile ends at once", () => {
    const stage = live({ ...kept, policy: { maxRuntime: hour } })
    stage.restart(2 * hour)
    stage.pass(0)
    assert.deepStrictEqual(stage.in("Ending").outcome, { _tag: "TimedOut" })
  })

  it("has paid for the time it was away, at the last price, whatever the wall clock says", () => {
    const stage = start(kept)
    stage.rented({ costPerHour: 2 })
    stage.restart(hour)
    assert.closeTo(stage.spent(), 2, 1e-9)
    stage.now.wall -= 24 * hour
    stage.pass(hour)
    assert.closeTo(stage.spent(), 4, 1e-9)
  })

  it("carries over its report, its respawns and its pending terminations", () => {
    const stage = live({ ...kept, policy: { finishGrace: hour } })
    stage.report(4)
    stage.observed({ computeId: id("duplicate") })
    stage.restart()
    assert.strictEqual(stage.state.report?.exitCode, 4)
    assert.deepStrictEqual(stage.askedFor(), ["Terminate"])
    assert.isTrue(stage.report(5).isSame)
  })

  it("is not held to its ready limit again", () => {
    const stage = start({ ...kept, policy: { readyTimeout: minute } })
    stage.rented({ status: "provisioning" })
    stage.restart()
    stage.pass(hour)
    assert.strictEqual(stage.phase._tag, "Live")
  })

  it("that was used has a minute to be touched, and not a whole idle time", () => {
    const stage = live({ persist: true, policy: { idleTtl: hour } })
    stage.pass(50 * minute)
    stage.restart(20 * minute)
    stage.pass(minute - 1)
    stage.in("Live")
    stage.pass(1)
    assert.strictEqual(stage.in("Ending").reason, "idle_timeout")
    const early = live({ persist: true, policy: { idleTtl: hour } })
    early.restart(20 * minute)
    early.pass(39 * minute)
    early.in("Live")
    early.pass(minute)
    assert.strictEqual(early.in("Ending").reason, "idle_timeout")
  })
})

describe("a rent that a crash cut off", () => {
  it("may have been sent: a task looks for it", () => {
    const stage = start(kept)
    const attempt = stage.attempt()
    stage.restart()
    assert.deepStrictEqual(stage.asked(), [{ _tag: "Resolve", attempt, provider: acme }])
    stage.looked([stage.sighting()])
    assert.strictEqual(stage.in("Live").computeId, "m1")
  })

  it("is looked for the whole settle window, twice, from the restart on", () => {
    const stage = start(kept)
    const first = stage.attempt()
    stage.restart(hour)
    stage.looked([])
    stage.pass(9 * second)
    stage.looked([])
    assert.strictEqual(stage.in("Resolving").attempt.id, first.id)
    stage.pass(second)
    stage.looked([])
    assert.notStrictEqual(stage.in("Renting").attempt.id, first.id)
  })

  it.each([[true, "caller_lost"], [false, "node_restart"]] as const)(
    "for a caller (persist %s) that never got its token ends the machine: %s",
    (persist, reason) => {
      const stage = start({ persist })
      stage.restart()
      stage.asked()
      stage.looked([stage.sighting()])
      assert.strictEqual(stage.in("Ending").reason, reason)
      assert.deepStrictEqual(stage.askedFor(), ["Terminate"])
    }
  )

  it("keeps a stop that was asked for before the crash", () => {
    const stage = start(kept)
    stage.stop()
    stage.restart()
    stage.looked([stage.sighting()])
    assert.strictEqual(stage.in("Ending").reason, "stopped")
  })

  it("that was looked for already is looked for again", () => {
    const stage = start(kept)
    stage.unanswered()
    stage.restart()
    assert.deepStrictEqual(stage.askedFor(), ["Resolve"])
  })
})

describe("an end that a crash cut off", () => {
  it("goes on: every pending termination is due", () => {
    const stage = live()
    stage.stop()
    stage.terminateAnswered()
    stage.restart()
    assert.deepStrictEqual(stage.askedFor(), ["Terminate"])
    stage.markTerminated()
    assert.strictEqual(stage.in("Ended").reason, "stopped")
  })

  it("is done when nothing was left", () => {
    const stage = live()
    stage.stop()
    stage.markTerminated()
    stage.restart(25 * hour)
    stage.in("Ended")
    stage.pass(0)
    assert.deepStrictEqual(stage.askedFor(), ["Forget"])
  })

  it("asks again to be forgotten when that was lost", () => {
    const stage = live()
    stage.stop()
    stage.markTerminated()
    stage.pass(24 * hour)
    stage.asked()
    stage.restart()
    stage.pass(0)
    assert.deepStrictEqual(stage.askedFor(), ["Forget"])
  })
})

describe("a pause that a crash cut off", () => {
  it("is the end of a session that nobody asked to keep: nothing is rented again", () => {
    const stage = live({ request: { spot: true }, policy: { onFailure: { _tag: "Respawn", max: 1 } } })
    stage.observed({ status: "stopped" })
    stage.confirmed({ status: "stopped" })
    stage.restart()
    assert.strictEqual(stage.in("Ending").reason, "node_restart")
    stage.markTerminated()
    assert.notInclude(stage.askedFor(), "Rent")
    stage.in("Ended")
  })

  it("goes on, and a replacement does not come before its time", () => {
    const stage = live({
      ...kept,
      request: { spot: true },
      policy: { onFailure: { _tag: "Respawn", max: 1 } }
    })
    stage.observed({ status: "stopped" })
    stage.confirmed({ status: "stopped" })
    stage.restart()
    assert.strictEqual(stage.in("Waiting").why, "respawn")
    assert.isNotNull(Session.nextWake(stage.state, stage.now, stage.config))
    stage.markTerminated()
    assert.include(stage.askedFor(), "Rent")
  })
})
