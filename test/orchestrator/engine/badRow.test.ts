/**
 * One row that cannot be stored: the others go on, its session is ended, and nobody waits for it without an answer.
 */
import { assert, describe, it } from "@effect/vitest"
import { Uncertain } from "effect-atlas/domain/AtlasError"
import { Owner } from "effect-atlas/provider/NameStamp"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { SessionState } from "../../../src/orchestrator/session/State.ts"
import * as Rows from "../../../src/orchestrator/store/rows.ts"
import { live, makeTestStore, open, pass, reasonOf, settle, type TestStore } from "../harness.ts"
import { overhear } from "../overheard.ts"

const owner = Owner.make("team1")

/** A store that encodes every row, as all durable ones do. */
const makeEncodingStore = Effect.map(makeTestStore, (store): TestStore => ({
  ...store,
  service: {
    ...store.service,
    commit: (owner, writes) =>
      Effect.andThen(
        Effect.forEach(writes, (write) => Effect.fromResult(Rows.textOf(owner, write))),
        store.service.commit(owner, writes)
      )
  }
}))

describe("a row that makes every commit fail", () => {
  it.effect("delays no other session beyond one commit, whether both are written at once or one after the other", () =>
    overhear((lines) =>
      Effect.gen(function*() {
        const { orchestrator, store } = yield* open()
        const bad = yield* orchestrator.spawn({})
        const [one, other] = [yield* orchestrator.spawn({}), yield* orchestrator.spawn({})]
        store.faults.badRows = [bad.id]
        const stops = yield* Effect.forEach([bad, one], ({ id }) =>
          Effect.forkChild(Effect.exit(orchestrator.stopTracked(id))))
        yield* settle
        const ofOne = (id: string) =>
          store.written.flat().some((write) =>
            write.id === id && write.state?.phase._tag === "Ending"
          )
        assert.isTrue(ofOne(one.id))
        yield* pass(8)
        yield* Effect.forkChild(Effect.exit(orchestrator.stopTracked(other.id)))
        yield* settle
        assert.isTrue(ofOne(other.id))
        yield* pass(5)
        assert.isDefined(stops[1]?.pollUnsafe())
        yield* orchestrator.spawn({})
        const said = lines.filter((line) => line.includes(`the session ${bad.id} alone cannot be stored`))
        assert.strictEqual(said.length, 1, lines.join("\n"))
      })
    ))

  it.effect("does so also when there are several of them", () =>
    Effect.gen(function*() {
      const { orchestrator, store } = yield* open()
      const all = yield* Effect.forEach(Array.from({ length: 8 }), () => orchestrator.spawn({}))
      const ids = all.map(({ id }) => id)
      store.faults.badRows = ids.filter((_, index) => index % 2 === 0)
      yield* Effect.forEach(ids, (id) => Effect.forkChild(Effect.exit(orchestrator.stopTracked(id))))
      yield* settle
      const written = new Set(
        store.written.flat().flatMap(({ id, state }) => state?.phase._tag === "Ending" ? [id] : [])
      )
      assert.sameMembers([...written], ids.filter((_, index) => index % 2 === 1))
    }))

  it.effect("leaves its machine to be ended, a stop of it is uncertain, and it is written when it can be", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const { orchestrator, store } = harness
      const { compute, id } = yield* orchestrator.spawn({})
      const other = yield* orchestrator.spawn({})
      store.faults.badRows = [id]
      const stop = yield* Effect.forkChild(reasonOf<unknown>(orchestrator.stopTracked(id)))
      yield* pass(5)
      assert.notInclude(yield* live(harness), compute.id)
      yield* pass(26)
      const reason = yield* Fiber.join(stop)
      assert.instanceOf(reason, Uncertain)
      assert.match(reason.message, /verified gone, but its end could not be recorded: disk full/)
      assert.strictEqual((yield* orchestrator.info(other.id)).state, "live")
      store.faults.badRows = []
      yield* pass(11)
      yield* orchestrator.stopTracked(id)
    }))

  it.effect("ends its session when it goes on for a minute beside rows that are written", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const { controls, orchestrator, store } = harness
      const { compute, id } = yield* orchestrator.spawn({ providerOpts: { costPerHour: 1 } }, { idleTtl: false })
      const { compute: { id: beside } } = yield* orchestrator.spawn({ providerOpts: { costPerHour: 1 } })
      store.faults.badRows = [id]
      for (let price = 2; price < 10; price++) {
        yield* controls.setCostPerHour(compute.id, price)
        yield* controls.setCostPerHour(beside, price)
        yield* pass(61)
      }
      // the last of its end
      yield* pass(30)
      assert.deepStrictEqual(yield* live(harness), [beside])
      assert.isTrue(harness.engine.get(id)?.state.phase._tag === "Ended")
    }))
})

