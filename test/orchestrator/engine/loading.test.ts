/**
 * Many stored sessions at a start: they are adopted page by page, and what is due, what runs and what is unknown does not suffer.
 */
import { assert, describe, it } from "@effect/vitest"
import { AtlasError, StorageFault } from "effect-atlas/domain/AtlasError"
import type { Session, SessionStore } from "effect-atlas/orchestrator"
import * as ProviderFeed from "effect-atlas/orchestrator/ProviderFeed"
import { Owner } from "effect-atlas/provider/NameStamp"
import * as Providers from "effect-atlas/provider/Providers"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as TestClock from "effect/testing/TestClock"
import { inTime, live, open, pass, reasonOf, settle, type TestStore } from "../harness.ts"
import { addLive, makePlainCloud, plain } from "../plainCloud.ts"

const team = Owner.make("team1")

/** The same store, one session a page; `before` runs before each page but the first. */
const onePerPage = (store: TestStore, before: Effect.Effect<void, AtlasError> = Effect.void): TestStore => ({
  ...store,
  service: {
    ...store.service,
    load: (owner, after = "") =>
      Effect.gen(function*() {
        if (after !== "") yield* before
        const { next, sessions, unreadable } = yield* store.service.load(owner, after)
        const [first, ...others] = sessions
        return {
          sessions: first === undefined ? [] : [first],
          unreadable,
          next: others.length > 0 && first !== undefined ? first.spec.id : next
        }
      })
  }
})

/** Sessions of a process that is gone, in the order of their ids. */
const left = Effect.fnUntraced(function*(count: number, options = {}) {
  const first = yield* open()
  const sessions = yield* Effect.forEach(
    Array.from({ length: count }),
    () => first.orchestrator.runTask({}, { persist: true, ...options })
  )
  yield* first.close
  return { ...first, sessions: sessions.toSorted((a, b) => a.id < b.id ? -1 : 1) }
})

describe("sessions that are loaded in pages", () => {
  it.effect("are all adopted, and none of their rows is written again", () =>
    Effect.gen(function*() {
      const { cloud, sessions, store } = yield* left(5)
      store.written.length = 0
      const { orchestrator } = yield* open({ store: onePerPage(store), cloud })
      yield* pass(3)
      assert.deepStrictEqual((yield* orchestrator.listIds).toSorted(), sessions.map(({ id }) => id))
      assert.deepStrictEqual(store.written.flat(), [])
    }))

  it.effect("are watched while the rest loads: what is due is ended before the next page is there", () =>
    Effect.gen(function*() {
      const { cloud, controls, sessions, store } = yield* left(2, { maxRuntime: "1 hour" })
      yield* TestClock.adjust("2 hours")
      const gate = yield* Latch.make()
      const opening = yield* Effect.forkChild(open({ store: onePerPage(store, gate.await), cloud }))
      yield* pass(30)
      assert.deepStrictEqual(yield* live({ controls }), [sessions[1]?.compute.id])
      yield* gate.open
      yield* Fiber.join(opening)
      yield* pass(30)
      assert.deepStrictEqual(yield* live({ controls }), [])
    }))

  it.effect("do not replace a session that is here, however old what was read is", () =>
    Effect.gen(function*() {
      const { cloud, store } = yield* left(0)
      let stale: ReadonlyArray<Session.SessionState> = []
      store.faults.loads = 2
      const late: TestStore = {
        ...store,
        service: {
          ...store.service,
          load: (owner, after) =>
            Effect.map(store.service.load(owner, after), (page) => ({ ...page, sessions: stale, next: null }))
        }
      }
      const { engine, orchestrator } = yield* open({ store: late, cloud })
      const { compute, id } = yield* orchestrator.spawn({}, { persist: true })
      // its first row, read before its machine was known
      stale = store.written.flat().flatMap(({ state }) => state === null ? [] : [{ ...state, version: 1 }]).slice(0, 1)
      assert.deepStrictEqual(stale.map(({ phase, spec }) => [spec.id, phase._tag]), [[id, "Renting"]])
      yield* pass(30)
      assert.deepStrictEqual(engine.unreadable(), [])
      assert.strictEqual((yield* orchestrator.info(id)).computeId, compute.id)
      yield* inTime(orchestrator.stopTracked(id))
      assert.deepStrictEqual(yield* live({ controls: cloud.controls }), [])
    }))

  it.effect("are read on from where a failure has cut them off, and until all are no unknown machine is ended", () =>
    Effect.gen(function*() {
      const { cloud, controls, sessions, store } = yield* left(3)
      let pages = 0
      const broken = new AtlasError({
        provider: null,
        operation: "load",
        reason: new StorageFault({ message: "gone" })
      })
      const failing = Effect.suspend(() => ++pages === 2 ? Effect.fail(broken) : Effect.void)
      const { engine, orchestrator } = yield* open({
        store: onePerPage(store, failing),
        cloud,
        pollInterval: "1 second",
        reapGrace: "1 second"
      })
      assert.deepStrictEqual(engine.unreadable().map(({ id, message }) => [id, message]), [["*", "gone"]])
      assert.strictEqual((yield* orchestrator.listIds).length, 2)
      yield* pass(8)
      assert.strictEqual((yield* live({ controls })).length, 3)
      yield* pass(10)
      assert.deepStrictEqual([(yield* orchestrator.listIds).length, pages], [3, 3])
      assert.deepStrictEqual(engine.unreadable(), [])
      assert.strictEqual((yield* live({ controls })).length, sessions.length)
    }))

  it.effect("whose store answers the same page again are not read for ever", () =>
    Effect.gen(function*() {
      const { cloud, store } = yield* left(2)
      const load: TestStore["service"]["load"] = (owner) =>
        Effect.map(onePerPage(store).service.load(owner), (page) => ({ ...page, next: "a" }))
      const { engine } = yield* open({ store: { ...store, service: { ...store.service, load } }, cloud })
      assert.include(engine.unreadable()[0]?.message ?? "", "the same page again")
    }))
})

