/**
 * A graceful end: sessions that do not persist are ended and verified within a time; one that could not be is logged and stored.
 */
import { assert, describe, it } from "@effect/vitest"
import type { AtlasError } from "effect-atlas/domain/AtlasError"
import { Owner } from "effect-atlas/provider/NameStamp"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import { answerOf, inTime, live, makeTestStore, open, pass, reasonOf, settle } from "../harness.ts"

const owner = Owner.make("team1")

describe("closing", () => {
  it.effect("ends every session that does not persist, all at once, and waits until their machines are gone", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      yield* Effect.forEach(Array.from({ length: 20 }), () => harness.orchestrator.spawn({}))
      yield* harness.controls.delay("terminate", { answer: "5 seconds" })
      const closing = yield* Effect.forkChild(harness.close)
      yield* pass(14)
      assert.isDefined(closing.pollUnsafe())
      yield* Fiber.join(closing)
      assert.deepStrictEqual(yield* live(harness), [])
      const rows = yield* harness.store.rows(owner)
      assert.isTrue(rows.every(({ phase }) => phase._tag === "Ended" && phase.reason === "node_shutdown"))
    }))

  it.effect("keeps a session that persists, its machine and its row", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const { compute } = yield* harness.orchestrator.runTask({}, { persist: true })
      yield* harness.orchestrator.spawn({})
      yield* harness.close
      assert.deepStrictEqual(yield* live(harness), [compute.id])
      const rows = yield* harness.store.rows(owner)
      assert.deepStrictEqual(rows.map(({ phase }) => phase._tag).toSorted(), ["Ended", "Live"])
    }))

  it.effect("ends a session that persists but has reported its end", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const { id } = yield* harness.orchestrator.runTask({}, { persist: true })
      const attempt = harness.engine.get(id)?.state.attempts[0]?.id
      if (attempt === undefined) return assert.fail("there is no attempt")
      yield* harness.engine.tell(id, { _tag: "Report", attempt, exitCode: 3 })
      yield* settle
      yield* harness.close
      assert.deepStrictEqual(yield* live(harness), [])
    }))

  it.effect("waits for a create under way also of a session that persists, so that its machine is on record", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      yield* harness.controls.delay("spawnCompute", { answer: "5 seconds" })
      yield* Effect.forkChild(Effect.exit(harness.orchestrator.runTask({}, { persist: true })))
      yield* settle
      yield* inTime(harness.close)
      const [phase] = (yield* harness.store.rows(owner)).map((row) => row.phase)
      assert.deepStrictEqual([phase?._tag === "Live" && phase.computeId], yield* live(harness))
    }))

  it.effect("waits until the end of a session that is over already is recorded", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const { id } = yield* harness.orchestrator.spawn({})
      yield* harness.store.gate.close
      yield* Effect.forkChild(Effect.exit(harness.orchestrator.stopTracked(id)))
      yield* pass(5)
      assert.deepStrictEqual(yield* live(harness), [])
      const closing = yield* Effect.forkChild(harness.close)
      yield* pass(5)
      yield* harness.store.gate.open
      yield* pass(5)
      yield* answerOf(closing)
      assert.deepStrictEqual((yield* harness.store.rows(owner)).map(({ phase }) => phase._tag), ["Ended"])
    }))

  it.effect("waits no longer than it may; a session that is left is logged, stored, and ended at the next start", () =>
    Effect.gen(function*() {
      const logged: Array<string> = []
      const logger = Logger.make(({ message }) => void logged.push(String(message)))
      const store = yield* makeTestStore
      const first = yield* open({ store, closeWithin: "10 seconds" }).pipe(
        Effect.provide(Logger.layer([logger]))
      )
      const { compute, id } = yield* first.orchestrator.spawn({})
      yield* first.controls.delay("terminate", { request: "1 hour" })
      const closing = yield* Effect.forkChild(first.close)
      yield* pass(11)
      assert.isDefined(closing.pollUnsafe())
      yield* Fiber.join(closing)
      assert.isTrue(
        logged.some((line) => line.includes(id) && line.includes("ended at the next start")),
        logged.join("\n")
      )
      assert.deepStrictEqual(yield* live(first), [compute.id])
      const [row] = yield* store.rows(owner)
      assert.deepStrictEqual(row?.pendingTerminations.map(({ computeId }) => computeId), [compute.id])
      const { controls, provider } = first.cloud
      yield* controls.delay("terminate", {})
      const second = yield* open({ store, cloud: { controls, provider } })
      yield* pass(240)
      assert.deepStrictEqual(yield* live(second), [])
      assert.strictEqual((yield* second.orchestrator.info(id)).state, "ended")
    }))

  it.effect("waits half a minute by default, in which a terminate that hangs is given up and tried again", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      yield* harness.orchestrator.spawn({})
      yield* harness.controls.delay("terminate", { request: "1 hour" })
      const start = yield* Clock.currentTimeMillis
      yield* harness.close
      const took = (yield* Clock.currentTimeMillis) - start
      assert.isTrue(took >= 30_000 && took <= 32_000, `${took}`)
      assert.strictEqual((yield* harness.controls.counts).terminate, 2)
    }))

  it.effect("refuses a spawn that comes too late, and ends a session whose create is still unanswered", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      yield* harness.controls.delay("spawnCompute", { request: "1 second", answer: "4 seconds" })
      const early = yield* Effect.forkChild(reasonOf(harness.orchestrator.spawn({})))
      yield* pass(2)
      const closing = yield* Effect.forkChild(harness.close)
      yield* settle
      assert.propertyVal(yield* reasonOf(harness.orchestrator.spawn({})), "_tag", "Validation")
      yield* pass(20)
      yield* Fiber.join(closing)
      assert.propertyVal(yield* Fiber.join(early), "_tag", "Ended")
      assert.deepStrictEqual(yield* live(harness), [])
    }))

  it.effect("answers a caller that still waits", () =>
    Effect.gen(function*() {
      const harness = yield* open({ mock: { provisioning: "1 hour" } })
      const { id } = yield* harness.orchestrator.runTask({}, { persist: true })
      const waiter = yield* Effect.forkChild(reasonOf(harness.orchestrator.awaitEnd(id)))
      yield* settle
      yield* harness.close
      assert.propertyVal(yield* Fiber.join(waiter), "_tag", "Uncertain")
    }))

  it.effect("answers waiting and later callers that it has closed, each under its own verb, and ends the streams", () =>
    Effect.gen(function*() {
      const harness = yield* open({ mock: { provisioning: "1 hour" }, closeWithin: "5 seconds" })
      const { controls, engine, orchestrator } = harness
      const { id } = yield* orchestrator.runTask({}, { persist: true })
      const other = yield* orchestrator.runTask({}, { persist: true })
      yield* controls.delay("spawnCompute", { request: "1 hour" })
      yield* controls.delay("terminate", { request: "1 hour" })
      const waiting = {
        spawn: orchestrator.spawn({}),
        awaitReady: orchestrator.awaitReady(id),
        awaitEnd: orchestrator.awaitEnd(id),
        stopTracked: orchestrator.stopTracked(other.id)
      }
      const waiters = yield* Effect.forEach(
        Object.entries(waiting),
        ([operation, verb]) => Effect.map(Effect.forkChild(Effect.flip(verb)), (fiber) => ({ operation, fiber }))
      )
      const streams = yield* Effect.forEach(
        [id, null],
        (one) => Effect.forkChild(Stream.runDrain(orchestrator.events(one)))
      )
      yield* settle
      yield* harness.close
      const answers = yield* Effect.forEach(
        waiters,
        ({ fiber, operation }) => Effect.map(Fiber.join(fiber), (error) => ({ operation, error }))
      )
      yield* Effect.forEach(streams, Fiber.join)
      for (const { error, operation } of answers) {
        assert.deepStrictEqual([error.operation, error.kind], [operation, "uncertain"])
        assert.include(error.message, "the orchestrator has closed")
      }
      const none = yield* Effect.flip(orchestrator.spawn({}))
      assert.deepStrictEqual([none.operation, none.kind], ["spawn", "validation"])
      const late = {
        touch: orchestrator.touch(id),
        stopTracked: orchestrator.stopTracked(id),
        awaitEnd: orchestrator.awaitEnd(id),
        events: Stream.runDrain(orchestrator.events(null))
      }
      for (const [operation, verb] of Object.entries(late)) {
        const error = yield* Effect.flip<unknown, AtlasError, never>(verb)
        assert.deepStrictEqual([error.operation, error.kind], [operation, "not_tracked"])
        assert.include(error.message, "the orchestrator has closed")
      }
      // reads from memory are still answered
      assert.strictEqual((yield* orchestrator.info(id)).state, "live")
      assert.strictEqual(engine.waiting(), 0)
    }))

  it.effect("publishes the end of each session before the streams end", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const ids = yield* Effect.forEach(
        Array.from({ length: 5 }),
        () => Effect.map(harness.orchestrator.spawn({}), ({ id }) => id)
      )
      const streams = yield* Effect.forEach(
        [...ids, null],
        (id) => Effect.forkChild(Stream.runCollect(harness.orchestrator.events(id)))
      )
      yield* settle
      yield* harness.close
      const heard = yield* Effect.forEach(streams, Fiber.join)
      const ended = heard.map((all) => all.filter((one) => one._tag === "Event" && one.event._tag === "Ended").length)
      assert.deepStrictEqual(ended, [1, 1, 1, 1, 1, 5])
    }))

  it.effect("answers also callers whose sessions the store has not taken yet", () =>
    Effect.gen(function*() {
      const harness = yield* open({ closeWithin: "5 seconds" })
      const { id } = yield* harness.orchestrator.runTask({}, { persist: true })
      yield* harness.store.gate.close
      const waiters = yield* Effect.forEach(
        [harness.orchestrator.spawn({}), harness.orchestrator.stopTracked(id, { timeout: "1 hour" })],
        (verb) => Effect.forkChild(Effect.flip<unknown, AtlasError, never>(verb))
      )
      yield* settle
      const closing = yield* Effect.forkChild(harness.close)
      yield* pass(7)
      const kinds = yield* Effect.forEach(waiters, (one) => Effect.map(Fiber.join(one), ({ kind }) => kind))
      assert.deepStrictEqual(kinds, ["uncertain", "uncertain"])
      yield* harness.store.gate.open
      yield* Fiber.join(closing)
    }))

  it.effect("with a store that cannot be written ends the machines, and in time all the same", () =>
    Effect.gen(function*() {
      const harness = yield* open({ closeWithin: "10 seconds" })
      yield* harness.orchestrator.spawn({})
      harness.store.faults.commits = 1_000
      yield* inTime(harness.close)
      assert.deepStrictEqual(yield* live(harness), [])
    }))
})

it.effect("an owner has one orchestrator at a time, and the second is refused; the lock is free when the first has closed", () =>
  Effect.gen(function*() {
    const store = yield* makeTestStore
    const first = yield* open({ store })
    const second = yield* Effect.flip(open({ store }))
    assert.strictEqual(second.reason._tag, "StorageFault")
    yield* open({ store, owner: "team2" })
    yield* first.close
    yield* open({ store })
  }))