const attemptOf = ({ attempts }: SessionState) => attempts.at(-1)?.id ?? assert.fail("it has no attempt")

describe("a session whose state has no form that can be stored", () => {
  it.effect("fails its caller, is ended, and stops no other session", () =>
    Effect.gen(function*() {
      const store = yield* makeEncodingStore
      const harness = yield* open({ store })
      const { controls, orchestrator } = harness
      const other = yield* orchestrator.spawn({})
      yield* controls.delay("spawnCompute", { request: "1 hour" })
      const caller = yield* Effect.forkChild(reasonOf<unknown>(orchestrator.spawn({})))
      yield* settle
      const renting = [...harness.engine.all()].map(({ state }) => state).find(({ phase }) => phase._tag === "Renting")
      assert.isDefined(renting)
      // numbers of adapters are bounded where they enter, so this one is put in behind that place
      const fault = {
        reason: "RateLimited",
        provider: null,
        message: "slower",
        status: Infinity,
        retryAfter: null
      } as const
      harness.engine.report(renting.spec.id, { _tag: "Refused", attempt: attemptOf(renting), fault })
      yield* pass(10)
      assert.match(String(yield* Fiber.join(caller)), /the session cannot be stored and is ended/)
      const stop = yield* Effect.forkChild(orchestrator.stopTracked(other.id))
      yield* pass(5)
      yield* Fiber.join(stop)
      assert.deepStrictEqual(yield* live(harness), [])
    }))
})

