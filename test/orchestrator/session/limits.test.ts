/**
 * What ends a session by itself: idleness, its runtime, the time to be ready.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId } from "effect-atlas/domain/Ids"
import * as Session from "../../../src/orchestrator/Session.ts"
import { hour, live, minute, second, start } from "./harness.ts"

const id = ComputeId.make

describe("idleness", () => {
  it("ends an interactive session the moment its time is up, and a touch puts that off", () => {
    const stage = live({ policy: { idleTtl: minute } })
    stage.pass(30 * second)
    stage.touch()
    stage.pass(minute - 1)
    stage.in("Live")
    stage.pass(1)
    assert.strictEqual(stage.in("Ending").reason, "idle_timeout")
    assert.deepStrictEqual(stage.told(), [{ _tag: "Terminating", reason: "idle_timeout", cause: null }])
  })

  it("does not count before anybody could touch the session", () => {
    const stage = start({ policy: { idleTtl: minute } })
    stage.pass(10 * minute)
    stage.rented()
    stage.pass(minute - 1)
    assert.strictEqual(stage.phase._tag, "Live")
  })

  it("is measured on the monotonic clock: a wall clock that jumps neither ends nor saves a session", () => {
    for (const jump of [-24 * 60 * minute, 24 * 60 * minute]) {
      const stage = live({ policy: { idleTtl: minute } })
      stage.pass(second)
      stage.touch()
      stage.now.wall += jump
      stage.pass(minute - 1)
      stage.in("Live")
      stage.pass(1)
      assert.strictEqual(stage.in("Ending").reason, "idle_timeout")
    }
  })

  it("counts while a replacement is rented", () => {
    const stage = live({
      request: { spot: true },
      policy: { idleTtl: minute, onFailure: { _tag: "Respawn", max: 9 } }
    })
    stage.missed()
    stage.confirmed(null)
    stage.pass(2 * minute)
    stage.rented({ computeId: id("m2") })
    assert.strictEqual(stage.in("Ending").reason, "idle_timeout")
  })

  it("is not put off by a replacement", () => {
    const stage = live({
      request: { spot: true },
      policy: { idleTtl: minute, onFailure: { _tag: "Respawn", max: 9 } }
    })
    stage.touch()
    stage.pass(30 * second)
    stage.missed()
    stage.confirmed(null)
    stage.rented({ computeId: id("m2") })
    stage.pass(30 * second - 1)
    stage.in("Live")
    stage.pass(1)
    assert.strictEqual(stage.in("Ending").reason, "idle_timeout")
  })

  it("a touch is stored at most once a minute", () => {
    const stage = live()
    stage.pass(minute)
    assert.isTrue(stage.touch().needsCommit)
    stage.pass(30 * second)
    const again = stage.touch()
    assert.deepStrictEqual([again.isSame, again.needsCommit], [false, false])
    stage.pass(30 * second)
    assert.isTrue(stage.touch().needsCommit)
  })

  it("a heartbeat is told while the session is active, as often as it says", () => {
    const stage = start({ policy: { heartbeat: minute } })
    stage.rented()
    stage.told()
    stage.pass(3 * minute)
    assert.deepStrictEqual(stage.toldOf(), ["Heartbeat", "Heartbeat", "Heartbeat"])
  })
})

describe("an interactive session", () => {
  it("ends when it was never ready in time, and not when it was", () => {
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

  it("has the whole time to be ready from the rent on, and has been ready once it ran", () => {
    const stage = start({ policy: { readyTimeout: minute } })
    stage.pass(10 * minute)
    stage.rented({ status: "provisioning" })
    stage.pass(minute - 1)
    stage.observed({ status: "running" })
    stage.observed({ status: "provisioning" })
    stage.pass(hour)
    assert.strictEqual(stage.phase._tag, "Live")
  })

  it("ends when its runtime is over, however the wall clock jumps back", () => {
    const stage = live({ policy: { maxRuntime: 10 * minute } })
    stage.now.wall -= 24 * 60 * minute
    stage.pass(10 * minute)
    assert.strictEqual(stage.in("Ending").reason, "max_runtime")
  })

  it("ends when its runtime passed while the machine was suspended", () => {
    const stage = live({ policy: { maxRuntime: 10 * minute } })
    stage.now.wall += 10 * minute
    stage.pass(1)
    assert.strictEqual(stage.in("Ending").reason, "max_runtime")
  })

  it("a limit longer than any timer is no matter", () => {
    const stage = live({ policy: { maxRuntime: 2 ** 40 } })
    assert.isAbove(Session.nextWake(stage.state, stage.now, stage.config) ?? 0, 2 ** 39)
  })
})