describe("a row that cannot be read", () => {
  const unreadable = Effect.gen(function*() {
    const { cloud, controls, sessions, store } = yield* left(2)
    const [{ compute, id } = yield* Effect.die("no session")] = sessions
    let isNewer = true
    const hidden = <Rows extends SessionStore.Loaded>(rows: Rows): Rows =>
      isNewer
        ? {
          ...rows,
          sessions: rows.sessions.filter(({ spec }) => spec.id !== id),
          unreadable: rows.sessions.flatMap(({ spec, version }) =>
            spec.id === id ? [{ id, message: "its form is version 9", version, createdAt: 1 }] : []
          )
        }
        : rows
    const { load, read } = store.service
    Object.assign(store.service, {
      load: (...given: Parameters<typeof load>) => Effect.map(load(...given), hidden),
      read: (...given: Parameters<typeof read>) => Effect.map(read(...given), hidden)
    })
    const harness = yield* open({ store, cloud })
    return {
      ...harness,
      controls,
      computeId: compute.id,
      id,
      upgrade: () => {
        isNewer = false
      }
    }
  })

  it.effect("is shown with its id, and adopted when it has become readable: it is read again each minute", () =>
    Effect.gen(function*() {
      const { computeId, engine, id, orchestrator, upgrade } = yield* unreadable
      const [row, ...others] = yield* orchestrator.unreadable
      assert.deepStrictEqual([row?.id, row?.message, others], [id, "its form is version 9", []])
      const reason = yield* reasonOf(orchestrator.info(id))
      assert.include(JSON.stringify(reason), "NotTracked")
      assert.include(String(reason), "its form is version 9")
      yield* pass(61)
      assert.strictEqual(engine.unreadable().length, 1)
      upgrade()
      yield* pass(61)
      assert.deepStrictEqual(yield* orchestrator.unreadable, [])
      assert.strictEqual((yield* orchestrator.info(id)).computeId, computeId)
    }))

  it.effect("is forgotten by an explicit command, and then its machine is an orphan", () =>
    Effect.gen(function*() {
      const { computeId, controls, id, orchestrator, store } = yield* unreadable
      yield* orchestrator.forget(id)
      assert.deepStrictEqual(yield* orchestrator.unreadable, [])
      assert.notInclude((yield* store.rows(team)).map(({ spec }) => spec.id), id)
      assert.include(yield* live({ controls }), computeId)
      yield* pass(200)
      assert.notInclude(yield* live({ controls }), computeId)
      assert.strictEqual((yield* live({ controls })).length, 1)
    }))
})

describe("a session that can be read", () => {
  it.effect("is forgotten when it is over, and refused before", () =>
    Effect.gen(function*() {
      const { orchestrator, store } = yield* open()
      const { id } = yield* orchestrator.spawn({})
      const refused = yield* reasonOf(orchestrator.forget(id))
      assert.propertyVal(refused, "_tag", "Validation")
      assert.include(String(refused), "not over")
      assert.strictEqual((yield* orchestrator.info(id)).state, "live")
      yield* inTime(orchestrator.stopTracked(id))
      yield* inTime(orchestrator.forget(id))
      assert.deepStrictEqual([yield* orchestrator.list, yield* store.rows(team)], [[], []])
      assert.propertyVal(yield* reasonOf(orchestrator.forget(id)), "_tag", "NotTracked")
    }))
})

describe("a listing of thousands of machines", () => {
  it.effect("is reported in portions, and other fibers and the event loop run in between", () =>
    Effect.gen(function*() {
      const count = 5_000
      const cloud = yield* makePlainCloud()
      const states = Array.from({ length: count }, (_, number) => addLive(cloud, number, { wall: 0, mono: 0 }))
      const entries = new Set(states.map((state) => ({ state, compute: null, recorded: true })))
      let [turns, run, longest] = [0, 0, 0]
      let reports = 0
      const turn = (): void => {
        turns += 1
        longest = Math.max(longest, run)
        run = 0
        if (reports < count) setImmediate(turn)
      }
      setImmediate(turn)
      const harness = yield* open()
      yield* Effect.scoped(Effect.gen(function*() {
        yield* ProviderFeed.start({
          engine: {
            ...harness.engine,
            at: (provider) => ({ entries: provider === plain ? entries : new Set(), changing: 0 }),
            isBehind: () => false,
            report: () => {
              reports += 1
              run += 1
            }
          },
          providers: Providers.make([cloud.provider], { default: plain }).all,
          alwaysListed: new Set(),
          onListing: () => Effect.void
        })
        yield* Effect.repeat(settle, { until: () => reports >= count })
      }))
      assert.isAtMost(Math.max(longest, run), 1_000)
      assert.isAtLeast(turns, 4)
    }))
})