describe("a row that is not as it was written, under an owner lock that is still held", () => {
  it.effect("is read again and goes on: nothing is released, and a stop ends the machine and succeeds", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const { orchestrator, store } = harness
      const { id } = yield* orchestrator.spawn({})
      yield* store.overwrite(owner, id)
      const stop = yield* Effect.forkChild(orchestrator.stopTracked(id))
      yield* pass(10)
      yield* Fiber.join(stop)
      assert.deepStrictEqual(yield* live(harness), [])
      assert.strictEqual((yield* orchestrator.info(id)).state, "ended")
    }))

  it.effect("from a database that was restored some commits behind is written over, and limits hold", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const { orchestrator, store } = harness
      const { compute, id } = yield* orchestrator.spawn({}, { idleTtl: "2 minutes" })
      const old = yield* store.rows(owner)
      yield* pass(70)
      yield* orchestrator.touch(id)
      yield* settle
      yield* store.restore(owner, old)
      yield* pass(60)
      assert.deepStrictEqual(yield* live(harness), [compute.id])
      yield* pass(70)
      assert.deepStrictEqual(yield* live(harness), [])
      assert.deepStrictEqual((yield* store.rows(owner)).map(({ phase }) => phase._tag), ["Ended"])
    }))

  it.effect("from a database that was restored to before the session began is inserted again", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const { orchestrator, store } = harness
      const { compute, id } = yield* orchestrator.spawn({})
      yield* store.restore(owner, [])
      const stop = yield* Effect.forkChild(orchestrator.stopTracked(id))
      yield* pass(10)
      yield* Fiber.join(stop)
      assert.notInclude(yield* live(harness), compute.id)
      assert.deepStrictEqual((yield* store.rows(owner)).map(({ phase }) => phase._tag), ["Ended"])
    }))

  it.effect("that names a machine which the session does not know has that machine ended as well", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const { controls, orchestrator, store } = harness
      const { id } = yield* orchestrator.spawn({})
      const stray = yield* orchestrator.spawn({})
      const [row] = (yield* store.rows(owner)).filter(({ spec }) => spec.id === id)
      if (row?.phase._tag !== "Live") return assert.fail("it does not live")
      yield* store.restore(owner, [{ ...row, phase: { ...row.phase, computeId: stray.compute.id } }])
      const stop = yield* Effect.forkChild(orchestrator.stopTracked(id))
      yield* pass(15)
      yield* Fiber.join(stop)
      assert.strictEqual((yield* controls.counts).terminate, 2)
    }))

  it.effect("waits while the store cannot tell who holds the lock, and then goes on", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const { orchestrator, store } = harness
      const { id } = yield* orchestrator.spawn({})
      yield* store.overwrite(owner, id)
      store.faults.lockChecks = 4
      const stop = yield* Effect.forkChild(orchestrator.stopTracked(id))
      yield* pass(5)
      assert.strictEqual((yield* live(harness)).length, 1)
      yield* pass(25)
      yield* Fiber.join(stop)
      assert.deepStrictEqual(yield* live(harness), [])
    }))

  it.effect("ends nothing, however long the store cannot tell who holds the lock: the sessions may be another process's", () =>
    overhear((lines) =>
      Effect.gen(function*() {
        const harness = yield* open()
        const { orchestrator, store } = harness
        const { id } = yield* orchestrator.spawn({}, { idleTtl: false })
        yield* orchestrator.spawn({}, { idleTtl: "3 minutes" })
        yield* store.overwrite(owner, id)
        store.faults.lockChecks = 1_000
        const stop = yield* Effect.forkChild(reasonOf<unknown>(orchestrator.stopTracked(id)))
        yield* pass(60, "10 seconds")
        assert.strictEqual((yield* live(harness)).length, 2)
        assert.instanceOf(yield* Fiber.join(stop), Uncertain)
        assert.include(lines.join("\n"), "nothing is ended that the rows do not end")
        store.faults.lockChecks = 0
        yield* pass(30)
        assert.deepStrictEqual(yield* live(harness), [])
      })
    ))

  it.effect("is read again when the first read fails", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const { orchestrator, store } = harness
      const { id } = yield* orchestrator.spawn({})
      yield* store.overwrite(owner, id)
      store.faults.loads = 3
      const stop = yield* Effect.forkChild(orchestrator.stopTracked(id))
      yield* pass(15)
      yield* Fiber.join(stop)
      assert.deepStrictEqual(yield* live(harness), [])
    }))

  it.effect("and belongs to another owner is left alone; the machine is ended, and a stop is uncertain", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const { orchestrator, store } = harness
      const { id } = yield* orchestrator.spawn({})
      const [row] = yield* store.rows(owner)
      if (row === undefined) return assert.fail("there is no row")
      yield* store.restore(owner, [])
      const other = Owner.make("team2")
      yield* store.restore(other, [{ ...row, spec: { ...row.spec, owner: other } }])
      const stop = yield* Effect.forkChild(reasonOf<unknown>(orchestrator.stopTracked(id)))
      yield* pass(31)
      const reason = yield* Fiber.join(stop)
      assert.instanceOf(reason, Uncertain)
      assert.match(reason.message, /could not be recorded: it is another owner's/)
      assert.deepStrictEqual(yield* live(harness), [])
      assert.strictEqual((yield* store.rows(other)).length, 1)
    }))
})
