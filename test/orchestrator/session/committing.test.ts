/**
 * What must be written before anything of a decision happens, and what need not be.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId } from "effect-atlas/domain/Ids"
import * as Session from "../../../src/orchestrator/Session.ts"
import { live, minute, start } from "./harness.ts"

const id = ComputeId.make

describe("a row must be written", () => {
  it("for a new phase, pending termination, price, report, refusal, rent or stored touch", () => {
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

  it("not for a question, an answer that changes nothing, a heartbeat or a clock that jumped", () => {
    const stage = live({ policy: { heartbeat: minute } })
    assert.isFalse(stage.missed().needsCommit)
    assert.isFalse(stage.confirmed({ status: "running" }).needsCommit)
    stage.now.mono += minute
    stage.now.wall += minute
    assert.isFalse(stage.send({ _tag: "WokeUp" }).needsCommit)
    stage.now.wall += minute
    const jumped = stage.observed()
    assert.deepStrictEqual([jumped.isSame, jumped.needsCommit], [false, false])
  })

  it("at the beginning, and never for the same state", () => {
    const { state } = live()
    assert.isTrue(Session.needsCommit(null, state))
    assert.isFalse(Session.needsCommit(state, state))
    assert.isFalse(Session.needsCommit(null, null))
  })
})
