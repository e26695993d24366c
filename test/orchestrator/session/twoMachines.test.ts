/**
 * A session with more than one machine at a time: a duplicate, one of an earlier attempt, and one of another provider that has
 * the same id. All of them cost money until they are verified gone.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId, type ProviderId } from "effect-atlas/domain/Ids"
import * as Session from "../../../src/orchestrator/Session.ts"
import { acme, fault, hour, minute, other, second, start } from "./harness.ts"

const id = ComputeId.make

/** The machine is asked about with this answer. */
const confirmedAt = (
  session: ReturnType<typeof start>,
  provider: ProviderId,
  compute: Session.Observation.Observation | null
) => session.send({ _tag: "Confirmed", provider, computeId: id("m1"), compute })

/** A live session with a duplicate of its own name, made with it and seen half an hour later. */
const withDuplicate = (policy: Partial<Session.Policy.Policy> = {}) => {
  const session = start({ policy })
  session.rented({ costPerHour: 2 })
  session.pass(30 * minute)
  session.observed({ computeId: id("m2"), costPerHour: 4 })
  return session
}

describe("a machine and its duplicate", () => {
  it("cost what both cost, each since its create, until the duplicate is verified gone", () => {
    const session = withDuplicate()
    assert.deepInclude(session.asked(), { _tag: "Terminate", provider: acme, computeId: id("m2") })
    assert.closeTo(session.spent(), 3, 1e-9)
    session.pass(30 * minute)
    assert.closeTo(session.spent(), 6, 1e-9)
    session.terminateAnswered("m2")
    session.confirmed(null, "m2")
    session.pass(hour)
    assert.closeTo(session.spent(), 8, 1e-9)
  })

  it("reach the cap together, and the session is woken for it in time", () => {
    const session = withDuplicate({ maxCost: 6 })
    const wake = Session.nextWake(session.state, session.now, session.config) ?? Number.POSITIVE_INFINITY
    assert.closeTo(wake - session.now.mono, 30 * minute, 1)
    session.pass(30 * minute - second)
    session.in("Live")
    session.pass(2 * second)
    assert.strictEqual(session.in("Ending").reason, "cost_cap")
  })
})

it("the costs of all machines that are gone are added up", () => {
  const session = start({ request: { spot: true }, policy: { onFailure: { _tag: "Respawn", max: 2 } } })
  for (const [index, costPerHour] of [2, 4, 8].entries()) {
    const computeId = id(`m${index + 1}`)
    session.rented({ computeId, costPerHour })
    session.pass(hour)
    session.missed(computeId)
    session.confirmed(null, computeId)
  }
  assert.closeTo(session.spent(), 14, 1e-6)
})

describe("machines of two providers with the same id", () => {
  /** A create at the first provider is given up; the second provider's machine has the id that the first one's has later. */
  const atBoth = () => {
    const session = start({
      candidates: [
        { provider: acme, gpu: "h100", regionHints: [] },
        { provider: other, gpu: "h100", regionHints: [] }
      ]
    })
    const { name } = session.attempt()
    session.send({ _tag: "Refused", attempt: session.attempt().id, fault: fault("NoCapacity") })
    session.rented({ provider: other, costPerHour: 2 })
    session.pass(hour)
    session.asked()
    session.observed({ name, costPerHour: 4 })
    return session
  }

  it("are two machines: the one under the name of an earlier attempt is ended at its own provider", () => {
    const session = atBoth()
    assert.deepStrictEqual(session.asked(), [{ _tag: "Terminate", provider: acme, computeId: id("m1") }])
    assert.strictEqual(session.in("Live").provider, other)
    assert.closeTo(session.spent(), 6, 1e-9)
  })

  it("are counted and verified apart: that one is gone says nothing of the other", () => {
    const session = atBoth()
    session.terminateAnswered()
    session.pass(10 * second)
    confirmedAt(session, acme, null)
    assert.deepStrictEqual(session.state.pendingTerminations, [])
    assert.strictEqual(session.in("Live").computeId, id("m1"))
    const before = session.spent()
    session.pass(hour)
    assert.closeTo(session.spent() - before, 2, 1e-6)
    session.stop()
    assert.deepInclude(session.asked(), { _tag: "Terminate", provider: other, computeId: id("m1") })
  })
})
