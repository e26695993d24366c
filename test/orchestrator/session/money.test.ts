/**
 * Money: what a session costs by the wall clock, the cap that ends it, the bill that corrects it.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId } from "effect-atlas/domain/Ids"
import { Usd } from "effect-atlas/domain/Money"
import * as Session from "../../../src/orchestrator/Session.ts"
import { hour, live, minute, second, start, task } from "./harness.ts"

const id = ComputeId.make

describe("the spend", () => {
  it("is the hourly price since the create may have been sent", () => {
    const session = start()
    session.pass(30 * minute)
    session.rented({ costPerHour: 2 })
    assert.closeTo(session.spent(), 1, 1e-9)
    session.pass(30 * minute)
    assert.closeTo(session.spent(), 2, 1e-9)
  })

  it("is the sum of its price segments", () => {
    const session = start()
    session.rented({ costPerHour: 2 })
    session.pass(hour)
    assert.isTrue(session.observed({ costPerHour: 10 }).needsCommit)
    session.pass(hour)
    session.observed({ costPerHour: 1 })
    session.pass(hour)
    assert.closeTo(session.spent(), 13, 1e-9)
  })

  it.each([null, -1, Number.NaN, Number.POSITIVE_INFINITY])(
    "keeps the last price when an observation says %s",
    (costPerHour) => {
      const session = live()
      assert.isTrue(session.observed({ costPerHour }).isSame)
    }
  )

  it("counts a price that becomes known late from the beginning", () => {
    const session = start()
    session.rented({ costPerHour: null })
    session.pass(hour)
    assert.strictEqual(session.spent(), 0)
    session.observed({ costPerHour: 3 })
    assert.closeTo(session.spent(), 3, 1e-9)
  })

  it("goes on until the absence of the machine is verified, not only until its terminate is accepted", () => {
    const session = start()
    session.rented({ costPerHour: 2 })
    session.pass(hour)
    session.stop()
    session.terminateAnswered()
    session.pass(hour)
    session.confirmed(null)
    session.pass(hour)
    assert.closeTo(session.spent(), 4, 0.01)
  })

  it("of a replacement is added to that of the machine it replaces", () => {
    const session = start({ request: { spot: true }, policy: { onFailure: { _tag: "Respawn", max: 1 } } })
    session.rented({ costPerHour: 2 })
    session.pass(hour)
    session.missed()
    session.confirmed(null)
    session.rented({ computeId: id("m2"), costPerHour: 4 })
    session.pass(hour)
    assert.closeTo(session.spent(), 6, 1e-9)
  })

  it("goes on while our own computer is suspended, and does not go back with the wall clock", () => {
    const session = start()
    session.rented({ costPerHour: 2 })
    session.now.wall += hour
    assert.closeTo(session.spent(), 2, 1e-9)
    session.send({ _tag: "WokeUp" })
    session.now.wall -= 10 * hour
    assert.closeTo(session.spent(), 2, 1e-9)
    session.pass(hour)
    assert.closeTo(session.spent(), 4, 1e-9)
  })
})

describe("the cap", () => {
  it("ends the session when it is reached, and a task tells its outcome first", () => {
    const session = start({ mode: "task", policy: { maxCost: 1 } })
    session.rented({ costPerHour: 2 })
    session.told()
    session.pass(30 * minute - second)
    session.in("Live")
    session.pass(second)
    assert.strictEqual(session.in("Ending").reason, "cost_cap")
    const outcome = { _tag: "Failed", cause: "cost_cap", exitCode: null, fault: null } as const
    assert.deepStrictEqual(session.told(), [
      { _tag: "Task", outcome },
      { _tag: "Terminating", reason: "cost_cap", cause: null }
    ])
    assert.include(session.askedFor(), "Terminate")
  })

  it("moves with the price", () => {
    const session = start({ policy: { maxCost: 1 } })
    session.rented({ costPerHour: 2 })
    session.pass(15 * minute)
    session.observed({ costPerHour: 6 })
    session.pass(5 * minute - second)
    session.in("Live")
    session.pass(second + 1)
    assert.strictEqual(session.in("Ending").reason, "cost_cap")
  })

  it("that is never reached at a price of 0 sets no wake time, but one that is spent already ends the session", () => {
    const session = start({ policy: { maxCost: 1 } })
    session.rented({ costPerHour: 0 })
    assert.isNull(Session.nextWake(session.state, session.now, session.config))
    session.observed({ costPerHour: 60 })
    session.now.wall += 2 * minute
    session.now.mono += 2 * minute
    session.observed({ costPerHour: 0 })
    session.pass(1)
    assert.strictEqual(session.in("Ending").reason, "cost_cap")
  })

  it("ends the session and its machine when that has no price: it fails closed", () => {
    const session = start({ policy: { maxCost: 1 } })
    session.asked()
    session.rented({ costPerHour: null })
    assert.deepStrictEqual(session.in("Ending").outcome, {
      _tag: "Failed",
      cause: "no_price",
      exitCode: null,
      fault: null
    })
    assert.deepStrictEqual(session.askedFor(), ["Terminate"])
  })

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])(
    "treats a price of %s as none: it fails closed too",
    (costPerHour) => {
      const session = start({ policy: { maxCost: 1 } })
      session.rented({ costPerHour })
      assert.strictEqual(session.in("Ending").reason, "no_price")
    }
  )

  it("ends a task that has reported with the outcome of its report", () => {
    const session = start({ mode: "task", policy: { maxCost: 1, finishGrace: hour } })
    session.rented({ costPerHour: 2 })
    session.report(0)
    session.pass(30 * minute)
    assert.strictEqual(session.in("Ending").reason, "cost_cap")
    assert.deepStrictEqual(session.in("Ending").outcome, { _tag: "Completed", exitCode: 0 })
  })

  it("that is reached prevents another create", () => {
    const session = live({ request: { spot: true }, policy: { maxCost: 1, onFailure: { _tag: "Respawn", max: 9 } } })
    session.now.wall += hour
    session.missed()
    session.asked()
    session.confirmed(null)
    assert.strictEqual(session.in("Ended").reason, "cost_cap")
    assert.notInclude(session.askedFor(), "Rent")
  })

  it("counts the cost of an old machine while its replacement waits", () => {
    const session = live({ request: { spot: true }, policy: { maxCost: 1, onFailure: { _tag: "Respawn", max: 9 } } })
    session.observed({ status: "stopped", costPerHour: 3_600 })
    session.confirmed({ status: "stopped", costPerHour: 3_600 })
    session.in("Waiting")
    session.pass(2 * second)
    assert.strictEqual(session.in("Ending").reason, "cost_cap")
  })
})

describe("a price that becomes known late", () => {
  it("counts from the beginning, also where a lagging bill came before it, and nothing is counted twice", () => {
    const session = start()
    session.rented({ costPerHour: null })
    session.pass(hour)
    session.billed(0.5)
    assert.closeTo(session.spent(), 0.5, 1e-9)
    session.pass(hour)
    session.observed({ costPerHour: 2 })
    assert.closeTo(session.spent(), 4, 1e-9)
    session.pass(hour)
    assert.closeTo(session.spent(), 6, 1e-9)
  })

  it("never lowers a spend that a bill has raised", () => {
    const session = start()
    session.rented({ costPerHour: null })
    session.pass(hour)
    session.billed(5)
    session.observed({ costPerHour: 1 })
    assert.closeTo(session.spent(), 5, 1e-9)
  })
})

describe("the bill", () => {
  const reconciled = { policy: { reconcileSpend: 15 * minute, maxCost: 10 } } as const

  it("is asked for as often as the policy says, one request at a time", () => {
    const session = live(reconciled)
    session.pass(15 * minute)
    assert.deepStrictEqual(session.askedFor(), ["Reconcile"])
    session.pass(hour)
    assert.deepStrictEqual(session.askedFor(), [])
    session.billed(0)
    session.pass(15 * minute)
    assert.deepStrictEqual(session.askedFor(), ["Reconcile"])
  })

  it("above the estimate raises the spend and brings the cap nearer; a lower one changes nothing", () => {
    const session = live(reconciled)
    session.pass(hour)
    const estimated = session.spent()
    session.billed(estimated + 5)
    assert.closeTo(session.spent(), estimated + 5, 1e-9)
    const [told] = session.told()
    assert.deepStrictEqual(told, {
      _tag: "SpendReconciled",
      estimatedUsd: Usd.make(estimated),
      billedUsd: Usd.make(estimated + 5),
      spentUsd: Usd.make(estimated + 5)
    })
    assert.isFalse(session.billed(0.1).needsCommit)
    assert.closeTo(session.spent(), estimated + 5, 1e-9)
    session.billed(11)
    session.pass(1)
    assert.strictEqual(session.in("Ending").reason, "cost_cap")
  })

  it("that failed is told and asked for again; one that the provider does not support is not asked for again, and not told", () => {
    const session = live(reconciled)
    session.pass(15 * minute)
    session.asked()
    session.billFailed("Transport")
    assert.deepStrictEqual(session.toldOf(), ["SpendReconcileFailed"])
    session.pass(15 * minute)
    assert.deepStrictEqual(session.askedFor(), ["Reconcile"])
    session.billFailed("Unsupported")
    assert.deepStrictEqual(session.toldOf(), [])
    session.pass(hour)
    assert.deepStrictEqual(session.asked(), [])
  })

  it("asked for before a replacement is ignored, and the replacement's is compared with its own spend only", () => {
    const session = task({
      request: { spot: true },
      policy: { reconcileSpend: 15 * minute, onFailure: { _tag: "Respawn", max: 1 } }
    })
    session.pass(5 * hour)
    session.missed()
    session.confirmed(null)
    session.rented({ computeId: id("m2"), costPerHour: 2 })
    const spent = session.spent()
    assert.isTrue(session.billed(100).isSame)
    session.billed(1, "m2")
    assert.closeTo(session.spent(), spent + 1, 1e-9)
  })

  it("is asked for once more when the session ends, and raises its cost until its machine is gone", () => {
    const session = live(reconciled)
    session.pass(5 * minute)
    session.asked()
    session.stop()
    assert.sameMembers([...session.askedFor()], ["Reconcile", "Terminate"])
    const estimated = session.spent()
    session.billed(estimated + 3)
    assert.closeTo(session.spent(), estimated + 3, 1e-9)
    assert.include(session.toldOf(), "SpendReconciled")
    session.markTerminated()
    const spent = session.spent()
    assert.isAtLeast(spent, estimated + 3)
    // a bill after the end is ignored
    assert.isTrue(session.billed(100).isSame)
    assert.strictEqual(session.in("Ended").reason, "stopped")
  })

  it("is not asked for at the end when the provider does not support it", () => {
    const session = live(reconciled)
    session.pass(15 * minute)
    session.asked()
    session.billFailed("Unsupported")
    session.stop()
    assert.deepStrictEqual(session.askedFor(), ["Terminate"])
  })

  it("that is no number raises nothing", () => {
    const session = live(reconciled)
    const spent = session.spent()
    for (const usd of [-1, Number.NaN]) session.billed(usd)
    assert.strictEqual(session.spent(), spent)
  })
})
