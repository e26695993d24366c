/**
 * An engine whose seat somebody else has taken: it stops, says so loudly and once, and touches nothing any more.
 */
import { assert, describe, it } from "@effect/vitest"
import { StorageFault } from "effect-atlas/domain/AtlasError"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import { live, open, pass, reasonOf, settle } from "../harness.ts"

const thief = "process 7 on elsewhere"

const saysLost = (answer: unknown): void => {
  assert.instanceOf(answer, StorageFault)
  assert.match(String(answer), /lost the seat of the owner team1 .*process 7 on elsewhere.*stop this one/)
}

describe("after the seat was lost", () => {
  it.effect("every verb is refused with who has it and what to do, and the log says so once", () => {
    const logged: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => void logged.push(`${logLevel} ${String(message)}`))
    return Effect.gen(function*() {
      const { engine, orchestrator, shop } = yield* open()
      const { compute, id } = yield* orchestrator.spawn({})
      shop.orders.seat = thief
      yield* pass(16)
      const all = [
        orchestrator.spawn({}),
        orchestrator.runTask({}),
        Effect.scoped(orchestrator.scoped({})),
        orchestrator.touch(id),
        orchestrator.info(id),
        orchestrator.getCompute(compute.id),
        orchestrator.stopTracked(id),
        orchestrator.awaitReady(id),
        orchestrator.awaitEnd(id),
        orchestrator.spend(id),
        Stream.runCollect(orchestrator.events(id)),
        Stream.runCollect(orchestrator.events(null))
      ]
      for (const verb of all) saysLost(yield* reasonOf<unknown>(verb))
      yield* pass(120)
      assert.deepStrictEqual([yield* orchestrator.listIds, engine.waiting()], [[], 0])
      assert.strictEqual(logged.filter((line) => line.includes("lost the seat")).length, 1, logged.join("\n"))
    }).pipe(Effect.provide(Logger.layer([logger])))
  })

  it.effect("whoever waits is told, one session's stream ends with Released and that of all fails", () =>
    Effect.gen(function*() {
      const { controls, engine, orchestrator, shop } = yield* open({ mock: { provisioning: "1 hour" } })
      const { id } = yield* orchestrator.spawn({})
      yield* controls.delay("spawnCompute", { request: "1 hour" })
      const waiting = yield* Effect.forEach([
        orchestrator.spawn({}),
        orchestrator.awaitReady(id),
        orchestrator.awaitEnd(id),
        Stream.runCollect(orchestrator.events(null))
      ], (one) => Effect.forkChild(reasonOf<unknown>(one)))
      const one = yield* Effect.forkChild(Stream.runCollect(orchestrator.events(id)))
      yield* settle
      shop.orders.seat = thief
      yield* pass(16)
      for (const waiter of waiting) saysLost(yield* Fiber.join(waiter))
      const last = (yield* Fiber.join(one)).at(-1)
      assert.isTrue(last?._tag === "Event" && last.event._tag === "Released")
      assert.strictEqual(engine.waiting(), 0)
    }))

  it.effect("a commit that finds it out ends all sessions here, not one by one", () =>
    Effect.gen(function*() {
      const { controls, orchestrator, shop } = yield* open()
      const { compute, id } = yield* orchestrator.spawn({})
      const other = yield* orchestrator.spawn({})
      const stopping = yield* Effect.forkChild(reasonOf<unknown>(orchestrator.awaitEnd(other.id)))
      yield* settle
      shop.orders.seat = thief
      saysLost(yield* reasonOf<unknown>(orchestrator.stopTracked(id)))
      saysLost(yield* Fiber.join(stopping))
      yield* pass(70)
      assert.strictEqual((yield* controls.counts).terminate, 0)
      assert.sameMembers([...yield* live({ controls })], [compute.id, other.compute.id])
    }))

  it.effect("nothing is listed and nothing unknown is ended", () =>
    Effect.gen(function*() {
      const { controls, orchestrator, shop } = yield* open()
      const { compute } = yield* orchestrator.spawn({})
      yield* pass(130)
      shop.orders.seat = thief
      yield* pass(16)
      const { listCompute } = yield* controls.counts
      yield* pass(300)
      assert.strictEqual((yield* controls.counts).listCompute, listCompute)
      const { ended, left } = yield* orchestrator.reapNow()
      assert.deepStrictEqual([ended, left.map(({ why }) => why)], [[], ["store_cannot_tell"]])
      assert.deepStrictEqual(yield* live({ controls }), [compute.id])
    }))

  it.effect("it closes at once and ends nothing", () =>
    Effect.gen(function*() {
      const house = yield* open()
      const { compute } = yield* house.orchestrator.spawn({})
      house.shop.orders.seat = thief
      yield* pass(16)
      const closing = yield* Effect.forkChild(house.close)
      yield* pass(2)
      assert.isDefined(closing.pollUnsafe())
      assert.deepStrictEqual(yield* live(house), [compute.id])
    }))
})

describe("a create that waits for its turn", () => {
  it.effect("is not sent once the seat is lost", () =>
    Effect.gen(function*() {
      const { controls, orchestrator, shop } = yield* open()
      yield* controls.delay("spawnCompute", { request: "5 seconds" })
      const callers = yield* Effect.forEach(Array.from({ length: 30 }), () =>
        Effect.forkChild(reasonOf<unknown>(orchestrator.spawn({}))))
      yield* settle
      shop.orders.seat = thief
      yield* pass(60)
      assert.strictEqual((yield* controls.counts).spawnCompute, 8)
      for (const caller of callers) {
        saysLost(yield* Fiber.join(caller))
      }
    }))

  it.effect("waits for a store that cannot tell, and is sent when it can", () =>
    Effect.gen(function*() {
      const { controls, orchestrator, shop } = yield* open()
      shop.orders.seats = 3
      const caller = yield* Effect.forkChild(orchestrator.spawn({}))
      yield* pass(2)
      assert.strictEqual((yield* controls.counts).spawnCompute, 0)
      yield* pass(10)
      yield* Fiber.join(caller)
      assert.strictEqual((yield* controls.counts).spawnCompute, 1)
    }))
})
