/**
 * The engine's order: rows are committed before events are published and commands run; and what happens when a commit fails.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { StorageFault } from "effect-atlas/domain/AtlasError"
import { SessionStore } from "effect-atlas/orchestrator"
import * as SessionStoreSql from "effect-atlas/orchestrator/SessionStoreSql"
import { Owner } from "effect-atlas/provider/NameStamp"
import * as SqliteNode from "effect-atlas/storage/SqliteNode"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as SqlClient from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { join } from "node:path"
import { defectsAsFailures } from "../../../src/orchestrator/engine/Writer.ts"
import { inTime, live, makeTestStore, open, pass, reasonOf, settle } from "../harness.ts"
import { directory } from "../store/harness.ts"

const owner = Owner.make("team1")

describe("before its row is written", () => {
  it.effect("a session rents nothing and publishes nothing", () =>
    Effect.gen(function*() {
      const { controls, orchestrator, store } = yield* open()
      const events: Array<string> = []
      yield* Effect.forkScoped(Stream.runForEach(orchestrator.events(null), (element) =>
        Effect.sync(() => {
          if (element._tag === "Event") events.push(element.event._tag)
        })))
      yield* settle
      yield* store.gate.close
      const caller = yield* Effect.forkChild(orchestrator.spawn({}))
      yield* settle
      assert.strictEqual((yield* controls.counts).spawnCompute, 0)
      assert.deepStrictEqual([events, yield* orchestrator.listIds], [[], []])
      yield* store.gate.open
      yield* Fiber.join(caller)
      yield* settle
      assert.strictEqual((yield* controls.counts).spawnCompute, 1)
      assert.include(events, "Status")
    }))

  it.effect("an end publishes nothing, and ends nothing while the store answers in time", () =>
    Effect.gen(function*() {
      const { controls, orchestrator, store } = yield* open()
      const { id } = yield* orchestrator.spawn({})
      const events: Array<string> = []
      yield* Effect.forkScoped(Stream.runForEach(orchestrator.events(id), (element) =>
        Effect.sync(() => {
          if (element._tag === "Event") events.push(element.event._tag)
        })))
      yield* settle
      yield* store.gate.close
      const caller = yield* Effect.forkChild(orchestrator.stopTracked(id))
      yield* settle
      assert.deepStrictEqual([events, (yield* controls.counts).terminate], [[], 0])
      assert.strictEqual((yield* orchestrator.info(id)).state, "ending")
      yield* store.gate.open
      yield* settle
      assert.deepStrictEqual([events[0], (yield* controls.counts).terminate], ["Terminating", 1])
      yield* pass(10)
      yield* Fiber.join(caller)
    }))

  it.effect("a create waits also where an older state of its session is being written", () =>
    Effect.gen(function*() {
      const store = yield* makeTestStore
      let isStuck = false
      const commit: typeof store.service.commit = (...all) => isStuck ? Effect.never : store.service.commit(...all)
      const { controls, orchestrator } = yield* open({ store: { ...store, service: { ...store.service, commit } } })
      const { compute } = yield* orchestrator.spawn({ spot: true }, { idleTtl: false, onFailure: { respawn: 1 } })
      yield* store.gate.close
      yield* controls.setCostPerHour(compute.id, 7)
      yield* pass(70)
      isStuck = true
      yield* controls.setStatus(compute.id, "terminated")
      yield* pass(70)
      yield* store.gate.open
      yield* pass(5)
      assert.strictEqual(store.written.length, 3, "the price is written, and nothing after it")
      assert.strictEqual((yield* controls.counts).spawnCompute, 1)
    }))

  it.effect("readers see what was decided and never wait", () =>
    Effect.gen(function*() {
      const { orchestrator, store } = yield* open()
      const { id } = yield* orchestrator.spawn({})
      yield* store.gate.close
      yield* Effect.forkChild(orchestrator.stopTracked(id))
      yield* settle
      assert.strictEqual((yield* orchestrator.info(id)).state, "ending")
      assert.deepStrictEqual(yield* orchestrator.listIds, [id])
      yield* store.gate.open
    }))
})

describe("while a commit does not end", () => {
  it.effect("touches count and limits hold as ever", () =>
    Effect.gen(function*() {
      const { controls, orchestrator, store } = yield* open()
      const { id } = yield* orchestrator.spawn({}, { idleTtl: "1 minute" })
      const other = yield* orchestrator.spawn({})
      yield* pass(50)
      yield* store.gate.close
      yield* Effect.forkChild(orchestrator.stopTracked(other.id))
      yield* pass(5)
      yield* orchestrator.touch(id)
      yield* pass(55)
      assert.strictEqual((yield* orchestrator.info(id)).state, "live")
      yield* pass(10)
      assert.notStrictEqual((yield* orchestrator.info(id)).state, "live")
      assert.deepStrictEqual(yield* live({ controls }), [])
    }))
})

describe("a store that cannot be written", () => {
  it.effect("begins no session: nothing is rented, and the caller fails with the reason", () =>
    Effect.gen(function*() {
      const { controls, orchestrator, store } = yield* open()
      store.faults.commits = 1_000
      const caller = yield* Effect.forkChild(reasonOf(orchestrator.spawn({})))
      yield* pass(2)
      const reason = yield* Fiber.join(caller)
      assert.instanceOf(reason, StorageFault)
      assert.strictEqual((yield* controls.counts).spawnCompute, 0)
      assert.deepStrictEqual(yield* orchestrator.listIds, [])
    }))

  it.effect("because its disk is full (a real one) rents nothing; live sessions go on when there is room again", () =>
    Effect.gen(function*() {
      const filename = join(yield* directory, "sessions.db")
      const client = SqliteNode.layer({ filename, synchronous: "FULL" }).pipe(Layer.provide(NodeServices.layer))
      const context = yield* Layer.build(SessionStoreSql.layer.pipe(Layer.provideMerge(client)))
      const sql = Context.get(context, SqlClient.SqlClient)
      const store = { ...yield* makeTestStore, service: Context.get(context, SessionStore.SessionStore) }
      const { controls, orchestrator } = yield* open({ store })
      const { compute, id } = yield* orchestrator.spawn({})
      const [{ page_count = 0 } = {}] = yield* sql<{ page_count: number }>`PRAGMA page_count`
      yield* sql.unsafe(`PRAGMA max_page_count = ${page_count}`)
      // large enough that no free page holds it
      const reason = yield* inTime(reasonOf(orchestrator.spawn({ providerOpts: { note: "x".repeat(100_000) } })))
      assert.instanceOf(reason, StorageFault)
      assert.include(String(reason), "is full")
      assert.strictEqual((yield* controls.counts).spawnCompute, 1)
      assert.deepStrictEqual(yield* orchestrator.listIds, [id])
      yield* sql.unsafe("PRAGMA max_page_count = 1000000")
      yield* inTime(orchestrator.stopTracked(id))
      assert.notInclude(yield* live({ controls }), compute.id)
    }))

  it.effect("once does not matter: a second try is made before a caller is refused", () =>
    Effect.gen(function*() {
      const { orchestrator, store } = yield* open()
      store.faults.commits = 1
      const caller = yield* Effect.forkChild(orchestrator.spawn({}))
      yield* pass(1)
      assert.strictEqual((yield* Fiber.join(caller)).compute.status, "running")
    }))

  it.effect("deletes a refused new session also when no other commit follows", () =>
    Effect.gen(function*() {
      const { orchestrator, store } = yield* open()
      store.faults.lateCommits = 1
      const caller = yield* Effect.forkChild(reasonOf(orchestrator.spawn({})))
      yield* settle
      store.faults.commits = 1
      yield* pass(1)
      assert.instanceOf(yield* Fiber.join(caller), StorageFault)
      assert.strictEqual((yield* store.rows(owner)).length, 1)
      yield* pass(15)
      assert.deepStrictEqual(yield* store.rows(owner), [])
    }))

  it.effect("deletes a refused new session that was stored all the same", () =>
    Effect.gen(function*() {
      const { controls, orchestrator, store } = yield* open()
      store.faults.lateCommits = 1
      store.faults.commits = 0
      const first = yield* Effect.forkChild(reasonOf(orchestrator.spawn({})))
      yield* settle
      store.faults.commits = 1
      yield* pass(1)
      assert.instanceOf(yield* Fiber.join(first), StorageFault)
      assert.strictEqual((yield* store.rows(owner)).length, 1)
      yield* orchestrator.spawn({})
      assert.strictEqual((yield* store.rows(owner)).length, 1)
      assert.strictEqual((yield* controls.counts).spawnCompute, 1)
    }))

  it.effect("does not hold up the end of a machine; the stop is answered when the end is recorded", () =>
    Effect.gen(function*() {
      const { controls, orchestrator, store } = yield* open()
      const { id } = yield* orchestrator.spawn({})
      store.faults.commits = 8
      const caller = yield* Effect.forkChild(orchestrator.stopTracked(id))
      yield* pass(7)
      assert.deepStrictEqual(yield* live({ controls }), [])
      assert.isUndefined(caller.pollUnsafe())
      yield* pass(20)
      yield* Fiber.join(caller)
    }))

  it.effect("refuses new sessions meanwhile at once", () =>
    Effect.gen(function*() {
      const { orchestrator, store } = yield* open()
      const { id } = yield* orchestrator.spawn({})
      store.faults.commits = 20
      yield* Effect.forkChild(orchestrator.stopTracked(id))
      yield* pass(1)
      const newcomer = yield* Effect.forkChild(reasonOf(orchestrator.spawn({})))
      yield* pass(4)
      assert.instanceOf(yield* Fiber.join(newcomer), StorageFault)
    }))

  it.effect("that throws is a store that failed, and the text of the defect is not repeated", () =>
    Effect.gen(function*() {
      const { orchestrator, store } = yield* open()
      store.faults.brokenCommits = 2
      const caller = yield* Effect.forkChild(reasonOf(orchestrator.spawn({})))
      yield* pass(1)
      const reason = yield* Fiber.join(caller)
      assert.instanceOf(reason, StorageFault)
      assert.notInclude(JSON.stringify(reason), "hunter2")
      assert.strictEqual((yield* orchestrator.spawn({})).compute.status, "running")
    }))

  it.effect("that fails with another error than its own is a store that failed, too", () =>
    Effect.gen(function*() {
      // the boundary to a store that is written without types
      const foreign = Effect.fail("hunter2") as unknown as Effect.Effect<never>
      const memory = Context.get(yield* Layer.build(SessionStore.layerMemory), SessionStore.SessionStore)
      const store = defectsAsFailures({ ...memory, commit: () => foreign })
      const { reason } = yield* Effect.flip(store.commit(owner, []))
      assert.instanceOf(reason, StorageFault)
      assert.notInclude(reason.message, "hunter2")
    }))
})

it.effect("a commit whose answer was lost, and which is tried again with a newer state, has simply succeeded", () =>
  Effect.gen(function*() {
    const { controls, orchestrator, store } = yield* open()
    const { id } = yield* orchestrator.spawn({})
    store.faults.lateCommits = 1
    const caller = yield* Effect.forkChild(Effect.exit(orchestrator.stopTracked(id)))
    yield* pass(10)
    assert.isTrue(Exit.isSuccess(yield* Fiber.join(caller)))
    assert.deepStrictEqual(yield* live({ controls }), [])
  }))

it.effect("a session that is over is forgotten after its retention, row and all", () =>
  Effect.gen(function*() {
    const { orchestrator, store } = yield* open({ retention: "2 minutes" })
    const { id } = yield* orchestrator.spawn({})
    const caller = yield* Effect.forkChild(orchestrator.stopTracked(id))
    yield* pass(10)
    yield* Fiber.join(caller)
    assert.strictEqual((yield* store.rows(owner)).length, 1)
    yield* pass(180)
    assert.deepStrictEqual(yield* store.rows(owner), [])
    assert.propertyVal(yield* reasonOf(orchestrator.info(id)), "_tag", "NotTracked")
  }))

it.effect("no row holds an environment value, a credential or a secret option", () =>
  Effect.gen(function*() {
    const { orchestrator, store } = yield* open()
    const request = {
      auth: "bearer",
      env: { KEY: "canary-env" },
      providerOpts: { api_token: "canary-option" }
    } as const
    const { auth } = yield* orchestrator.spawn(request)
    const all = JSON.stringify(store.written)
    assert.notInclude(all, "canary")
    assert.include(all, "KEY")
    assert.include(all, auth?._tag === "Bearer" ? auth.hash : "no hash")
  }))
