/**
 * A task runs one command to its end: its deadline, its report, its outcome.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId } from "effect-atlas/domain/Ids"
import * as Session from "../../../src/orchestrator/Session.ts"
import { hour, live, minute, second, start, task } from "./harness.ts"

const id = ComputeId.make

describe("a task", () => {
  it("has a deadline of an hour and 15 minutes to be ready unless it says otherwise", () => {
    const { heartbeat, idleTtl, maxRuntime, readyTimeout } = Session.Policy.task
    assert.deepStrictEqual([maxRuntime, readyTimeout, idleTtl, heartbeat], [hour, 15 * minute, null, null])
  })

  it("and an interactive session have the same other limits: half an hour idle, a minute's beat and grace, a bill each quarter", () => {
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

  it("has no heartbeat and no idle clock, and a touch does nothing", () => {
    const stage = task({ policy: { idleTtl: minute, heartbeat: minute } })
    assert.isTrue(stage.touch().isSame)
    stage.pass(hour)
    stage.in("Live")
    assert.deepStrictEqual(stage.told(), [])
  })

  it("that meets its deadline timed out, and says so before it terminates", () => {
    const stage = task({ policy: { maxRuntime: 10 * minute } })
    stage.pass(10 * minute)
    assert.deepStrictEqual(stage.in("Ending").outcome, { _tag: "TimedOut" })
    assert.deepStrictEqual(stage.told(), [
      { _tag: "Task", outcome: { _tag: "TimedOut" } },
      { _tag: "Terminating", reason: "max_runtime", cause: null }
    ])
  })

  it("that is still provisioning too long was never ready", () => {
    const stage = start({ mode: "task", policy: { readyTimeout: minute } })
    stage.rented({ status: "provisioning" })
    stage.pass(minute)
    assert.deepStrictEqual(stage.in("Ending").outcome, {
      _tag: "Failed",
      cause: "never_ready",
      exitCode: null,
      fault: null
    })
  })
})

describe("the outcome of a task without a report", () => {
  it.each(
    [
      [null, false, { _tag: "Completed", exitCode: null }],
      ["stopped", false, { _tag: "Completed", exitCode: null }],
      ["terminated", false, { _tag: "Failed", cause: "terminated", exitCode: null, fault: null }],
      ["failed", false, { _tag: "Failed", cause: "failed", exitCode: null, fault: null }],
      ["terminated", true, { _tag: "Failed", cause: "preempted", exitCode: null, fault: null }],
      [null, true, { _tag: "Failed", cause: "preempted", exitCode: null, fault: null }]
    ] as const
  )("that was seen as %s, spot %s", (status, spot, outcome) => {
    const stage = task({ request: { spot } })
    stage.missed()
    stage.confirmed(status === null ? null : { status })
    const { phase } = stage
    assert.deepStrictEqual("outcome" in phase ? phase.outcome : null, outcome)
    assert.deepInclude(stage.told(), { _tag: "Task", outcome })
  })

  it("is the exit code where the provider says it, which is as good as a report", () => {
    for (const exitCode of [0, 3]) {
      const stage = task()
      stage.observed({ status: "failed", exitCode })
      assert.deepStrictEqual(
        stage.in("Ending").outcome,
        exitCode === 0
          ? { _tag: "Completed", exitCode: 0 }
          : { _tag: "Failed", cause: "exit_code", exitCode: 3, fault: null }
      )
      assert.deepInclude(stage.told(), { _tag: "TaskReport", exitCode })
    }
  })

  it("is not decided by looks that fail", () => {
    const stage = task()
    stage.missed()
    for (let times = 0; times < 10; times++) {
      stage.confirmFailed()
      stage.pass(minute)
    }
    assert.strictEqual(stage.phase._tag, "Live")
  })

  it("that was stopped by its caller is closed", () => {
    const stage = task()
    stage.stop()
    assert.deepStrictEqual(stage.in("Ending").outcome, { _tag: "Closed", reason: "stopped" })
  })
})

describe("a finish report", () => {
  it("is stored, then told, and arms the grace; when that is over the task ends on the report", () => {
    const stage = task({ policy: { finishGrace: minute, maxRuntime: hour } })
    assert.isTrue(stage.report(7).needsCommit)
    assert.deepStrictEqual(stage.told(), [{ _tag: "TaskReport", exitCode: 7 }])
    stage.pass(minute - 1)
    stage.in("Live")
    stage.pass(1)
    assert.strictEqual(stage.in("Ending").reason, "finished")
    assert.deepStrictEqual(stage.in("Ending").outcome, { _tag: "Failed", cause: "exit_code", exitCode: 7, fault: null })
    assert.deepStrictEqual(stage.askedFor(), ["Terminate"])
  })

  it("decides the outcome whatever is seen of the machine", () => {
    for (const exitCode of [0, 9]) {
      const stage = task()
      stage.report(exitCode)
      stage.observed({ status: "failed" })
      const { outcome } = stage.in("Ending")
      assert.strictEqual(outcome._tag, exitCode === 0 ? "Completed" : "Failed")
    }
  })

  it("counts once: a later one neither changes it nor arms the grace again", () => {
    const stage = task({ policy: { finishGrace: minute } })
    stage.report(0)
    stage.pass(30 * second)
    assert.isTrue(stage.report(1).isSame)
    stage.pass(30 * second)
    assert.deepStrictEqual(stage.in("Ending").outcome, { _tag: "Completed", exitCode: 0 })
  })

  it("of another attempt is ignored and told", () => {
    const stage = live({ mode: "task", request: { spot: true }, policy: { onFailure: { _tag: "Respawn", max: 1 } } })
    const first = stage.attempt().id
    stage.missed()
    stage.confirmed(null)
    stage.rented({ computeId: id("m2") })
    stage.told()
    assert.isTrue(stage.report(0, first).isSame)
    assert.deepStrictEqual(stage.told(), [{ _tag: "StaleReport", attempt: first, exitCode: 0 }])
    assert.isNull(stage.state.report)
  })

  it("that comes before the answer of the rent counts", () => {
    const stage = start({ mode: "task", policy: { finishGrace: minute } })
    stage.report(0)
    stage.rented()
    stage.pass(minute)
    assert.deepStrictEqual(stage.in("Ending").outcome, { _tag: "Completed", exitCode: 0 })
  })

  it("extends no limit", () => {
    const stage = task({ policy: { finishGrace: hour, maxRuntime: minute } })
    stage.report(0)
    stage.pass(minute)
    assert.strictEqual(stage.in("Ending").reason, "max_runtime")
  })

  it("without a grace ends nothing by itself", () => {
    const stage = task({ policy: { finishGrace: null } })
    stage.report(0)
    stage.pass(hour)
    assert.strictEqual(stage.phase._tag, "Live")
  })

  it("ends an interactive session only if its command ends the machine, and a touch does not put that off", () => {
    const cases = [
      { command: ["run"], selfTerminate: true, ends: true },
      { command: ["run"], selfTerminate: false, ends: false },
      { command: [], selfTerminate: true, ends: false },
      { command: null, selfTerminate: true, ends: false }
    ]
    for (const { ends, ...request } of cases) {
      const stage = live({ request, policy: { finishGrace: minute } })
      stage.report(0)
      stage.pass(30 * second)
      stage.touch()
      stage.pass(hour)
      const { phase } = stage
      assert.deepStrictEqual(
        phase._tag === "Ending" ? phase.outcome : phase._tag,
        ends ? { _tag: "Closed", reason: "finished" } : "Live"
      )
    }
  })

  it("is no use: an interactive session becomes idle as if there were none", () => {
    const stage = live({ policy: { idleTtl: minute } })
    stage.touch()
    stage.pass(30 * second)
    stage.report(0)
    stage.pass(30 * second)
    assert.strictEqual(stage.in("Ending").reason, "idle_timeout")
  })
})
