/**
 * The next start: stored sessions are adopted with their machines; secrets come from the host or not at all.
 */
import { assert, describe, it } from "@effect/vitest"
import { ProviderFault } from "effect-atlas/domain/AtlasError"
import type { SessionSecrets } from "effect-atlas/orchestrator"
import { Owner } from "effect-atlas/provider/NameStamp"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import {
  type Cloud,
  inTime,
  live,
  makeTestStore,
  open,
  type Options,
  pass,
  reasonOf,
  settle,
  type TestStore
} from "../harness.ts"
import { overhear } from "../overheard.ts"
import { makePlainCloud } from "../plainCloud.ts"

const owner = Owner.make("team1")

/** Closes an orchestrator and opens the next one over the same cloud and store. */
const restart = (
  harness: { readonly store: TestStore; readonly cloud: Cloud; readonly close: Effect.Effect<void> },
  options?: Options
) => Effect.andThen(harness.close, open({ store: harness.store, cloud: harness.cloud, ...options }))

const spot = { spot: true, env: { KEY: "canary" } } as const
const respawning = { persist: true, onFailure: { respawn: 3 } } as const

describe("a session that persists", () => {
  it.effect("is found again with its machine, its limits and what it has spent", () =>
    Effect.gen(function*() {
      const first = yield* open()
      const request = { providerOpts: { costPerHour: 36 }, auth: "bearer" } as const
      const { compute, id } = yield* first.orchestrator.runTask(request, { persist: true, maxRuntime: "1 hour" })
      yield* pass(100)
      const second = yield* restart(first)
      yield* pass(1)
      const info = yield* second.orchestrator.info(id)
      assert.deepStrictEqual([info.state, info.computeId, info.status], ["live", compute.id, "running"])
      assert.isAtLeast(info.spentUsd, 1)
      assert.isNotNull(yield* second.orchestrator.getCompute(id))
      assert.isNull(yield* second.orchestrator.credential(id), "only the process that rented has it")
      yield* pass(60, "1 minute")
      assert.strictEqual((yield* second.orchestrator.info(id)).outcome?._tag, "TimedOut")
    }))

  it.effect("whose machine went away meanwhile is over", () =>
    Effect.gen(function*() {
      const first = yield* open()
      const { compute, id } = yield* first.orchestrator.runTask({}, { persist: true })
      yield* pass(10)
      yield* first.close
      yield* first.controls.forget(compute.id)
      const second = yield* open({ store: first.store, cloud: first.cloud })
      yield* pass(70)
      assert.deepStrictEqual((yield* second.orchestrator.info(id)).outcome, {
        _tag: "Failed",
        cause: "lost",
        exitCode: null,
        fault: null
      })
    }))

  it.effect("among many costs one listing, and no request of its own", () =>
    Effect.gen(function*() {
      const first = yield* open()
      yield* Effect.forEach(Array.from({ length: 50 }), () => first.orchestrator.runTask({}, { persist: true }))
      yield* first.close
      const before = yield* first.controls.counts
      yield* open({ store: first.store, cloud: first.cloud })
      yield* pass(20)
      const after = yield* first.controls.counts
      assert.strictEqual(after.getCompute, before.getCompute)
      assert.isAtMost(after.listCompute - before.listCompute, 2)
    }))

  it.effect("whose provider does not answer keeps its deadline, and its machine", () =>
    Effect.gen(function*() {
      const first = yield* open()
      const { compute, id } = yield* first.orchestrator.runTask({}, { persist: true, maxRuntime: "10 minutes" })
      yield* pass(10)
      yield* first.close
      yield* first.controls.failNext("listCompute", new ProviderFault({ status: 500 }), 1_000)
      yield* first.controls.failNext("getCompute", new ProviderFault({ status: 500 }), 1_000)
      const second = yield* open({ store: first.store, cloud: first.cloud })
      yield* pass(9, "1 minute")
      assert.strictEqual((yield* second.orchestrator.info(id)).state, "live")
      assert.deepStrictEqual(yield* live(second), [compute.id])
      yield* pass(61)
      assert.strictEqual((yield* second.orchestrator.info(id)).outcome?._tag, "TimedOut")
      assert.deepStrictEqual(yield* live(second), [])
    }))

  it.effect("whose provider is not set up any more stays stored, and that is logged once for all such sessions", () =>
    overhear((lines) =>
      Effect.gen(function*() {
        const plain = yield* makePlainCloud()
        const first = yield* open({ more: [plain.provider] })
        const request = { provider: "plain", persist: true } as const
        const { id } = yield* first.orchestrator.runTask({}, request)
        yield* first.orchestrator.runTask({}, request)
        yield* first.orchestrator.runTask({}, { persist: true })
        const second = yield* restart(first)
        yield* pass(200)
        const logged = lines.filter((line) => line.includes("not set up here"))
        assert.strictEqual(logged.length, 1)
        assert.include(logged[0], "2 stored sessions have or may have machines at plain")
        assert.strictEqual((yield* second.orchestrator.info(id)).state, "live")
        assert.strictEqual(plain.machines.size, 2)
        const third = yield* restart(second, { more: [plain.provider] })
        yield* inTime(third.orchestrator.stopTracked(id))
        assert.strictEqual(plain.machines.size, 1)
      })
    ))

  it.effect("is refused to another owner", () =>
    Effect.gen(function*() {
      const first = yield* open()
      const { compute, id } = yield* first.orchestrator.runTask({}, { persist: true })
      const other = yield* restart(first, { owner: "team2" })
      yield* pass(200)
      assert.propertyVal(yield* reasonOf(other.orchestrator.info(id)), "_tag", "NotTracked")
      assert.deepStrictEqual(yield* live(other), [compute.id])
    }))
})

