/**
 * A task runs one command to its end: its deadline, its report, its outcome.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId } from "effect-atlas/domain/Ids"
import * as Session from "../../../src/orchestrator/Session.ts"
import { hour, live, minute, second, start, task } from "./harness.ts"

const id = ComputeId.make

describe("a task", () => {
  it("has by default a deadline of an hour and 15 minutes to be ready", () => {
    const { heartbeat, idleTtl, maxRuntime, readyTimeout } = Session.Policy.task
    assert.deepStrictEqual([maxRuntime, readyTimeout, idleTtl, heartbeat], [hour, 15 * minute, null, null])
  })

  it("and an interactive session have these other defaults: half an hour idle, a heartbeat and a grace of a minute, a bill every 15 minutes", () => {
    const { onFailure, ...limits } = Session.Policy.interactive
    assert.deepStrictEqual(limits, {
      idleTtl: 30 * minute,
      maxRuntime: null,
      readyTimeout: null,
      finishGrace: minute,
      heartbeat: minute,
      reconcileSpend: 15 * minute,
      maxCost: null
    })
    assert.deepStrictEqual(onFailure, { _tag: "Stop" })
    const { finishGrace, maxCost, reconcileSpend } = Session.Policy.task
    assert.deepStrictEqual([finishGrace, maxCost, reconcileSpend], [minute, null, 15 * minute])
  })

  it("has no heartbeat and no idle time, and a touch does nothing", () => {
    const session = task({ policy: { idleTtl: minute, heartbeat: minute } })
    assert.isTrue(session.touch().isSame)
    session.pass(hour)
    session.in("Live")
    assert.deepStrictEqual(session.told(), [])
  })

  it("that reaches its deadline timed out, and says so before it terminates", () => {
    const session = task({ policy: { maxRuntime: 10 * minute } })
    session.pass(10 * minute)
    assert.deepStrictEqual(session.in("Ending").outcome, { _tag: "TimedOut" })
    assert.deepStrictEqual(session.told(), [
      { _tag: "Task", outcome: { _tag: "TimedOut" } },
      { _tag: "Terminating", reason: "max_runtime", cause: null }
    ])
  })

  it("that is provisioning for too long was never ready", () => {
    const session = start({ mode: "task", policy: { readyTimeout: minute } })
    session.rented({ status: "provisioning" })
    session.pass(minute)
    assert.deepStrictEqual(session.in("Ending").outcome, {
      _tag: "Failed",
      cause: "never_ready",
      exitCode: null,
      fault: null
    })
  })
})

describe("the outcome of a task without a report is never that it completed", () => {
  it.each(
    [
      [null, false, { _tag: "Failed", cause: "lost", exitCode: null, fault: null }],
      ["stopped", false, { _tag: "Failed", cause: "lost", exitCode: null, fault: null }],
      ["terminated", false, { _tag: "Failed", cause: "lost", exitCode: null, fault: null }],
      ["failed", false, { _tag: "Failed", cause: "failed", exitCode: null, fault: null }],
      ["terminated", true, { _tag: "Failed", cause: "preempted", exitCode: null, fault: null }],
      [null, true, { _tag: "Failed", cause: "preempted", exitCode: null, fault: null }]
    ] as const
  )("whose machine was seen as %s, spot %s", (status, spot, outcome) => {
    const session = task({ request: { spot } })
    session.missed()
    session.confirmed(status === null ? null : { status })
    const { phase } = session
    assert.deepStrictEqual("outcome" in phase ? phase.outcome : null, outcome)
    assert.deepInclude(session.told(), { _tag: "Task", outcome })
  })

  it("is the exit code where the provider tells it, which counts like a report", () => {
    for (const exitCode of [0, 3]) {
      const session = task()
      session.observed({ status: "failed", exitCode })
      assert.deepStrictEqual(
        session.in("Ending").outcome,
        exitCode === 0
          ? { _tag: "Completed", exitCode: 0 }
          : { _tag: "Failed", cause: "exit_code", exitCode: 3, fault: null }
      )
      assert.deepInclude(session.told(), { _tag: "TaskReport", exitCode })
    }
  })

  it("is not decided by requests that fail", () => {
    const session = task()
    session.missed()
    for (let times = 0; times < 10; times++) {
      session.confirmFailed()
      session.pass(minute)
    }
    assert.strictEqual(session.phase._tag, "Live")
  })

  it("is Closed when its caller stopped it", () => {
    const session = task()
    session.stop()
    assert.deepStrictEqual(session.in("Ending").outcome, { _tag: "Closed", reason: "stopped" })
  })
})

describe("a finish report", () => {
  it("is stored and told, and begins the grace, after which the task ends with its outcome", () => {
    const session = task({ policy: { finishGrace: minute, maxRuntime: hour } })
    assert.isTrue(session.report(7).needsCommit)
    assert.deepStrictEqual(session.told(), [{ _tag: "TaskReport", exitCode: 7 }])
    session.pass(minute - 1)
    session.in("Live")
    session.pass(1)
    assert.strictEqual(session.in("Ending").reason, "finished")
    assert.deepStrictEqual(session.in("Ending").outcome, {
      _tag: "Failed",
      cause: "exit_code",
      exitCode: 7,
      fault: null
    })
    assert.deepStrictEqual(session.askedFor(), ["Terminate"])
  })

  it("decides the outcome, whatever status the machine has", () => {
    for (const exitCode of [0, 9]) {
      const session = task()
      session.report(exitCode)
      session.observed({ status: "failed" })
      const { outcome } = session.in("Ending")
      assert.strictEqual(outcome._tag, exitCode === 0 ? "Completed" : "Failed")
    }
  })

  it("counts once: a later one neither changes it nor begins the grace again", () => {
    const session = task({ policy: { finishGrace: minute } })
    session.report(0)
    session.pass(30 * second)
    assert.isTrue(session.report(1).isSame)
    session.pass(30 * second)
    assert.deepStrictEqual(session.in("Ending").outcome, { _tag: "Completed", exitCode: 0 })
  })

  it("of another attempt is ignored and told", () => {
    const session = live({ mode: "task", request: { spot: true }, policy: { onFailure: { _tag: "Respawn", max: 1 } } })
    const first = session.attempt().id
    session.missed()
    session.confirmed(null)
    session.rented({ computeId: id("m2") })
    session.told()
    assert.isTrue(session.report(0, first).isSame)
    assert.deepStrictEqual(session.told(), [{ _tag: "StaleReport", attempt: first, exitCode: 0 }])
    assert.isNull(session.state.report)
  })

  it("that comes before the answer of the create counts", () => {
    const session = start({ mode: "task", policy: { finishGrace: minute } })
    session.report(0)
    session.rented()
    session.pass(minute)
    assert.deepStrictEqual(session.in("Ending").outcome, { _tag: "Completed", exitCode: 0 })
  })

  it("extends no limit", () => {
    const session = task({ policy: { finishGrace: hour, maxRuntime: minute } })
    session.report(0)
    session.pass(minute)
    assert.strictEqual(session.in("Ending").reason, "max_runtime")
  })

  it("without a grace ends nothing by itself", () => {
    const session = task({ policy: { finishGrace: null } })
    session.report(0)
    session.pass(hour)
    assert.strictEqual(session.phase._tag, "Live")
  })

  it("ends an interactive session only if the end of its command ends the machine, and a touch does not put that off", () => {
    const cases = [
      { command: ["run"], selfTerminate: true, ends: true },
      { command: ["run"], selfTerminate: false, ends: false },
      { command: [], selfTerminate: true, ends: false },
      { command: null, selfTerminate: true, ends: false }
    ]
    for (const { ends, ...request } of cases) {
      const session = live({ request, policy: { finishGrace: minute } })
      session.report(0)
      session.pass(30 * second)
      session.touch()
      session.pass(hour)
      const { phase } = session
      assert.deepStrictEqual(
        phase._tag === "Ending" ? phase.outcome : phase._tag,
        ends ? { _tag: "Closed", reason: "finished" } : "Live"
      )
    }
  })

  it("is not a touch: an interactive session becomes idle as without it", () => {
    const session = live({ policy: { idleTtl: minute } })
    session.touch()
    session.pass(30 * second)
    session.report(0)
    session.pass(30 * second)
    assert.strictEqual(session.in("Ending").reason, "idle_timeout")
  })
})
