/**
 * Commands that wait for their turn: a session is asked again when it comes, and hung commands of one kind hold up no other.
 */
import { assert, describe, it } from "@effect/vitest"
import { NoCapacity, RateLimited } from "effect-atlas/domain/AtlasError"
import { ProviderId } from "effect-atlas/domain/Ids"
import { SessionSecrets } from "effect-atlas/orchestrator"
import { Owner } from "effect-atlas/provider/NameStamp"
import * as Provider from "effect-atlas/provider/Provider"
import * as StillWanted from "effect-atlas/provider/StillWanted"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import { answerOf, type Harness, live, makeTestStore, open, type Options, pass, reasonOf, settle } from "../harness.ts"
import { overhear } from "../overheard.ts"

const owner = Owner.make("team1")

/** So many callers of creates that take a second each, of which eight are under way. */
const burst = (spawn: (harness: Harness) => Effect.Effect<unknown>, options: Options = {}) =>
  Effect.gen(function*() {
    const harness = yield* open({ concurrency: 8, ...options })
    yield* harness.controls.delay("spawnCompute", { request: "500 millis", answer: "500 millis" })
    const callers = yield* Effect.forEach(Array.from({ length: 64 }), () => Effect.forkChild(spawn(harness)))
    yield* pass(1, "1200 millis")
    const sent = Effect.map(harness.controls.counts, ({ spawnCompute }) => spawnCompute)
    assert.strictEqual(yield* sent, 16, "the second eight are under way")
    return { ...harness, callers, sent }
  })

const interactive = ({ orchestrator }: Harness) => reasonOf<unknown>(orchestrator.spawn({}))

describe("of sixty-four creates at once no other one is sent", () => {
  it.effect("after all callers have left", () =>
    Effect.gen(function*() {
      const { callers, controls, engine, sent } = yield* burst(interactive)
      yield* Fiber.interruptAll(callers)
      yield* pass(60)
      assert.strictEqual(yield* sent, 16)
      assert.deepStrictEqual([...yield* live({ controls })].length, 8, "the eight that were answered before")
      for (const { state } of engine.all()) {
        assert.deepStrictEqual(state.refusals, [])
        assert.isTrue(state.phase._tag === "Live" || state.phase._tag === "Ended", state.phase._tag)
      }
    }))

  it.effect("after all were stopped, and a stop of one that waits answers at once", () =>
    Effect.gen(function*() {
      const { engine, orchestrator, sent } = yield* burst(interactive)
      const ids = yield* orchestrator.listIds
      const stops = yield* Effect.forEach(
        ids,
        (id) => Effect.forkChild(reasonOf<unknown>(orchestrator.stopTracked(id)))
      )
      yield* settle
      const over = Array.from(engine.all()).filter(({ state }) => state.phase._tag === "Ended" && state.last === null)
      assert.strictEqual(over.length, 48, "those that were not sent are over without any time")
      yield* pass(30)
      assert.strictEqual(yield* sent, 16)
      assert.deepStrictEqual([...new Set(yield* Effect.forEach(stops, Fiber.join))], [undefined])
    }))

  it.effect("after the orchestrator has begun to close: sessions that do not persist are over, and closing is not held up", () =>
    Effect.gen(function*() {
      const { close, controls, sent, store } = yield* burst(interactive)
      yield* close
      assert.strictEqual(yield* sent, 16)
      assert.deepStrictEqual(yield* live({ controls }), [])
      const rows = yield* store.rows(owner)
      assert.deepStrictEqual([...new Set(rows.map(({ phase }) => phase._tag))], ["Ended"])
    }))

  it.effect("after it has begun to close also of tasks that persist, which the next start rents", () =>
    Effect.gen(function*() {
      const store = yield* makeTestStore
      const first = yield* burst(({ orchestrator }) => reasonOf<unknown>(orchestrator.runTask({}, { persist: true })), {
        store
      })
      yield* first.close
      assert.strictEqual(yield* first.sent, 16)
      const second = yield* open({ store, cloud: first.cloud })
      yield* pass(30)
      assert.strictEqual(yield* first.sent, 64)
      assert.strictEqual((yield* live(second)).length, 64)
      const phases = Array.from(second.engine.all(), ({ state }) => state.phase._tag)
      assert.deepStrictEqual([...new Set(phases)], ["Live"])
    }))
})

it.effect("a task that persists, whose create waits behind one that hangs, is not in doubt when the orchestrator has closed", () =>
  overhear((lines) =>
    Effect.gen(function*() {
      const { close, controls, orchestrator, store } = yield* open({ concurrency: 1, closeWithin: "5 seconds" })
      yield* controls.delay("spawnCompute", { request: "1 hour" })
      yield* Effect.forkChild(Effect.exit(orchestrator.spawn({})))
      yield* settle
      yield* Effect.forkChild(Effect.exit(orchestrator.runTask({}, { persist: true })))
      yield* settle
      yield* close
      const rows = yield* store.rows(owner)
      assert.deepStrictEqual(rows.map(({ phase }) => phase._tag).toSorted(), ["Renting", "Waiting"])
      const left = lines.filter((line) => line.includes("closed before the session"))
      assert.strictEqual(left.length, 1)
      const hung = rows.find(({ phase }) => phase._tag === "Renting")
      if (hung?.phase._tag !== "Renting") return assert.fail("the first is not in doubt")
      assert.include(left.join(), hung.phase.attempt.name, "what may have been made is named")
    })
  ))

