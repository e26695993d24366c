/**
 * The limits that end a session: idle time, runtime, the time to be ready.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId } from "effect-atlas/domain/Ids"
import * as Session from "../../../src/orchestrator/Session.ts"
import { hour, live, minute, second, start } from "./harness.ts"

const id = ComputeId.make

describe("idleness", () => {
  it("ends an interactive session when its time is up, and a touch puts that off", () => {
    const session = live({ policy: { idleTtl: minute } })
    session.pass(30 * second)
    session.touch()
    session.pass(minute - 1)
    session.in("Live")
    session.pass(1)
    assert.strictEqual(session.in("Ending").reason, "idle_timeout")
    assert.deepStrictEqual(session.told(), [{ _tag: "Terminating", reason: "idle_timeout", cause: null }])
  })

  it("does not count before the caller has the compute", () => {
    const session = start({ policy: { idleTtl: minute } })
    session.pass(10 * minute)
    session.rented()
    session.pass(minute - 1)
    assert.strictEqual(session.phase._tag, "Live")
  })

  it("is measured on the monotonic clock: a wall clock that jumps neither ends a session nor keeps it alive", () => {
    for (const jump of [-24 * 60 * minute, 24 * 60 * minute]) {
      const session = live({ policy: { idleTtl: minute } })
      session.pass(second)
      session.touch()
      session.now.wall += jump
      session.pass(minute - 1)
      session.in("Live")
      session.pass(1)
      assert.strictEqual(session.in("Ending").reason, "idle_timeout")
    }
  })

  it("counts while a replacement is rented", () => {
    const session = live({
      request: { spot: true },
      policy: { idleTtl: minute, onFailure: { _tag: "Respawn", max: 9 } }
    })
    session.missed()
    session.confirmed(null)
    session.pass(2 * minute)
    session.rented({ computeId: id("m2") })
    assert.strictEqual(session.in("Ending").reason, "idle_timeout")
  })

  it("does not begin anew with a replacement", () => {
    const session = live({
      request: { spot: true },
      policy: { idleTtl: minute, onFailure: { _tag: "Respawn", max: 9 } }
    })
    session.touch()
    session.pass(30 * second)
    session.missed()
    session.confirmed(null)
    session.rented({ computeId: id("m2") })
    session.pass(30 * second - 1)
    session.in("Live")
    session.pass(1)
    assert.strictEqual(session.in("Ending").reason, "idle_timeout")
  })

  it("a touch is stored at most once a minute", () => {
    const session = live()
    session.pass(minute)
    assert.isTrue(session.touch().needsCommit)
    session.pass(30 * second)
    const again = session.touch()
    assert.deepStrictEqual([again.isSame, again.needsCommit], [false, false])
    session.pass(30 * second)
    assert.isTrue(session.touch().needsCommit)
  })

  it("a heartbeat is told while the session is live, as often as the policy says", () => {
    const session = start({ policy: { heartbeat: minute } })
    session.rented()
    session.told()
    session.pass(3 * minute)
    assert.deepStrictEqual(session.toldOf(), ["Heartbeat", "Heartbeat", "Heartbeat"])
  })
})

describe("an interactive session", () => {
  it("ends when it is not ready in time, and not when it was", () => {
    const never = start({ policy: { readyTimeout: minute } })
    never.rented({ status: "provisioning" })
    never.pass(minute)
    assert.strictEqual(never.in("Ending").reason, "never_ready")
    const ready = start({ policy: { readyTimeout: minute } })
    ready.rented({ status: "provisioning" })
    ready.observed({ status: "running" })
    ready.pass(10 * minute)
    ready.in("Live")
  })

  it("has the whole time from when its machine was made, and counts as ready once that ran", () => {
    const session = start({ policy: { readyTimeout: minute } })
    session.pass(10 * minute)
    session.rented({ status: "provisioning" })
    session.pass(minute - 1)
    session.observed({ status: "running" })
    session.observed({ status: "provisioning" })
    session.pass(hour)
    assert.strictEqual(session.phase._tag, "Live")
  })

  it("ends when its runtime is over, however the wall clock jumps back", () => {
    const session = live({ policy: { maxRuntime: 10 * minute } })
    session.now.wall -= 24 * 60 * minute
    session.pass(10 * minute)
    assert.strictEqual(session.in("Ending").reason, "max_runtime")
  })

  it("ends when its runtime passed while the machine was suspended", () => {
    const session = live({ policy: { maxRuntime: 10 * minute } })
    session.now.wall += 10 * minute
    session.pass(1)
    assert.strictEqual(session.in("Ending").reason, "max_runtime")
  })

  it("may have a limit longer than any timer", () => {
    const session = live({ policy: { maxRuntime: 2 ** 40 } })
    assert.isAbove(Session.nextWake(session.state, session.now, session.config) ?? 0, 2 ** 39)
  })
})
