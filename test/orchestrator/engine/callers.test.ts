/**
 * Callers of the engine: unread messages are bounded, a caller that leaves leaves nothing behind, a waiting one is answered.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Scope from "effect/Scope"
import * as Mailbox from "../../../src/orchestrator/engine/Mailbox.ts"
import * as Session from "../../../src/orchestrator/Session.ts"
import { live, open, pass, reasonOf, settle } from "../harness.ts"

const id = Session.SessionId.make("session-1")
const woke = { id, event: { _tag: "WokeUp" } } as const

describe("a mailbox", () => {
  it.effect("makes callers wait when ten thousand messages are unread, and results never", () =>
    Effect.gen(function*() {
      const mailbox = yield* Mailbox.make
      yield* Effect.forEach(Array.from({ length: 10_000 }), () => mailbox.send(woke), { discard: true })
      const late = yield* Effect.forkChild(mailbox.send(woke))
      yield* settle
      assert.isUndefined(late.pollUnsafe())
      mailbox.put(woke)
      assert.strictEqual((yield* mailbox.take(20_000)).length, 10_001)
      yield* Fiber.join(late)
      assert.strictEqual((yield* mailbox.take(20_000)).length, 1)
    }))

  it.effect("keeps one of many unread touches of a session, and the next one after it was read", () =>
    Effect.gen(function*() {
      const mailbox = yield* Mailbox.make
      for (let times = 0; times < 1_000; times++) mailbox.touch(id)
      assert.strictEqual((yield* mailbox.take(20_000)).length, 1)
      mailbox.touch(id)
      assert.strictEqual((yield* mailbox.take(20_000)).length, 1)
    }))

  it.effect("shows that reports of a feed are unread, so that listings do not pile up", () =>
    Effect.gen(function*() {
      const mailbox = yield* Mailbox.make
      assert.isFalse(mailbox.isBehind())
      mailbox.report(woke)
      assert.isTrue(mailbox.isBehind())
      yield* mailbox.take(20_000)
      assert.isFalse(mailbox.isBehind())
    }))

  it.effect("keeps no place for a caller that left before it had one", () =>
    Effect.gen(function*() {
      const mailbox = yield* Mailbox.make
      yield* Effect.forEach(Array.from({ length: 10_000 }), () => mailbox.send(woke), { discard: true })
      const late = yield* Effect.forkChild(mailbox.send(woke))
      yield* settle
      yield* Fiber.interrupt(late)
      assert.strictEqual((yield* mailbox.take(20_000)).length, 10_000)
      yield* mailbox.send(woke)
      assert.strictEqual((yield* mailbox.take(20_000)).length, 1)
    }))
})

describe("a caller that leaves", () => {
  it.effect("while its create is unanswered has the machine ended, answer or no answer", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      yield* harness.controls.delay("spawnCompute", { request: "1 second", answer: "20 seconds" })
      const caller = yield* Effect.forkChild(harness.orchestrator.spawn({}))
      yield* pass(3)
      yield* Fiber.interrupt(caller)
      assert.strictEqual((yield* live(harness)).length, 1)
      yield* pass(40)
      assert.deepStrictEqual(yield* live(harness), [])
      const [info] = yield* harness.orchestrator.list
      assert.deepStrictEqual([info?.state, info?.outcome], ["ended", { _tag: "Closed", reason: "interrupted" }])
      assert.strictEqual(harness.engine.waiting(), 0)
    }))

  it.effect("before its session is stored leaves nothing rented for long", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      yield* harness.store.gate.close
      const caller = yield* Effect.forkChild(harness.orchestrator.spawn({}))
      yield* settle
      yield* Fiber.interrupt(caller)
      yield* harness.store.gate.open
      yield* pass(15)
      assert.deepStrictEqual(yield* live(harness), [])
      assert.deepStrictEqual(yield* harness.orchestrator.listIds, [])
    }))

  it.effect("or waits and gives up leaves no waiter", () =>
    Effect.gen(function*() {
      const { engine, orchestrator } = yield* open({ mock: { provisioning: "1 hour" } })
      const { id } = yield* orchestrator.spawn({})
      const waiters = yield* Effect.forEach(
        Array.from({ length: 10 }),
        () => Effect.forkChild(orchestrator.awaitReady(id, { timeout: "1 minute" }))
      )
      yield* settle
      assert.strictEqual(engine.waiting(), 10)
      yield* Effect.forEach(waiters.slice(5), Fiber.interrupt)
      yield* pass(61)
      assert.strictEqual(engine.waiting(), 0)
    }))

  it.effect("of a scope has its session ended and verified gone", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const scope = yield* Scope.make()
      yield* Scope.provide(harness.orchestrator.scoped({}), scope)
      assert.strictEqual((yield* live(harness)).length, 1)
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* pass(10)
      yield* Fiber.join(closing)
      assert.deepStrictEqual(yield* live(harness), [])
    }))
})

it.effect("two spawns at once are two sessions with two machines", () =>
  Effect.gen(function*() {
    const harness = yield* open()
    const [one, other] = yield* Effect.all([harness.orchestrator.spawn({}), harness.orchestrator.spawn({})], {
      concurrency: 2
    })
    assert.notStrictEqual(one.id, other.id)
    assert.notStrictEqual(one.compute.id, other.compute.id)
    assert.strictEqual((yield* live(harness)).length, 2)
  }))

it.effect("three hundred spawns at once are as many machines, each rented once", () =>
  Effect.gen(function*() {
    const harness = yield* open()
    const all = yield* Effect.forEach(Array.from({ length: 300 }), () => harness.orchestrator.spawn({}), {
      concurrency: "unbounded"
    })
    assert.strictEqual(new Set(all.map(({ compute }) => compute.id)).size, 300)
    assert.strictEqual((yield* harness.controls.counts).spawnCompute, 300)
  }))

it.effect("of two hundred callers at once many leave at any moment: every machine that lives is a session's whose caller has it", () =>
  Effect.gen(function*() {
    const harness = yield* open()
    yield* harness.controls.delay("spawnCompute", { request: "1 second", answer: "1 second" })
    const callers = yield* Effect.forEach(
      Array.from({ length: 200 }),
      () => Effect.forkChild(harness.orchestrator.spawn({}))
    )
    for (let second = 0; second < 60; second++) {
      // a different few each second, waiting, sent, answered
      for (const [index, caller] of callers.entries()) {
        if ((index * 7 + second) % 40 === 0 && caller.pollUnsafe() === undefined) {
          yield* Effect.forkChild(Fiber.interrupt(caller))
        }
      }
      yield* pass(1)
    }
    yield* pass(60)
    const exits = callers.map((caller) => caller.pollUnsafe())
    const taken = exits.flatMap((exit) => exit !== undefined && Exit.isSuccess(exit) ? [exit.value.compute.id] : [])
    assert.isTrue(taken.length > 20 && taken.length < 180, `${taken.length}`)
    assert.sameMembers([...yield* live(harness)], taken)
    assert.strictEqual((yield* harness.orchestrator.listIds).length, taken.length)
    assert.strictEqual(harness.engine.waiting(), 0)
  }))

it.effect("a verb on an unknown session fails at once", () =>
  Effect.gen(function*() {
    const { orchestrator } = yield* open()
    for (const verb of [orchestrator.touch, orchestrator.info, orchestrator.stopTracked, orchestrator.awaitReady]) {
      assert.propertyVal(yield* reasonOf(verb("unknown")), "_tag", "NotTracked")
    }
  }))

it.effect("no fiber is left after the end", () =>
  Effect.gen(function*() {
    const active = Effect.map(
      Metric.snapshot,
      (all) => all.find(({ id }) => id === "child_fibers_active")?.state ?? { value: 0 }
    )
    const before = yield* active
    const harness = yield* open()
    const { id } = yield* harness.orchestrator.spawn({})
    yield* Effect.forkChild(Effect.exit(harness.orchestrator.awaitEnd(id)))
    yield* pass(3)
    assert.notDeepEqual(yield* active, before)
    const closing = yield* Effect.forkChild(harness.close)
    yield* pass(10)
    yield* Fiber.join(closing)
    yield* pass(1)
    assert.deepStrictEqual(yield* active, before)
  }).pipe(Metric.enableRuntimeMetrics, Effect.provideService(Metric.MetricRegistry, new Map())))
