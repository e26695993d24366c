/**
 * A store that cannot be written for long: renting waits for the record, ending never does, and what is not recorded is no success.
 */
import { assert, describe, it } from "@effect/vitest"
import { AtlasError, Uncertain } from "effect-atlas/domain/AtlasError"
import { Owner } from "effect-atlas/provider/NameStamp"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type Harness, inTime, live, open, pass, reasonOf, settle } from "../harness.ts"
import { overhear } from "../overheard.ts"

const owner = Owner.make("team1")
const priced = { providerOpts: { costPerHour: 60 } }
const spot = { spot: true, ...priced }

/** What is told from now on. */
const listen = ({ orchestrator }: Harness) =>
  Effect.gen(function*() {
    const told: Array<string> = []
    yield* Effect.forkScoped(Stream.runForEach(orchestrator.events(null), (element) =>
      Effect.sync(() => {
        if (element._tag === "Event") told.push(element.event._tag)
      })))
    yield* settle
    return told
  })

describe("while the store cannot be written", () => {
  it.effect("a machine is ended at its idle limit, at its run limit, at its cap, and when it is stopped", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const { orchestrator, store } = harness
      yield* orchestrator.spawn(priced, { idleTtl: "1 minute" })
      yield* orchestrator.spawn(priced, { maxRuntime: "2 minutes", idleTtl: false })
      yield* orchestrator.spawn(priced, { maxCost: 3, idleTtl: false })
      const { id } = yield* orchestrator.spawn(priced, { idleTtl: false })
      store.faults.commits = 100_000
      const left: Array<number> = []
      for (let minutes = 0; minutes < 4; minutes++) {
        yield* pass(65)
        left.push((yield* live(harness)).length)
      }
      assert.deepStrictEqual(left, [3, 2, 1, 1])
      yield* Effect.forkChild(Effect.exit(orchestrator.stopTracked(id)))
      yield* pass(10)
      assert.deepStrictEqual(yield* live(harness), [])
    }))

  it.effect("a terminate that fails is tried again, and one that was on record before is as well", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const { controls, orchestrator, store } = harness
      const { id } = yield* orchestrator.spawn({})
      yield* controls.ignoreDeletes(3)
      yield* Effect.forkChild(Effect.exit(orchestrator.stopTracked(id)))
      yield* settle
      store.faults.commits = 100_000
      yield* pass(60)
      assert.deepStrictEqual(yield* live(harness), [])
      assert.isAtLeast((yield* controls.counts).terminate, 4)
    }))

  it.effect("it is asked for a few commits a pause, however many sessions wait, and writes all when it works again", () =>
    Effect.gen(function*() {
      const { engine, orchestrator, store } = yield* open()
      const all = yield* Effect.forEach(Array.from({ length: 20 }), () => orchestrator.spawn({}))
      store.faults.commits = 100_000
      for (const { id } of all) yield* Effect.forkChild(Effect.exit(orchestrator.stopTracked(id)))
      yield* settle
      assert.isAtMost(store.tried.length - 40, 15)
      yield* pass(60)
      const before = store.tried.length
      yield* pass(60)
      assert.isAtMost(store.tried.length - before, 12)
      store.faults.commits = 0
      yield* pass(20)
      for (const { id } of all) assert.isNull(engine.whyUnrecorded(id))
    }))

  it.effect("rows that can be written are found beside many that cannot, also when the first tries found none", () =>
    Effect.gen(function*() {
      const { orchestrator, store } = yield* open()
      const all = yield* Effect.forEach(Array.from({ length: 20 }), () => orchestrator.spawn({}))
      const ids = all.map(({ id }) => id)
      const good = ids[13]
      store.faults.badRows = ids.filter((id) => id !== good)
      for (const { id } of all) yield* Effect.forkChild(Effect.exit(orchestrator.stopTracked(id)))
      yield* pass(180)
      assert.isTrue(store.written.flat().some(({ id, state }) => id === good && state?.phase._tag === "Ended"))
    }))

  it.effect("a machine that a commit does not answer about is ended after about a second", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const { orchestrator, store } = harness
      const { id } = yield* orchestrator.spawn({})
      yield* store.gate.close
      yield* Effect.forkChild(Effect.exit(orchestrator.stopTracked(id)))
      yield* settle
      assert.strictEqual((yield* harness.controls.counts).terminate, 0)
      yield* pass(2)
      assert.strictEqual((yield* harness.controls.counts).terminate, 1)
      yield* pass(5)
      assert.deepStrictEqual(yield* live(harness), [])
    }))

  it.effect("a machine whose create was answered only then, and is not recorded, is ended too", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const { controls, orchestrator, store } = harness
      yield* controls.delay("spawnCompute", { answer: "5 seconds" })
      const caller = yield* Effect.forkChild(orchestrator.spawn({}))
      yield* pass(1)
      store.faults.commits = 100_000
      yield* pass(6)
      assert.strictEqual((yield* live(harness)).length, 1)
      yield* Fiber.interrupt(caller)
      yield* pass(10)
      assert.deepStrictEqual(yield* live(harness), [])
    }))

  it.effect("a replacement is not rented, and is rented once when its intent is recorded", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const { controls, orchestrator, store } = harness
      const { compute, id } = yield* orchestrator.spawn(spot, { idleTtl: false, onFailure: { respawn: 1 } })
      yield* pass(10)
      store.faults.commits = 100_000
      yield* controls.setStatus(compute.id, "terminated")
      yield* pass(120)
      assert.deepStrictEqual([(yield* controls.counts).spawnCompute, yield* live(harness)], [1, []])
      store.faults.commits = 0
      yield* pass(20)
      assert.strictEqual((yield* controls.counts).spawnCompute, 2)
      assert.strictEqual((yield* orchestrator.info(id)).state, "live")
    }))

  it.effect("a create that waits for its intent is called off when its session is stopped, and never sent", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const { controls, orchestrator, store } = harness
      const { compute, id } = yield* orchestrator.spawn(spot, { idleTtl: false, onFailure: { respawn: 1 } })
      yield* pass(10)
      store.faults.commits = 100_000
      yield* controls.setStatus(compute.id, "terminated")
      yield* pass(70)
      const stop = yield* Effect.forkChild(orchestrator.stopTracked(id))
      yield* pass(2)
      assert.strictEqual((yield* orchestrator.info(id)).state, "ended")
      store.faults.commits = 0
      yield* pass(20)
      yield* Fiber.join(stop)
      assert.strictEqual((yield* controls.counts).spawnCompute, 1)
    }))

  it.effect("no event is told, a repeated one is told once, and all are told in order when the row is written", () =>
    Effect.gen(function*() {
      const harness = yield* open({ pollInterval: "5 seconds" })
      const { orchestrator, store } = harness
      const { id } = yield* orchestrator.spawn(priced, { heartbeat: "1 minute", idleTtl: false, reconcileSpend: false })
      const told = yield* listen(harness)
      store.faults.commits = 100_000
      yield* harness.controls.setCostPerHour((yield* live(harness))[0] ?? "", 61)
      yield* pass(20)
      yield* pass(20, "1 minute")
      yield* Effect.forkChild(Effect.exit(orchestrator.stopTracked(id)))
      yield* pass(20)
      assert.deepStrictEqual(told, [])
      store.faults.commits = 0
      yield* pass(11)
      assert.deepStrictEqual(told, ["Heartbeat", "Terminating", "Status", "Ended"])
    }))

  it.effect("a stop whose machine is gone and whose end is not recorded is uncertain, with just that", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const { orchestrator, store } = harness
      const { compute, id } = yield* orchestrator.spawn({})
      store.faults.commits = 100_000
      const stop = yield* Effect.forkChild(reasonOf<unknown>(orchestrator.stopTracked(id)))
      yield* pass(31)
      const reason = yield* Fiber.join(stop)
      assert.instanceOf(reason, Uncertain)
      assert.strictEqual(reason.computeId, compute.id)
      assert.match(reason.message, /verified gone, but its end could not be recorded: disk full/)
      assert.instanceOf(yield* inTime(reasonOf<unknown>(orchestrator.stopTracked(id))), Uncertain)
      store.faults.commits = 0
      yield* pass(11)
      yield* orchestrator.stopTracked(id)
    }))

  it.effect("a stop whose machine is not gone yet is uncertain about that, with its id", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const { compute, id } = yield* harness.orchestrator.spawn({})
      yield* harness.controls.ignoreDeletes(1_000)
      const stop = yield* Effect.forkChild(reasonOf<unknown>(harness.orchestrator.stopTracked(id)))
      yield* pass(31)
      const reason = yield* Fiber.join(stop)
      assert.instanceOf(reason, Uncertain)
      assert.strictEqual(reason.computeId, compute.id)
      assert.match(reason.message, /not verified gone yet/)
      yield* harness.controls.ignoreDeletes(0)
    }))

  it.effect("a scope that closes does not succeed when the end of its machine is not recorded", () =>
    overhear((lines) =>
      Effect.gen(function*() {
        const harness = yield* open()
        const scope = yield* Scope.make()
        const { id } = yield* Scope.provide(harness.orchestrator.scoped({}), scope)
        harness.store.faults.commits = 100_000
        const closing = yield* Effect.forkChild(Effect.exit(Scope.close(scope, Exit.void)))
        yield* pass(31)
        const defects = Exit.findDefect(yield* Fiber.join(closing))
        assert.isTrue(Result.isSuccess(defects) && defects.success instanceof AtlasError)
        assert.deepStrictEqual(yield* live(harness), [])
        assert.isTrue(
          lines.some((line) => line.includes(id) && line.includes("could not be recorded")),
          lines.join("\n")
        )
      })
    ))

  it.effect("closing ends the machines and says of which sessions the end is not recorded", () =>
    overhear((lines) =>
      Effect.gen(function*() {
        const harness = yield* open()
        const { id } = yield* harness.orchestrator.spawn({})
        harness.store.faults.commits = 100_000
        yield* harness.close
        assert.deepStrictEqual(yield* live(harness), [])
        assert.isTrue(
          lines.some((line) => line.includes(`the end of the session ${id} could be recorded`)),
          lines.join("\n")
        )
      })
    ))

  it.effect("a session that is over is forgotten when its time has come and the store works again", () =>
    Effect.gen(function*() {
      const harness = yield* open({ retention: "2 minutes" })
      const { orchestrator, store } = harness
      const { id } = yield* orchestrator.spawn({})
      const stop = yield* Effect.forkChild(orchestrator.stopTracked(id))
      yield* pass(10)
      yield* Fiber.join(stop)
      store.faults.commits = 100_000
      yield* pass(300)
      assert.strictEqual((yield* store.rows(owner)).length, 1)
      store.faults.commits = 0
      yield* pass(11)
      assert.deepStrictEqual(yield* store.rows(owner), [])
      assert.propertyVal(yield* reasonOf(orchestrator.info(id)), "_tag", "NotTracked")
    }))
})

it.effect("after an outage the newest state of a session is written, once", () =>
  Effect.gen(function*() {
    const harness = yield* open()
    const { orchestrator, store } = harness
    const { id } = yield* orchestrator.spawn({})
    store.faults.commits = 100_000
    yield* Effect.forkChild(Effect.exit(orchestrator.stopTracked(id)))
    yield* pass(60)
    const before = store.written.length
    store.faults.commits = 0
    yield* pass(11)
    const phases = store.written.slice(before).flatMap((writes) => writes.map(({ state }) => state?.phase._tag))
    assert.deepStrictEqual(phases, ["Ended"])
  }))

it.effect("one row is never written twice at a time, and what is decided meanwhile is written after", () =>
  Effect.gen(function*() {
    const harness = yield* open()
    const { orchestrator, store } = harness
    const { id } = yield* orchestrator.spawn({})
    const before = store.tried.length
    yield* store.gate.close
    const stop = yield* Effect.forkChild(orchestrator.stopTracked(id))
    yield* pass(10)
    assert.strictEqual(store.tried.length, before + 1)
    yield* store.gate.open
    yield* settle
    yield* Fiber.join(stop)
    assert.strictEqual(store.tried.length, before + 2)
  }))
