/**
 * Money: what a session costs by the wall clock, the cap that ends it, the bill that corrects it.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId } from "effect-atlas/domain/Ids"
import * as Session from "../../../src/orchestrator/Session.ts"
import { hour, live, minute, second, start, task } from "./harness.ts"

const id = ComputeId.make

describe("the spend", () => {
  it("is the price by the hour from the moment the rent may have been sent", () => {
    const stage = start()
    stage.pass(30 * minute)
    stage.rented({ costPerHour: 2 })
    assert.closeTo(stage.spent(), 1, 1e-9)
    stage.pass(30 * minute)
    assert.closeTo(stage.spent(), 2, 1e-9)
  })

  it("is the sum of its price segments", () => {
    const stage = start()
    stage.rented({ costPerHour: 2 })
    stage.pass(hour)
    assert.isTrue(stage.observed({ costPerHour: 10 }).needsCommit)
    stage.pass(hour)
    stage.observed({ costPerHour: 1 })
    stage.pass(hour)
    assert.closeTo(stage.spent(), 13, 1e-9)
  })

  it.each([null, -1, Number.NaN, Number.POSITIVE_INFINITY])(
    "keeps the last price when a look says %s",
    (costPerHour) => {
      const stage = live()
      assert.isTrue(stage.observed({ costPerHour }).isSame)
    }
  )

  it("counts a price that becomes known late from the beginning", () => {
    const stage = start()
    stage.rented({ costPerHour: null })
    stage.pass(hour)
    assert.strictEqual(stage.spent(), 0)
    stage.observed({ costPerHour: 3 })
    assert.closeTo(stage.spent(), 3, 1e-9)
  })

  it("goes on until the machine's absence is verified, not until its end is accepted", () => {
    const stage = start()
    stage.rented({ costPerHour: 2 })
    stage.pass(hour)
    stage.stop()
    stage.terminateAnswered()
    stage.pass(hour)
    stage.confirmed(null)
    stage.pass(hour)
    assert.closeTo(stage.spent(), 4, 0.01)
  })

  it("of a replacement is added to that of the machine it replaces", () => {
    const stage = start({ request: { spot: true }, policy: { onFailure: { _tag: "Respawn", max: 1 } } })
    stage.rented({ costPerHour: 2 })
    stage.pass(hour)
    stage.missed()
    stage.confirmed(null)
    stage.rented({ computeId: id("m2"), costPerHour: 4 })
    stage.pass(hour)
    assert.closeTo(stage.spent(), 6, 1e-9)
  })

  it("goes on while the machine we run on sleeps, and does not go back with the wall clock", () => {
    const stage = start()
    stage.rented({ costPerHour: 2 })
    stage.now.wall += hour
    assert.closeTo(stage.spent(), 2, 1e-9)
    stage.send({ _tag: "WokeUp" })
    stage.now.wall -= 10 * hour
    assert.closeTo(stage.spent(), 2, 1e-9)
    stage.pass(hour)
    assert.closeTo(stage.spent(), 4, 1e-9)
  })
})

describe("the cap", () => {
  it("ends the session the moment it is reached, and a task says so first", () => {
    const stage = start({ mode: "task", policy: { maxCost: 1 } })
    stage.rented({ costPerHour: 2 })
    stage.told()
    stage.pass(30 * minute - second)
    stage.in("Live")
    stage.pass(second)
    assert.strictEqual(stage.in("Ending").reason, "cost_cap")
    const outcome = { _tag: "Failed", cause: "cost_cap", exitCode: null, fault: null } as const
    assert.deepStrictEqual(stage.told(), [
      { _tag: "Task", outcome },
      { _tag: "Terminating", reason: "cost_cap", cause: null }
    ])
    assert.include(stage.askedFor(), "Terminate")
  })

  it("moves with the price", () => {
    const stage = start({ policy: { maxCost: 1 } })
    stage.rented({ costPerHour: 2 })
    stage.pass(15 * minute)
    stage.observed({ costPerHour: 6 })
    stage.pass(5 * minute - second)
    stage.in("Live")
    stage.pass(second + 1)
    assert.strictEqual(stage.in("Ending").reason, "cost_cap")
  })

  it("that is not to be reached at a price of nothing sets no time, but one that is spent already ends", () => {
    const stage = start({ policy: { maxCost: 1 } })
    stage.rented({ costPerHour: 0 })
    assert.isNull(Session.nextWake(stage.state, stage.now, stage.config))
    stage.observed({ costPerHour: 60 })
    stage.now.wall += 2 * minute
    stage.now.mono += 2 * minute
    stage.observed({ costPerHour: 0 })
    stage.pass(1)
    assert.strictEqual(stage.in("Ending").reason, "cost_cap")
  })

  it("without a price deletes the machine and ends: it fails closed", () => {
    const stage = start({ policy: { maxCost: 1 } })
    stage.asked()
    stage.rented({ costPerHour: null })
    assert.deepStrictEqual(stage.in("Ending").outcome, {
      _tag: "Failed",
      cause: "no_price",
      exitCode: null,
      fault: null
    })
    assert.deepStrictEqual(stage.askedFor(), ["Terminate"])
  })

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])(
    "with a price of %s has none: it fails closed too",
    (costPerHour) => {
      const stage = start({ policy: { maxCost: 1 } })
      stage.rented({ costPerHour })
      assert.strictEqual(stage.in("Ending").reason, "no_price")
    }
  )

  it("of a task that has reported ends it on its report", () => {
    const stage = start({ mode: "task", policy: { maxCost: 1, finishGrace: hour } })
    stage.rented({ costPerHour: 2 })
    stage.report(0)
    stage.pass(30 * minute)
    assert.strictEqual(stage.in("Ending").reason, "cost_cap")
    assert.deepStrictEqual(stage.in("Ending").outcome, { _tag: "Completed", exitCode: 0 })
  })

  it("that is reached lets nothing be rented again", () => {
    const stage = live({ request: { spot: true }, policy: { maxCost: 1, onFailure: { _tag: "Respawn", max: 9 } } })
    stage.now.wall += hour
    stage.missed()
    stage.asked()
    stage.confirmed(null)
    assert.strictEqual(stage.in("Ended").reason, "cost_cap")
    assert.notInclude(stage.askedFor(), "Rent")
  })

  it("counts what an old machine costs while its replacement is waited for", () => {
    const stage = live({ request: { spot: true }, policy: { maxCost: 1, onFailure: { _tag: "Respawn", max: 9 } } })
    stage.observed({ status: "stopped", costPerHour: 3_600 })
    stage.confirmed({ status: "stopped", costPerHour: 3_600 })
    stage.in("Waiting")
    stage.pass(2 * second)
    assert.strictEqual(stage.in("Ending").reason, "cost_cap")
  })
})

describe("a price that becomes known late", () => {
  it("counts from the beginning, also where a lagging bill came before it, and nothing is counted twice", () => {
    const stage = start()
    stage.rented({ costPerHour: null })
    stage.pass(hour)
    stage.billed(0.5)
    assert.closeTo(stage.spent(), 0.5, 1e-9)
    stage.pass(hour)
    stage.observed({ costPerHour: 2 })
    assert.closeTo(stage.spent(), 4, 1e-9)
    stage.pass(hour)
    assert.closeTo(stage.spent(), 6, 1e-9)
  })

  it("never makes a bill smaller that was higher", () => {
    const stage = start()
    stage.rented({ costPerHour: null })
    stage.pass(hour)
    stage.billed(5)
    stage.observed({ costPerHour: 1 })
    assert.closeTo(stage.spent(), 5, 1e-9)
  })
})

describe("the bill", () => {
  const reconciled = { policy: { reconcileSpend: 15 * minute, maxCost: 10 } } as const

  it("is asked for as often as it says, one question at a time", () => {
    const stage = live(reconciled)
    stage.pass(15 * minute)
    assert.deepStrictEqual(stage.askedFor(), ["Reconcile"])
    stage.pass(hour)
    assert.deepStrictEqual(stage.askedFor(), [])
    stage.billed(0)
    stage.pass(15 * minute)
    assert.deepStrictEqual(stage.askedFor(), ["Reconcile"])
  })

  it("above the estimate raises the spend and brings the cap nearer; a lower one changes nothing", () => {
    const stage = live(reconciled)
    stage.pass(hour)
    const estimated = stage.spent()
    stage.billed(estimated + 5)
    assert.closeTo(stage.spent(), estimated + 5, 1e-9)
    const [told] = stage.told()
    assert.deepStrictEqual(told, {
      _tag: "SpendReconciled",
      estimatedUsd: estimated,
      billedUsd: estimated + 5,
      spentUsd: estimated + 5
    })
    assert.isFalse(stage.billed(0.1).needsCommit)
    assert.closeTo(stage.spent(), estimated + 5, 1e-9)
    stage.billed(11)
    stage.pass(1)
    assert.strictEqual(stage.in("Ending").reason, "cost_cap")
  })

  it("that failed is told and asked for again; one that no provider makes is not asked for again, silently", () => {
    const stage = live(reconciled)
    stage.pass(15 * minute)
    stage.asked()
    stage.billFailed("Transport")
    assert.deepStrictEqual(stage.toldOf(), ["SpendReconcileFailed"])
    stage.pass(15 * minute)
    assert.deepStrictEqual(stage.askedFor(), ["Reconcile"])
    stage.billFailed("Unsupported")
    assert.deepStrictEqual(stage.toldOf(), [])
    stage.pass(hour)
    assert.deepStrictEqual(stage.asked(), [])
  })

  it("asked for before a replacement is ignored, and the replacement's is compared with its own spend only", () => {
    const stage = task({
      request: { spot: true },
      policy: { reconcileSpend: 15 * minute, onFailure: { _tag: "Respawn", max: 1 } }
    })
    stage.pass(5 * hour)
    stage.missed()
    stage.confirmed(null)
    stage.rented({ computeId: id("m2"), costPerHour: 2 })
    const spent = stage.spent()
    assert.isTrue(stage.billed(100).isSame)
    stage.billed(1, "m2")
    assert.closeTo(stage.spent(), spent + 1, 1e-9)
  })

  it("is asked for once more when the session ends, and raises what it has cost until its machine is gone", () => {
    const stage = live(reconciled)
    stage.pass(5 * minute)
    stage.asked()
    stage.stop()
    assert.sameMembers([...stage.askedFor()], ["Reconcile", "Terminate"])
    const estimated = stage.spent()
    stage.billed(estimated + 3)
    assert.closeTo(stage.spent(), estimated + 3, 1e-9)
    assert.include(stage.toldOf(), "SpendReconciled")
    stage.markTerminated()
    const spent = stage.spent()
    assert.isAtLeast(spent, estimated + 3)
    // one that comes later still is no concern any more
    assert.isTrue(stage.billed(100).isSame)
    assert.strictEqual(stage.in("Ended").reason, "stopped")
  })

  it("is not asked for at the end where there is none", () => {
    const stage = live(reconciled)
    stage.pass(15 * minute)
    stage.asked()
    stage.billFailed("Unsupported")
    stage.stop()
    assert.deepStrictEqual(stage.askedFor(), ["Terminate"])
  })

  it("of no number raises nothing", () => {
    const stage = live(reconciled)
    const spent = stage.spent()
    for (const usd of [-1, Number.NaN]) stage.billed(usd)
    assert.strictEqual(stage.spent(), spent)
  })
})
