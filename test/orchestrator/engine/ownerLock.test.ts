/**
 * An engine whose owner lock another process has taken: it stops, logs that once as an error, and touches nothing any more.
 */
import { assert, describe, it } from "@effect/vitest"
import { StorageFault, Uncertain } from "effect-atlas/domain/AtlasError"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import { live, open, pass, reasonOf, settle } from "../harness.ts"

const newHolder = "process 7 on elsewhere"

const assertLost = (answer: unknown): void => {
  assert.instanceOf(answer, StorageFault)
  assert.match(String(answer), /lost the lock of the owner team1 .*process 7 on elsewhere.*stop this one/)
}

describe("after the owner lock was lost", () => {
  it.effect("every verb is refused with the new holder and what to do, and it is logged once", () => {
    const logged: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => void logged.push(`${logLevel} ${String(message)}`))
    return Effect.gen(function*() {
      const { engine, orchestrator, store } = yield* open()
      const { compute, id } = yield* orchestrator.spawn({})
      store.faults.lostTo = newHolder
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
      for (const verb of all) assertLost(yield* reasonOf<unknown>(verb))
      yield* pass(120)
      assert.deepStrictEqual([yield* orchestrator.listIds, engine.waiting()], [[], 0])
      assert.strictEqual(logged.filter((line) => line.includes("lost the lock")).length, 1, logged.join("\n"))
    }).pipe(Effect.provide(Logger.layer([logger])))
  })

  it.effect("waiting callers fail, the stream of one session ends with Released and that of all fails", () =>
    Effect.gen(function*() {
      const { controls, engine, orchestrator, store } = yield* open({ mock: { provisioning: "1 hour" } })
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
      store.faults.lostTo = newHolder
      yield* pass(16)
      for (const waiter of waiting) assertLost(yield* Fiber.join(waiter))
      const last = (yield* Fiber.join(one)).at(-1)
      assert.isTrue(last?._tag === "Event" && last.event._tag === "Released")
      assert.strictEqual(engine.waiting(), 0)
    }))

  it.effect("a commit that finds it out releases all sessions, not one by one, and a stop under way is uncertain", () =>
    Effect.gen(function*() {
      const { controls, orchestrator, store } = yield* open()
      const { compute, id } = yield* orchestrator.spawn({})
      const other = yield* orchestrator.spawn({})
      const stopping = yield* Effect.forkChild(reasonOf<unknown>(orchestrator.awaitEnd(other.id)))
      yield* settle
      store.faults.lostTo = newHolder
      const stopped = yield* reasonOf<unknown>(orchestrator.stopTracked(id))
      assert.instanceOf(stopped, Uncertain)
      assert.match(String(stopped), /let go to another orchestrator.*process 7 on elsewhere/)
      assert.strictEqual(stopped.computeId, compute.id)
      assertLost(yield* Fiber.join(stopping))
      yield* pass(70)
      assert.strictEqual((yield* controls.counts).terminate, 0)
      assert.sameMembers([...yield* live({ controls })], [compute.id, other.compute.id])
    }))

  it.effect("nothing is listed and nothing unknown is ended", () =>
    Effect.gen(function*() {
      const { controls, orchestrator, store } = yield* open()
      const { compute } = yield* orchestrator.spawn({})
      yield* pass(130)
      store.faults.lostTo = newHolder
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
      const harness = yield* open()
      const { compute } = yield* harness.orchestrator.spawn({})
      harness.store.faults.lostTo = newHolder
      yield* pass(16)
      const closing = yield* Effect.forkChild(harness.close)
      yield* pass(2)
      assert.isDefined(closing.pollUnsafe())
      assert.deepStrictEqual(yield* live(harness), [compute.id])
    }))
})

describe("a create that waits for a place", () => {
  it.effect("is not sent once the lock is lost", () =>
    Effect.gen(function*() {
      const { controls, orchestrator, store } = yield* open()
      yield* controls.delay("spawnCompute", { request: "5 seconds" })
      const callers = yield* Effect.forEach(Array.from({ length: 30 }), () =>
        Effect.forkChild(reasonOf<unknown>(orchestrator.spawn({}))))
      yield* settle
      store.faults.lostTo = newHolder
      yield* pass(60)
      assert.strictEqual((yield* controls.counts).spawnCompute, 8)
      for (const caller of callers) {
        assertLost(yield* Fiber.join(caller))
      }
    }))

  it.effect("waits for a store that cannot answer who holds the lock, and is sent when it can", () =>
    Effect.gen(function*() {
      const { controls, orchestrator, store } = yield* open()
      store.faults.lockChecks = 3
      const caller = yield* Effect.forkChild(orchestrator.spawn({}))
      yield* pass(2)
      assert.strictEqual((yield* controls.counts).spawnCompute, 0)
      yield* pass(10)
      yield* Fiber.join(caller)
      assert.strictEqual((yield* controls.counts).spawnCompute, 1)
    }))
})
