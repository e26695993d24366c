/**
 * Which changes must be committed before the events and commands of a decision, and which need not be.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId } from "effect-atlas/domain/Ids"
import * as Session from "../../../src/orchestrator/Session.ts"
import { live, minute, start } from "./harness.ts"

const id = ComputeId.make

describe("a row must be written", () => {
  it("for a new phase, pending termination, price, report, refusal, attempt or stored touch", () => {
    assert.isTrue(live().stop().needsCommit)
    assert.isTrue(live().observed({ computeId: id("duplicate") }).needsCommit)
    assert.isTrue(live().observed({ costPerHour: 3 }).needsCommit)
    assert.isTrue(live().report(0).needsCommit)
    assert.isTrue(start().refused("RateLimited").needsCommit)
    assert.isTrue(start().unanswered().needsCommit)
    const stopped = live()
    stopped.stop()
    assert.isTrue(stopped.terminateAnswered().needsCommit)
  })

  it("not for a request, an answer that changes nothing, a heartbeat or a clock that jumped", () => {
    const session = live({ policy: { heartbeat: minute } })
    assert.isFalse(session.missed().needsCommit)
    assert.isFalse(session.confirmed({ status: "running" }).needsCommit)
    session.now.mono += minute
    session.now.wall += minute
    assert.isFalse(session.send({ _tag: "WokeUp" }).needsCommit)
    session.now.wall += minute
    const jumped = session.observed()
    assert.deepStrictEqual([jumped.isSame, jumped.needsCommit], [false, false])
  })

  it("at the beginning, and never for the same state", () => {
    const { state } = live()
    assert.isTrue(Session.needsCommit(null, state))
    assert.isFalse(Session.needsCommit(state, state))
    assert.isFalse(Session.needsCommit(null, null))
  })
})
