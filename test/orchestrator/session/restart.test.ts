/**
 * After a restart: requests that were on their way are sent again, the cost goes on, and no machine is left unwatched.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId } from "effect-atlas/domain/Ids"
import * as Session from "../../../src/orchestrator/Session.ts"
import { acme, hour, live, minute, second, start } from "./harness.ts"

const id = ComputeId.make
const persistent = { mode: "task", persist: true } as const

describe("an adopted session", () => {
  it("that does not persist ends: its caller ended with its process", () => {
    const session = live()
    session.restart()
    assert.strictEqual(session.in("Ending").reason, "node_restart")
    assert.deepStrictEqual(session.askedFor(), ["Terminate"])
  })

  it("that ends at once can verify that its machine is gone, however long the earlier process had run", () => {
    const session = live()
    session.restart(hour)
    session.terminateAnswered()
    session.pass(10 * second)
    session.confirmed(null)
    assert.strictEqual(session.in("Ended").reason, "node_restart")
  })

  it("that is live sends no request of its own: the first listing reports its machine", () => {
    const session = live(persistent)
    session.restart(hour)
    assert.deepStrictEqual(session.asked(), [])
    session.observed()
    session.in("Live")
  })

  it.each(
    [
      [
        "Live",
        () => live({ ...persistent, policy: { maxRuntime: 3 * hour, heartbeat: minute, reconcileSpend: hour } })
      ],
      ["Live", () => {
        const session = live({ persist: true, policy: { idleTtl: hour, readyTimeout: hour } })
        session.touch()
        return session
      }],
      ["Waiting", () => {
        const session = start(persistent)
        session.refused("RateLimited")
        return session
      }],
      ["Ended", () => {
        const session = live(persistent)
        session.stop()
        session.markTerminated()
        return session
      }]
    ] as const
  )("that just goes on (%s) is not written again: its old row is as good for the next process", (phase, make) => {
    const session = make()
    const row = session.in(phase) === session.phase ? session.state : null
    const { needsCommit, state } = session.restart(10 * minute)
    assert.isFalse(needsCommit)
    const third = { wall: session.now.wall + 10 * minute, mono: 77 }
    assert.deepStrictEqual(
      Session.decide(row, { _tag: "Adopted" }, third, session.config),
      Session.decide(state, { _tag: "Adopted" }, third, session.config)
    )
  })

  it("is written when something changes that the next adoption would not set anew", () => {
    assert.isTrue(live().restart(hour).needsCommit)
    assert.isTrue(start(persistent).restart().needsCommit)
    const ending = live(persistent)
    ending.stop()
    assert.isTrue(ending.restart().needsCommit)
  })

  it("whose machine is gone ends, with nothing left to delete", () => {
    const session = live(persistent)
    session.restart(hour)
    session.missed()
    assert.deepStrictEqual(session.asked(), [{ _tag: "Confirm", provider: acme, computeId: id("m1") }])
    session.confirmed(null)
    assert.deepStrictEqual(session.in("Ended").outcome, { _tag: "Failed", cause: "lost", exitCode: null, fault: null })
    assert.deepStrictEqual(session.asked(), [])
  })

  it("whose provider cannot be reached keeps its deadline", () => {
    const session = live({ ...persistent, policy: { maxRuntime: 2 * hour } })
    session.restart(hour)
    session.confirmFailed()
    session.pass(hour)
    assert.strictEqual(session.in("Ending").reason, "max_runtime")
  })

  it("that is young is not gone because a look does not find it yet: the settle window is measured again", () => {
    const session = start(persistent)
    session.rented()
    session.pass(second)
    session.restart(second)
    session.missed()
    assert.deepStrictEqual(session.asked(), [])
    session.confirmed(null)
    session.in("Live")
  })

  it("costs no less and ends no later when the clock was set back meanwhile", () => {
    const session = live({ ...persistent, policy: { maxRuntime: 2 * hour } })
    session.pass(hour)
    // what the row tells of the time is as old as its last change
    session.observed({ costPerHour: 3 })
    const spent = session.spent()
    session.restart(-10 * hour)
    assert.isAtLeast(session.spent(), spent - 1e-9)
    session.pass(hour)
    assert.strictEqual(session.in("Ending").reason, "max_runtime")
  })

  it("whose create was under way when its process closed is still looked for by the next one", () => {
    const session = start(persistent)
    session.send({ _tag: "Closing" })
    assert.isNull(session.in("Renting").stopping)
    session.rented()
    session.in("Live")
  })

  it("whose deadline passed meanwhile ends at once", () => {
    const session = live({ ...persistent, policy: { maxRuntime: hour } })
    session.restart(2 * hour)
    session.pass(0)
    assert.deepStrictEqual(session.in("Ending").outcome, { _tag: "TimedOut" })
  })

  it("counts the time it was away at the last price, even if the wall clock is set back later", () => {
    const session = start(persistent)
    session.rented({ costPerHour: 2 })
    session.restart(hour)
    assert.closeTo(session.spent(), 2, 1e-9)
    session.now.wall -= 24 * hour
    session.pass(hour)
    assert.closeTo(session.spent(), 4, 1e-9)
  })

  it("carries over its report, its respawns and its pending terminations", () => {
    const session = live({ ...persistent, policy: { finishGrace: hour } })
    session.report(4)
    session.observed({ computeId: id("duplicate") })
    session.restart()
    assert.strictEqual(session.state.report?.exitCode, 4)
    assert.deepStrictEqual(session.askedFor(), ["Terminate"])
    assert.isTrue(session.report(5).isSame)
  })

  it("has no ready limit any more", () => {
    const session = start({ ...persistent, policy: { readyTimeout: minute } })
    session.rented({ status: "provisioning" })
    session.restart()
    session.pass(hour)
    assert.strictEqual(session.phase._tag, "Live")
  })

  it("that was in use has at least a minute to be touched, and not the whole idle time again", () => {
    const session = live({ persist: true, policy: { idleTtl: hour } })
    session.pass(50 * minute)
    session.restart(20 * minute)
    session.pass(minute - 1)
    session.in("Live")
    session.pass(1)
    assert.strictEqual(session.in("Ending").reason, "idle_timeout")
    const early = live({ persist: true, policy: { idleTtl: hour } })
    early.restart(20 * minute)
    early.pass(39 * minute)
    early.in("Live")
    early.pass(minute)
    assert.strictEqual(early.in("Ending").reason, "idle_timeout")
  })
})

describe("a create that a crash cut off", () => {
  it("may have been sent: a task looks for its machine", () => {
    const session = start(persistent)
    const attempt = session.attempt()
    session.restart()
    assert.deepStrictEqual(session.asked(), [{ _tag: "Resolve", attempt, provider: acme }])
    session.looked([session.observation()])
    assert.strictEqual(session.in("Live").computeId, "m1")
  })

  it("is looked for during two settle windows from the restart on", () => {
    const session = start(persistent)
    const first = session.attempt()
    session.restart(hour)
    session.looked([])
    session.pass(9 * second)
    session.looked([])
    assert.strictEqual(session.in("Resolving").attempt.id, first.id)
    session.pass(second)
    session.looked([])
    assert.notStrictEqual(session.in("Renting").attempt.id, first.id)
  })

  it("that was on its way when the process ended may still be carried out within its minute, and is looked for after that", () => {
    const session = start(persistent)
    const first = session.attempt()
    session.restart(40 * second)
    session.pass(25 * second)
    session.looked([])
    assert.strictEqual(session.in("Resolving").attempt.id, first.id)
    session.pass(5 * second)
    session.looked([])
    assert.notStrictEqual(session.in("Renting").attempt.id, first.id)
  })

  it.each([[true, "caller_lost"], [false, "node_restart"]] as const)(
    "of a caller that never got its token (persist %s) ends with its machine terminated: %s",
    (persist, reason) => {
      const session = start({ persist })
      session.restart()
      session.asked()
      session.looked([session.observation()])
      assert.strictEqual(session.in("Ending").reason, reason)
      assert.deepStrictEqual(session.askedFor(), ["Terminate"])
    }
  )

  it("keeps a stop that was asked for before the crash", () => {
    const session = start(persistent)
    session.stop()
    session.restart()
    session.looked([session.observation()])
    assert.strictEqual(session.in("Ending").reason, "stopped")
  })

  it("that was looked for already is looked for again", () => {
    const session = start(persistent)
    session.unanswered()
    session.restart()
    assert.deepStrictEqual(session.askedFor(), ["Resolve"])
  })
})

describe("an end that a crash cut off", () => {
  it("goes on: every pending termination is due", () => {
    const session = live()
    session.stop()
    session.terminateAnswered()
    session.restart()
    assert.deepStrictEqual(session.askedFor(), ["Terminate"])
    session.markTerminated()
    assert.strictEqual(session.in("Ended").reason, "stopped")
  })

  it("is over when nothing was left to terminate", () => {
    const session = live()
    session.stop()
    session.markTerminated()
    session.restart(25 * hour)
    session.in("Ended")
    session.pass(0)
    assert.deepStrictEqual(session.askedFor(), ["Forget"])
  })

  it("asks for the deletion of its row again when that was lost", () => {
    const session = live()
    session.stop()
    session.markTerminated()
    session.pass(24 * hour)
    session.asked()
    session.restart()
    session.pass(0)
    assert.deepStrictEqual(session.askedFor(), ["Forget"])
  })
})

describe("a pause that a crash cut off", () => {
  it("ends a session that does not persist: nothing is rented again", () => {
    const session = live({ request: { spot: true }, policy: { onFailure: { _tag: "Respawn", max: 1 } } })
    session.observed({ status: "stopped" })
    session.confirmed({ status: "stopped" })
    session.restart()
    assert.strictEqual(session.in("Ending").reason, "node_restart")
    session.markTerminated()
    assert.notInclude(session.askedFor(), "Rent")
    session.in("Ended")
  })

  it("goes on, and no replacement is rented before it is over", () => {
    const session = live({
      ...persistent,
      request: { spot: true },
      policy: { onFailure: { _tag: "Respawn", max: 1 } }
    })
    session.observed({ status: "stopped" })
    session.confirmed({ status: "stopped" })
    session.restart()
    assert.strictEqual(session.in("Waiting").why, "respawn")
    assert.isNotNull(Session.nextWake(session.state, session.now, session.config))
    session.markTerminated()
    assert.include(session.askedFor(), "Rent")
  })
})
