/**
 * A graceful end: what does not persist is ended and verified, within a time, and what could not be is said and on record.
 */
import { assert, describe, it } from "@effect/vitest"
import type { AtlasError } from "effect-atlas/domain/AtlasError"
import { Owner } from "effect-atlas/provider/NameStamp"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import { inTime, live, makeShop, open, pass, reasonOf, settle } from "../harness.ts"

const owner = Owner.make("team1")

describe("closing", () => {
  it.effect("ends every session that does not persist, all at once, and waits until their machines are gone", () =>
    Effect.gen(function*() {
      const house = yield* open()
      yield* Effect.forEach(Array.from({ length: 20 }), () => house.orchestrator.spawn({}))
      yield* house.controls.delay("terminate", { answer: "5 seconds" })
      const closing = yield* Effect.forkChild(house.close)
      yield* pass(14)
      assert.isDefined(closing.pollUnsafe())
      yield* Fiber.join(closing)
      assert.deepStrictEqual(yield* live(house), [])
      const rows = yield* house.shop.rows(owner)
      assert.isTrue(rows.every(({ phase }) => phase._tag === "Ended" && phase.reason === "node_shutdown"))
    }))

  it.effect("keeps a session that persists, machine and record", () =>
    Effect.gen(function*() {
      const house = yield* open()
      const { compute } = yield* house.orchestrator.runTask({}, { persist: true })
      yield* house.orchestrator.spawn({})
      yield* house.close
      assert.deepStrictEqual(yield* live(house), [compute.id])
      const rows = yield* house.shop.rows(owner)
      assert.deepStrictEqual(rows.map(({ phase }) => phase._tag).toSorted(), ["Ended", "Live"])
    }))

  it.effect("ends a session that persists but has reported its end", () =>
    Effect.gen(function*() {
      const house = yield* open()
      const { id } = yield* house.orchestrator.runTask({}, { persist: true })
      const attempt = house.engine.get(id)?.state.attempts[0]?.id
      if (attempt === undefined) return assert.fail("there is no attempt")
      yield* house.engine.tell(id, { _tag: "Report", attempt, exitCode: 3 })
      yield* settle
      yield* house.close
      assert.deepStrictEqual(yield* live(house), [])
    }))

  it.effect("waits no longer than it may; what is left is named in the log, on record, and ended at the next start", () =>
    Effect.gen(function*() {
      const logged: Array<string> = []
      const logger = Logger.make(({ message }) => void logged.push(String(message)))
      const shop = yield* makeShop
      const first = yield* open({ shop, closeWithin: "10 seconds" }).pipe(
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
      const [row] = yield* shop.rows(owner)
      assert.deepStrictEqual(row?.pendingTerminations.map(({ computeId }) => computeId), [compute.id])
      const { controls, provider } = first.cloud
      yield* controls.delay("terminate", {})
      const second = yield* open({ shop, cloud: { controls, provider } })
      yield* pass(240)
      assert.deepStrictEqual(yield* live(second), [])
      assert.strictEqual((yield* second.orchestrator.info(id)).state, "ended")
    }))

  it.effect("waits half a minute unless told otherwise, in which a terminate that hangs is given up and tried again", () =>
    Effect.gen(function*() {
      const house = yield* open()
      yield* house.orchestrator.spawn({})
      yield* house.controls.delay("terminate", { request: "1 hour" })
      const start = yield* Clock.currentTimeMillis
      yield* house.close
      const took = (yield* Clock.currentTimeMillis) - start
      assert.isTrue(took >= 30_000 && took <= 32_000, `${took}`)
      assert.strictEqual((yield* house.controls.counts).terminate, 2)
    }))

  it.effect("refuses who comes too late, and ends a session whose rent is still on its way", () =>
    Effect.gen(function*() {
      const house = yield* open()
      yield* house.controls.delay("spawnCompute", { request: "1 second", answer: "4 seconds" })
      const early = yield* Effect.forkChild(reasonOf(house.orchestrator.spawn({})))
      yield* pass(2)
      const closing = yield* Effect.forkChild(house.close)
      yield* settle
      assert.propertyVal(yield* reasonOf(house.orchestrator.spawn({})), "_tag", "Validation")
      yield* pass(20)
      yield* Fiber.join(closing)
      assert.propertyVal(yield* Fiber.join(early), "_tag", "Ended")
      assert.deepStrictEqual(yield* live(house), [])
    }))

  it.effect("answers whoever still waits", () =>
    Effect.gen(function*() {
      const house = yield* open({ mock: { provisioning: "1 hour" } })
      const { id } = yield* house.orchestrator.runTask({}, { persist: true })
      const waiter = yield* Effect.forkChild(reasonOf(house.orchestrator.awaitEnd(id)))
      yield* settle
      yield* house.close
      assert.propertyVal(yield* Fiber.join(waiter), "_tag", "Uncertain")
    }))

  it.effect("answers who comes or still waits with what has happened, each under its own verb, and ends the streams", () =>
    Effect.gen(function*() {
      const house = yield* open({ mock: { provisioning: "1 hour" }, closeWithin: "5 seconds" })
      const { controls, engine, orchestrator } = house
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
      yield* house.close
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
      // what was known is still told, and costs nobody anything
      assert.strictEqual((yield* orchestrator.info(id)).state, "live")
      assert.strictEqual(engine.waiting(), 0)
    }))

  it.effect("tells who listens the end of each session before the stream ends", () =>
    Effect.gen(function*() {
      const house = yield* open()
      const ids = yield* Effect.forEach(
        Array.from({ length: 5 }),
        () => Effect.map(house.orchestrator.spawn({}), ({ id }) => id)
      )
      const streams = yield* Effect.forEach(
        [...ids, null],
        (id) => Effect.forkChild(Stream.runCollect(house.orchestrator.events(id)))
      )
      yield* settle
      yield* house.close
      const heard = yield* Effect.forEach(streams, Fiber.join)
      const ended = heard.map((all) => all.filter((one) => one._tag === "Event" && one.event._tag === "Ended").length)
      assert.deepStrictEqual(ended, [1, 1, 1, 1, 1, 5])
    }))

  it.effect("answers also who waits for a place among ten thousand letters that nobody will read", () =>
    Effect.gen(function*() {
      const house = yield* open({ closeWithin: "5 seconds" })
      const { id } = yield* house.orchestrator.runTask({}, { persist: true })
      // the engine is held up by its store, and its mailbox fills
      yield* house.shop.door.close
      yield* Effect.forkChild(Effect.exit(house.orchestrator.stopTracked(id)))
      yield* settle
      yield* Effect.forEach(
        Array.from({ length: 10_000 }),
        () => house.engine.tell(id, { _tag: "WokeUp" }),
        { discard: true }
      )
      const waiters = yield* Effect.forEach(
        [house.orchestrator.spawn({}), house.orchestrator.stopTracked(id, { timeout: "1 hour" })],
        (verb) => Effect.forkChild(Effect.flip<unknown, AtlasError, never>(verb))
      )
      yield* settle
      const closing = yield* Effect.forkChild(house.close)
      yield* pass(7)
      const kinds = yield* Effect.forEach(waiters, (one) => Effect.map(Fiber.join(one), ({ kind }) => kind))
      assert.deepStrictEqual(kinds, ["uncertain", "not_tracked"])
      yield* house.shop.door.open
      yield* Fiber.join(closing)
    }))

  it.effect("with a store that cannot be written ends in time all the same", () =>
    Effect.gen(function*() {
      const house = yield* open({ closeWithin: "10 seconds" })
      yield* house.orchestrator.spawn({})
      house.shop.orders.commits = 1_000
      yield* inTime(house.close)
      assert.strictEqual((yield* live(house)).length, 1)
    }))
})

it.effect("an owner has one orchestrator at a time, and the second is told so; the seat is free when the first has closed", () =>
  Effect.gen(function*() {
    const shop = yield* makeShop
    const first = yield* open({ shop })
    const second = yield* Effect.flip(open({ shop }))
    assert.strictEqual(second.reason._tag, "StorageFault")
    yield* open({ shop, owner: "team2" })
    yield* first.close
    yield* open({ shop })
  }))
