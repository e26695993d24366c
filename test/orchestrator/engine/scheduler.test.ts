/**
 * The scheduler: one queue of timers for all sessions, which wakes them in time whatever the clocks do.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as BatchLoop from "../../../src/orchestrator/engine/BatchLoop.ts"
import * as EngineStatus from "../../../src/orchestrator/engine/EngineStatus.ts"
import * as Mailbox from "../../../src/orchestrator/engine/Mailbox.ts"
import * as Scheduler from "../../../src/orchestrator/engine/Scheduler.ts"
import * as Table from "../../../src/orchestrator/engine/Table.ts"
import * as Waiters from "../../../src/orchestrator/engine/Waiters.ts"
import * as Session from "../../../src/orchestrator/Session.ts"
import { open, pass, settle, withJumps, withSleeps } from "../harness.ts"

const nameOf = (number: number) => Session.SessionId.make(`s${number}`)

it("the queue gives the earliest deadline first, and equal ones in a fixed order", () => {
  const queue = Scheduler.makeTimerQueue()
  const times = Array.from({ length: 1_000 }, (_, index) => (index * 7_919) % 101)
  for (const [index, at] of times.entries()) queue.push(at, nameOf(index))
  const out: Array<readonly [number, string]> = []
  for (let due = queue.popDue(1_000); due !== null; due = queue.popDue(1_000)) out.push([due.at, due.id])
  assert.deepStrictEqual(out, out.toSorted(([a, x], [b, y]) => a - b || (x < y ? -1 : 1)))
  assert.strictEqual(out.length, 1_000)
  assert.isNull(queue.next())
})

it("the queue keeps what is not due", () => {
  const queue = Scheduler.makeTimerQueue()
  queue.push(5, nameOf(1))
  assert.isNull(queue.popDue(4))
  assert.strictEqual(queue.next(), 5)
})

describe("a session ends", () => {
  it.effect("when its idle time is over, not at the next heartbeat", () =>
    Effect.gen(function*() {
      const { orchestrator } = yield* open()
      const { id } = yield* orchestrator.spawn({}, { idleTtl: "90 seconds", heartbeat: "1 minute" })
      yield* pass(89)
      assert.strictEqual((yield* orchestrator.info(id)).state, "live")
      yield* pass(1)
      assert.notStrictEqual((yield* orchestrator.info(id)).state, "live")
    }))

  it.effect("later when it was touched", () =>
    Effect.gen(function*() {
      const { orchestrator } = yield* open()
      const { id } = yield* orchestrator.spawn({}, { idleTtl: "10 seconds" })
      for (let times = 0; times < 5; times++) {
        yield* pass(8)
        yield* orchestrator.touch(id)
      }
      assert.strictEqual((yield* orchestrator.info(id)).state, "live")
      yield* pass(10)
      assert.notStrictEqual((yield* orchestrator.info(id)).state, "live")
    }))

  it.effect("as early when a later session asks to be woken earlier", () =>
    Effect.gen(function*() {
      const { orchestrator } = yield* open()
      yield* orchestrator.spawn({}, { idleTtl: "1 hour", heartbeat: false })
      yield* pass(5)
      const { id } = yield* orchestrator.spawn({}, { idleTtl: "3 seconds", heartbeat: false })
      yield* pass(3)
      assert.notStrictEqual((yield* orchestrator.info(id)).state, "live")
    }))

  it.effect("in thirty days when it may be idle as long, which no timer of Node can hold", () =>
    withJumps((_, leap) =>
      Effect.gen(function*() {
        const { orchestrator } = yield* open({ mock: { pollInterval: "1 day" }, pollInterval: "1 day" })
        const { id } = yield* orchestrator.spawn({}, { idleTtl: "30 days", heartbeat: false, reconcileSpend: false })
        yield* settle
        // a timer that held the thirty days would be late by these
        yield* leap(28 * 86_400_000)
        yield* TestClock.adjust("1 day")
        yield* settle
        assert.strictEqual((yield* orchestrator.info(id)).state, "live")
        yield* TestClock.adjust("25 hours")
        yield* settle
        assert.notStrictEqual((yield* orchestrator.info(id)).state, "live")
      })
    ))
})

describe("where suspended time is known", () => {
  const limits = { maxRuntime: "1 hour", maxCost: 1.5, idleTtl: false, heartbeat: false } as const
  const request = { providerOpts: { costPerHour: 1 } }

  it.effect("a wall clock that is set ahead ends no session and spends nothing", () =>
    withSleeps(({ jump }) =>
      Effect.gen(function*() {
        const { orchestrator } = yield* open()
        const { id } = yield* orchestrator.spawn(request, limits)
        yield* jump(2 * 3_600_000)
        yield* pass(120)
        const { spentUsd, state } = yield* orchestrator.info(id)
        assert.strictEqual(state, "live")
        assert.isBelow(spentUsd, 0.05)
      })
    ))

  it.effect("a suspend counts: a limit that it passed is met within a minute", () =>
    withSleeps(({ jump, sleep }) =>
      Effect.gen(function*() {
        const { orchestrator } = yield* open()
        const { id } = yield* orchestrator.spawn(request, limits)
        yield* jump(-5 * 3_600_000)
        yield* sleep(2 * 3_600_000)
        yield* pass(61)
        const { spentUsd, state } = yield* orchestrator.info(id)
        assert.notStrictEqual(state, "live")
        assert.isAtLeast(spentUsd, 2)
      })
    ))

  it.effect("a wall clock that is set back moves no deadline", () =>
    withSleeps(({ jump }) =>
      Effect.gen(function*() {
        const { orchestrator } = yield* open()
        const { id } = yield* orchestrator.spawn(request, { ...limits, maxRuntime: "2 minutes" })
        yield* jump(-3_600_000)
        yield* pass(119)
        assert.strictEqual((yield* orchestrator.info(id)).state, "live")
        yield* pass(2)
        assert.notStrictEqual((yield* orchestrator.info(id)).state, "live")
      })
    ))
})

describe("when the wall clock", () => {
  it.effect("jumps ahead, a deadline that it passed is met within a minute", () =>
    withJumps((jump) =>
      Effect.gen(function*() {
        const { orchestrator } = yield* open()
        const { id } = yield* orchestrator.spawn({}, { maxRuntime: "5 hours", idleTtl: false, heartbeat: false })
        yield* pass(2)
        yield* jump(6 * 3_600_000)
        yield* pass(61)
        assert.notStrictEqual((yield* orchestrator.info(id)).state, "live")
      })
    ))

  it.effect("jumps ahead, no session becomes idle by it", () =>
    withJumps((jump) =>
      Effect.gen(function*() {
        const { orchestrator } = yield* open()
        const { id } = yield* orchestrator.spawn({}, { idleTtl: "1 hour" })
        yield* jump(6 * 3_600_000)
        yield* pass(61)
        assert.strictEqual((yield* orchestrator.info(id)).state, "live")
      })
    ))

  it.effect("leads after a sleep of the machine, what was spent meanwhile counts", () =>
    withJumps((jump) =>
      Effect.gen(function*() {
        const { orchestrator } = yield* open()
        const { id } = yield* orchestrator.spawn({ providerOpts: { costPerHour: 1 } }, { maxCost: 5, idleTtl: false })
        yield* jump(6 * 3_600_000)
        yield* pass(61)
        const info = yield* orchestrator.info(id)
        assert.notStrictEqual(info.state, "live")
        assert.isAtLeast(info.spentUsd, 6)
      })
    ))

  it.effect("is set back, no deadline moves later and no spend lower", () =>
    withJumps((jump) =>
      Effect.gen(function*() {
        const { orchestrator } = yield* open()
        const options = { maxRuntime: "2 minutes", idleTtl: false } as const
        const { id } = yield* orchestrator.spawn({ providerOpts: { costPerHour: 3_600 } }, options)
        yield* pass(60)
        const before = yield* orchestrator.spend(id)
        yield* jump(-3_600_000)
        assert.isAtLeast(yield* orchestrator.spend(id), before)
        yield* pass(61)
        assert.notStrictEqual((yield* orchestrator.info(id)).state, "live")
        assert.isAtLeast(yield* orchestrator.spend(id), 120)
      })
    ))
})

it.effect("a wake-up that decides nothing, as after a moment in which the wall clock was ahead, is armed again", () =>
  Effect.gen(function*() {
    const { engine, orchestrator, store } = yield* open()
    const { id } = yield* orchestrator.spawn({}, { maxRuntime: "10 minutes", idleTtl: false, heartbeat: false })
    const [state] = yield* store.rows(engine.owner)
    if (state === undefined) return assert.fail("there is no row")
    const table = Table.make()
    const mailbox = yield* Mailbox.make
    const { config } = engine
    const entry = table.put(state, Table.emptyMemory)
    const loop = BatchLoop.make({
      owner: engine.owner,
      config,
      table,
      mailbox,
      waiters: Waiters.make(),
      scheduler: yield* Scheduler.make({ config, mailbox, table }),
      publisher: { publish: () => Effect.void, subscribe: () => Effect.succeed(Stream.never), drain: Effect.void },
      delivery: { flush: () => Effect.void },
      writer: {
        save: () => {},
        readAgain: () => {},
        isLate: () => false,
        refusal: () => null,
        isIdle: () => true,
        run: () => Effect.never
      },
      status: EngineStatus.make(engine.owner, { lostTo: Effect.succeed(null) })
    })
    yield* Effect.forkScoped(loop.run)
    // its timer has fired, and by now the clock says that its time is not over
    entry.wake = null
    mailbox.put({ id, event: { _tag: "WokeUp" } })
    yield* settle
    assert.strictEqual(entry.wake, 600_000)
  }))
