/**
 * Which commands a session still wants when their turn comes, and what becomes of a create that was called off.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId } from "effect-atlas/domain/Ids"
import * as Session from "../../../src/orchestrator/Session.ts"
import { acme, fault, minute, other, second, start } from "./harness.ts"

type Under = ReturnType<typeof start>

const wants = (session: Under, command: Session.Command): boolean => Session.isWanted(session.state, command)

const rentOf = (session: Under): Session.Command => ({
  _tag: "Rent",
  attempt: session.attempt(),
  candidate: session.state.spec.candidates[0]
})
const resolveOf = (session: Under): Session.Command => ({
  _tag: "Resolve",
  attempt: session.attempt(),
  provider: acme
})
const about = (_tag: "Confirm" | "Terminate" | "Reconcile", id = "m1", provider = acme): Session.Command => ({
  _tag,
  provider,
  computeId: ComputeId.make(id)
})

describe("a create", () => {
  it("is wanted while exactly its attempt is being rented", () => {
    const session = start()
    const first = rentOf(session)
    assert.isTrue(wants(session, first))
    session.refused("RateLimited")
    assert.isFalse(wants(session, first))
    session.pass(minute)
    assert.deepStrictEqual([wants(session, first), wants(session, rentOf(session))], [false, true])
    session.rented()
    assert.isFalse(wants(session, rentOf(session)))
  })

  it("is not wanted any more when its caller has left, has stopped it, or the host closes", () => {
    const ends = [
      { _tag: "StopRequested", by: "interrupted" },
      { _tag: "StopRequested", by: "caller" },
      { _tag: "Closing" }
    ] as const
    for (const end of ends) {
      const session = start()
      session.send(end)
      assert.isFalse(wants(session, rentOf(session)), end._tag)
    }
  })
})

describe("a look", () => {
  it("is wanted while the machine of its attempt is looked for and the look is under way", () => {
    const session = start()
    assert.isFalse(wants(session, resolveOf(session)))
    session.unanswered()
    assert.isTrue(wants(session, resolveOf(session)))
    const another = { ...session.attempt(), id: Session.AttemptId.make("aaaaaaaaaaaa") }
    assert.isFalse(wants(session, { _tag: "Resolve", attempt: another, provider: acme }))
    session.looked([])
    assert.isFalse(wants(session, resolveOf(session)), "the next look is due later")
    session.pass(second)
    assert.isTrue(wants(session, resolveOf(session)))
    session.looked([session.observation()])
    assert.isFalse(wants(session, resolveOf(session)))
  })

  it("is wanted also by a session that ends, since its machine must be known first", () => {
    const session = start()
    session.unanswered()
    session.stop()
    assert.isTrue(wants(session, resolveOf(session)))
  })
})

describe("a terminate", () => {
  it("is wanted only for a machine whose termination waits for its answer, by provider and id", () => {
    const session = start()
    session.rented()
    assert.isFalse(wants(session, about("Terminate")), "the machine lives")
    session.stop()
    assert.isTrue(wants(session, about("Terminate")))
    assert.isFalse(wants(session, about("Terminate", "m1", other)))
    assert.isFalse(wants(session, about("Terminate", "m2")))
    session.terminateFailed()
    assert.isFalse(wants(session, about("Terminate")), "the next one is due later")
    session.pass(2 * second)
    assert.isTrue(wants(session, about("Terminate")))
    session.terminateAnswered()
    assert.isFalse(wants(session, about("Terminate")))
  })
})

describe("a confirmation", () => {
  it("is wanted for the current machine while its check is under way", () => {
    const session = start()
    session.rented()
    assert.isFalse(wants(session, about("Confirm")))
    session.pass(minute)
    session.missed()
    assert.isTrue(wants(session, about("Confirm")))
    assert.isFalse(wants(session, about("Confirm", "m1", other)))
    session.confirmFailed()
    assert.isFalse(wants(session, about("Confirm")))
  })

  it("is wanted for a machine whose absence is being confirmed", () => {
    const session = start()
    session.rented()
    session.stop()
    assert.isFalse(wants(session, about("Confirm")))
    session.terminateAnswered()
    session.pass(10 * second)
    assert.isTrue(wants(session, about("Confirm")))
    session.confirmed(null)
    assert.isFalse(wants(session, about("Confirm")))
  })
})

describe("a bill", () => {
  it("is wanted for the current machine, and for the last one until it is verified gone", () => {
    const session = start()
    session.rented()
    assert.deepStrictEqual(
      [about("Reconcile"), about("Reconcile", "m2"), about("Reconcile", "m1", other)].map((bill) =>
        wants(session, bill)
      ),
      [true, false, false]
    )
    session.stop()
    assert.isTrue(wants(session, about("Reconcile")))
    session.markTerminated()
    assert.isFalse(wants(session, about("Reconcile")))
  })
})

describe("a create that was called off before it was sent", () => {
  const callOff = (session: Under) =>
    session.send({ _tag: "Refused", attempt: session.attempt().id, fault: fault("Transport"), unsent: true })
  const candidates = [
    { provider: acme, gpu: "h100", regionHints: [] },
    { provider: other, gpu: "h100", regionHints: [] }
  ] as const

  it("ends the session that was stopped: no candidate has refused, and none is tried next", () => {
    const session = start({ candidates })
    session.asked()
    session.stop()
    session.told()
    callOff(session)
    assert.strictEqual(session.in("Ended").reason, "stopped")
    assert.deepStrictEqual(session.state.refusals, [])
    assert.deepStrictEqual(session.asked(), [])
    assert.notInclude(session.toldOf(), "Refused")
  })

  it("ends a session that does not persist, since only a process that closes calls off what nobody has stopped", () => {
    const session = start({ candidates })
    callOff(session)
    assert.strictEqual(session.in("Ended").reason, "node_shutdown")
  })

  it("lets a task that persists wait for the next process, which rents", () => {
    const session = start({ mode: "task", persist: true, candidates })
    const first = session.attempt()
    session.asked()
    assert.isTrue(callOff(session).needsCommit)
    assert.strictEqual(session.in("Waiting").why, "unsent")
    session.pass(24 * 60 * minute)
    assert.deepStrictEqual(session.asked(), [], "this process rents no more")
    session.restart()
    session.pass(second)
    assert.deepStrictEqual(session.askedFor(), ["Rent"])
    assert.notStrictEqual(session.attempt().id, first.id)
    assert.strictEqual(session.attempt().candidate, 0)
  })

  it("is rented for nobody at the next start when its caller is lost", () => {
    const session = start({ persist: true })
    session.asked()
    callOff(session)
    session.restart()
    assert.strictEqual(session.in("Ended").reason, "caller_lost")
    assert.deepStrictEqual(session.asked(), [])
  })
})