describe("a store that cannot be read at the start", () => {
  it.effect("does not stop the orchestrator: sessions begin and end, nothing is reaped, and the reason is named", () =>
    Effect.gen(function*() {
      const first = yield* open()
      const { compute } = yield* first.orchestrator.runTask({}, { persist: true })
      yield* first.close
      first.store.faults.loads = 1_000
      const second = yield* open({ store: first.store, cloud: first.cloud })
      assert.deepStrictEqual(second.engine.unreadable(), [
        { id: "*", message: "disk full", version: 0, createdAt: null }
      ])
      const { id } = yield* second.orchestrator.spawn({})
      yield* pass(200)
      assert.strictEqual((yield* second.orchestrator.info(id)).state, "live")
      assert.include(yield* live(second), compute.id)
      const { left } = yield* second.orchestrator.reapNow()
      assert.deepStrictEqual(left.find(({ computeId }) => computeId === compute.id)?.why, "store_cannot_tell")
    }))

  it.effect("is asked again, and its sessions are adopted as soon as it answers", () =>
    Effect.gen(function*() {
      const first = yield* open()
      const { compute, id } = yield* first.orchestrator.runTask({}, { persist: true })
      yield* first.close
      first.store.faults.loads = 3
      const second = yield* open({ store: first.store, cloud: first.cloud })
      assert.propertyVal(yield* reasonOf(second.orchestrator.info(id)), "_tag", "NotTracked")
      yield* pass(45)
      assert.strictEqual((yield* second.orchestrator.info(id)).computeId, compute.id)
      assert.deepStrictEqual(second.engine.unreadable(), [])
    }))

  it.effect("in part is read in part: one row that cannot be read does not hold up the others", () =>
    Effect.gen(function*() {
      const first = yield* open()
      const { id } = yield* first.orchestrator.runTask({}, { persist: true })
      yield* first.close
      first.store.faults.unreadable = [
        { id: "old-row", message: "a row of another form", version: 1, createdAt: null }
      ]
      const second = yield* open({ store: first.store, cloud: first.cloud })
      yield* settle
      assert.strictEqual((yield* second.orchestrator.info(id)).state, "live")
      assert.deepStrictEqual(second.engine.unreadable().map((row) => row.id), ["old-row"])
    }))
})