it.effect("a create that was called off leaves no refusal and asks no other candidate", () =>
  Effect.gen(function*() {
    const harness = yield* open({ concurrency: 1 })
    yield* harness.controls.delay("spawnCompute", { request: "1 hour" })
    yield* Effect.forkChild(harness.orchestrator.spawn({}))
    yield* settle
    const second = yield* Effect.forkChild(harness.orchestrator.spawn({ gpu: ["h100", "a100_80g"] }))
    yield* settle
    yield* Fiber.interrupt(second)
    yield* settle
    const over = Array.from(harness.engine.all()).flatMap(({ state }) => state.phase._tag === "Ended" ? [state] : [])
    assert.deepStrictEqual(over.map(({ attempts, refusals }) => [attempts.length, refusals.length]), [[1, 0]])
  }))

describe("a create is not sent when its session ended while", () => {
  it.effect("the host was asked for its secrets", () =>
    Effect.gen(function*() {
      const store = yield* makeTestStore
      const first = yield* open({ store })
      yield* first.controls.failNext("spawnCompute", new RateLimited({ message: "busy" }))
      const id = yield* Effect.forkChild(first.orchestrator.runTask({ env: { KEY: "value" } }, { persist: true }))
      yield* settle
      yield* first.close
      yield* Fiber.await(id)
      const asked = yield* Latch.make(false)
      const secrets = () => Effect.as(asked.await, { ...SessionSecrets.none, env: { KEY: "value" } })
      const second = yield* open({ store, cloud: first.cloud, secrets })
      yield* pass(30)
      const [session] = yield* second.orchestrator.listIds
      if (session === undefined) return assert.fail("the session is gone")
      const before = (yield* first.controls.counts).spawnCompute
      yield* Effect.forkChild(Effect.exit(second.orchestrator.stopTracked(session)))
      yield* settle
      yield* asked.open
      yield* pass(5)
      assert.strictEqual((yield* first.controls.counts).spawnCompute, before)
      assert.strictEqual((yield* second.orchestrator.info(session)).state, "ended")
    }))

  it.effect("the store was asked who holds the owner lock", () =>
    Effect.gen(function*() {
      const { controls, orchestrator, store } = yield* open()
      store.faults.lockChecks = 3
      const caller = yield* Effect.forkChild(orchestrator.spawn({}))
      yield* pass(2)
      store.faults.lockChecks = 1_000
      yield* Fiber.interrupt(caller)
      yield* pass(2)
      assert.deepStrictEqual(yield* orchestrator.listIds, [], "it does not wait for that answer")
      yield* pass(60)
      assert.strictEqual((yield* controls.counts).spawnCompute, 0)
    }))

  it.effect("the adapter had it wait in a queue of its own", () =>
    Effect.gen(function*() {
      const { gate, provider, sent } = yield* queueing
      const { engine, orchestrator } = yield* open({ more: [provider] })
      const caller = yield* Effect.forkChild(orchestrator.spawn({}, { provider: "queueing" }))
      yield* settle
      yield* Fiber.interrupt(caller)
      yield* gate.open
      yield* settle
      assert.strictEqual(sent(), 0)
      const states = Array.from(engine.all(), ({ state }) => [state.phase._tag, state.refusals.length])
      assert.deepStrictEqual(states, [["Ended", 0]])
    }))
})

/** A cloud whose adapter lets creates wait before it sends them; its other calls hang. */
const queueing = Effect.gen(function*() {
  const gate = yield* Latch.make(false)
  let sent = 0
  const provider = Provider.make({
    id: ProviderId.make("queueing"),
    compute: {
      spawn: () =>
        Effect.gen(function*() {
          yield* gate.await
          yield* StillWanted.check
          sent += 1
          return yield* new NoCapacity({ message: "sold out" })
        }),
      get: () => Effect.never,
      list: () => Effect.never,
      terminate: () => Effect.never
    }
  })
  return { gate, provider, sent: () => sent }
})

describe("commands at once", () => {
  it.effect("are as many as the provider's figure says, 256 by default, or the orchestrator's own option", () =>
    Effect.gen(function*() {
      const underWay = Effect.fnUntraced(function*(options: Options) {
        const { controls, orchestrator } = yield* open(options)
        yield* controls.delay("spawnCompute", { request: "1 hour" })
        yield* Effect.forEach(Array.from({ length: 300 }), () => Effect.forkChild(Effect.exit(orchestrator.spawn({}))))
        yield* settle
        return (yield* controls.counts).spawnCompute
      })
      assert.strictEqual(yield* underWay({}), 256)
      assert.strictEqual(yield* underWay({ concurrency: 3 }), 3)
    }))

  it.effect("that hang hold up none of another kind: with every create hung a machine is ended and verified gone", () =>
    Effect.gen(function*() {
      const harness = yield* open({ concurrency: 2 })
      const { controls, orchestrator } = harness
      const { id } = yield* orchestrator.spawn({})
      yield* controls.delay("spawnCompute", { request: "1 hour" })
      yield* Effect.forEach(Array.from({ length: 10 }), () => Effect.forkChild(Effect.exit(orchestrator.spawn({}))))
      yield* settle
      const stopped = yield* Effect.forkChild(orchestrator.stopTracked(id))
      yield* pass(10)
      yield* answerOf(stopped)
      assert.deepStrictEqual(yield* live(harness), [])
    }))

  it.effect("that hang at one provider hold up none of another", () =>
    Effect.gen(function*() {
      const { provider } = yield* queueing
      const { orchestrator } = yield* open({ concurrency: 1, more: [provider] })
      yield* Effect.forkChild(Effect.exit(orchestrator.spawn({}, { provider: "queueing" })))
      yield* settle
      const caller = yield* Effect.forkChild(orchestrator.spawn({}))
      yield* pass(5)
      yield* answerOf(caller)
    }))
})
