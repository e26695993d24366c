/**
 * A session whose row was found changed, as after its database was restored: it stands, and nothing that the row names is lost.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId, ProviderId } from "effect-atlas/domain/Ids"
import * as Session from "../../../src/orchestrator/Session.ts"
import { start } from "./harness.ts"

const other: Session.Attempt = { id: Session.AttemptId.make("bbbbbbbbbbbb"), candidate: 0, name: "other", sentAt: 0 }

const liveSession = () => {
  const session = start()
  session.rented()
  return session
}

/** The row of a session as another one has it, on another machine of another attempt. */
const elsewhere = (state: Session.SessionState): Session.SessionState => ({
  ...state,
  attempts: [...state.attempts, other],
  phase: state.phase._tag === "Live"
    ? { ...state.phase, attempt: other, computeId: ComputeId.make("m9") }
    : state.phase,
  meter: {
    ...state.meter,
    running: [{
      computeId: ComputeId.make("m9"),
      provider: ProviderId.make("acme"),
      usd: 2,
      rate: 1,
      since: state.clock.wall
    }]
  }
})

describe("a session that hears of its row", () => {
  it("stays as it is when the row is one of its own past", () => {
    const session = start()
    const begun = session.state
    session.rented()
    const live = session.state
    session.stop()
    session.markTerminated()
    for (const stored of [begun, live]) {
      const before = session.state
      const { commands, events } = session.send({ _tag: "Reread", stored })
      assert.strictEqual(session.state, before)
      assert.deepStrictEqual([commands, events], [[], []])
    }
  })

  it("ends a machine that only the row names, keeps its own, and counts what both cost", () => {
    const session = liveSession()
    const { commands } = session.send({ _tag: "Reread", stored: elsewhere(session.state) })
    assert.deepStrictEqual(commands.map(({ _tag }) => _tag), ["Terminate"])
    assert.deepStrictEqual(session.state.pendingTerminations.map(({ computeId, why }) => [computeId, why]), [[
      "m9",
      "orphan"
    ]])
    assert.isTrue(session.state.phase._tag === "Live" && session.state.phase.computeId === "m1")
    assert.deepStrictEqual(session.state.meter.running.map(({ computeId, usd }) => [computeId, usd]), [["m1", 0], [
      "m9",
      2
    ]])
  })

  it("takes over an attempt that only the row names, so that no later one has its name, and its newest stays the newest", () => {
    const session = liveSession()
    const own = session.attempt().id
    session.send({ _tag: "Reread", stored: elsewhere(session.state) })
    assert.deepStrictEqual(session.state.attempts.map(({ id }) => id), [other.id, own])
  })

  it("knows a machine only with its provider: an equal id at another cloud is another machine", () => {
    const session = liveSession()
    const { state } = session
    if (state.phase._tag !== "Live") return assert.fail("it does not live")
    const stored = { ...state, phase: { ...state.phase, provider: ProviderId.make("other") } }
    session.send({ _tag: "Reread", stored })
    assert.deepStrictEqual(session.state.pendingTerminations.map(({ provider }) => provider), ["other"])
  })

  it("does not end the machine that its own create may still be answered with", () => {
    const session = start()
    const renting = session.state
    session.rented()
    const live = session.state
    assert.deepStrictEqual(
      Session.decide(renting, { _tag: "Reread", stored: live }, session.now, Session.defaults).commands,
      []
    )
  })

  it("that is over ends it as well", () => {
    const session = liveSession()
    const stored = elsewhere(session.state)
    session.stop()
    session.markTerminated()
    assert.strictEqual(session.state.phase._tag, "Ended")
    session.send({ _tag: "Reread", stored })
    assert.deepStrictEqual(session.state.pendingTerminations.map(({ computeId }) => computeId), ["m9"])
  })
})

it("a session whose row cannot be written is ended for that reason", () => {
  const session = liveSession()
  session.send({ _tag: "StopRequested", by: "store" })
  assert.isTrue(session.state.phase._tag === "Ending" && session.state.phase.reason === "unrecordable")
})