describe("a create after a restart", () => {
  const preempted = Effect.fnUntraced(function*(secrets?: typeof SessionSecrets.SessionSecrets.Service) {
    const first = yield* open()
    const { compute, id } = yield* first.orchestrator.runTask({ ...spot, name: "job" }, {
      ...respawning,
      userId: "alice"
    })
    yield* pass(10)
    const second = yield* restart(first, secrets === undefined ? {} : { secrets })
    yield* pass(2)
    const events: Array<string> = []
    yield* Effect.forkScoped(Stream.runForEach(second.orchestrator.events(id), (element) =>
      Effect.sync(() => {
        if (element._tag === "Event") events.push(element.event._tag)
      })))
    yield* settle
    yield* second.controls.setStatus(compute.id, "stopped")
    return { ...second, id, events, old: compute.id }
  })

  it.effect("gets its secrets from the host, by session, user and names", () =>
    Effect.gen(function*() {
      const asked: Array<SessionSecrets.Wanted> = []
      const harness = yield* preempted((wanted) => {
        asked.push(wanted)
        return Effect.succeed({ env: { KEY: "again" }, providerOpts: {} })
      })
      yield* pass(70)
      const info = yield* harness.orchestrator.info(harness.id)
      assert.deepStrictEqual([info.state, info.respawns], ["live", 1])
      assert.deepStrictEqual(asked, [{ id: harness.id, userId: "alice", envNames: ["KEY"], withheld: [] }])
      assert.include(harness.events, "Respawned")
      assert.notStrictEqual(info.computeId, harness.old)
    }))

  it.effect("is not sent without them: the respawn fails with an event", () =>
    Effect.gen(function*() {
      const harness = yield* preempted()
      const before = (yield* harness.controls.counts).spawnCompute
      yield* pass(70)
      assert.strictEqual((yield* harness.controls.counts).spawnCompute, before)
      assert.include(harness.events, "RespawnFailed")
      assert.strictEqual((yield* harness.orchestrator.info(harness.id)).state, "ended")
    }))

  it.effect("is never sent with half of them", () =>
    Effect.gen(function*() {
      const harness = yield* preempted(() => Effect.succeed({ env: { OTHER: "x" }, providerOpts: {} }))
      const before = (yield* harness.controls.counts).spawnCompute
      yield* pass(70)
      assert.strictEqual((yield* harness.controls.counts).spawnCompute, before)
      assert.include(harness.events, "RespawnFailed")
    }))

  it.effect("waits thirty seconds for them and no longer", () =>
    Effect.gen(function*() {
      const harness = yield* preempted(() => Effect.never)
      yield* pass(140)
      assert.include(harness.events, "RespawnFailed")
      const { outcome } = yield* harness.orchestrator.info(harness.id)
      const fault = outcome?._tag === "Failed" ? outcome.fault : null
      assert.strictEqual(fault?.reason, "Validation")
      assert.include(fault?.message ?? "", "30 seconds")
    }))
})

it.effect("a create that was unanswered when the process died is looked for by name, and ended when its caller is gone", () =>
  Effect.gen(function*() {
    const first = yield* open()
    yield* first.controls.delay("spawnCompute", { request: "1 second", answer: "1 hour" })
    const caller = yield* Effect.forkChild(Effect.exit(first.orchestrator.spawn({}, { persist: true })))
    yield* pass(3)
    assert.strictEqual((yield* live(first)).length, 1)
    yield* first.close
    yield* Fiber.join(caller)
    yield* first.controls.delay("spawnCompute", {})
    const second = yield* open({ store: first.store, cloud: first.cloud })
    yield* pass(30)
    assert.deepStrictEqual(yield* live(second), [])
    const [info] = yield* second.orchestrator.list
    assert.deepStrictEqual(info?.outcome, { _tag: "Closed", reason: "caller_lost" })
  }))

it.effect("a store is read for one owner only", () =>
  Effect.gen(function*() {
    const store = yield* makeTestStore
    yield* open({ store, owner: "team2" })
    assert.deepStrictEqual(yield* store.rows(owner), [])
  }))
