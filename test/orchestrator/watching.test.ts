/**
 * The verbs on sessions: waiting for them, their events, their cost, and ending them.
 */
import { assert, describe, it } from "@effect/vitest"
import { NoCapacity, ProviderFault, Timeout, Uncertain } from "effect-atlas/domain/AtlasError"
import * as Dispatcher from "effect-atlas/events/Dispatcher"
import type { Orchestrator } from "effect-atlas/orchestrator"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { inTime, live, open, pass, reasonOf, settle } from "./harness.ts"
import { makePlainCloud } from "./plainCloud.ts"

describe("awaitReady", () => {
  it.effect("answers the running machine, and makes no request itself", () =>
    Effect.gen(function*() {
      const { controls, orchestrator } = yield* open({ mock: { provisioning: "30 seconds" } })
      const { id } = yield* orchestrator.spawn({ ports: ["80/http"], auth: "bearer" })
      const waiters = yield* Effect.forEach(Array.from({ length: 5 }), () =>
        Effect.forkChild(orchestrator.awaitReady(id)))
      yield* pass(36)
      const [compute] = yield* Effect.forEach(waiters, Fiber.join)
      assert.strictEqual(compute?.status, "running")
      assert.isNotNull(compute?.ports[0]?.url)
      assert.isNull(compute?.auth)
      assert.strictEqual((yield* controls.counts).getCompute, 0)
      assert.isAtMost((yield* controls.counts).listCompute, 9)
    }))

  it.effect("times out with the machine as last seen, and ends nothing", () =>
    Effect.gen(function*() {
      const harness = yield* open({ mock: { provisioning: "1 hour" } })
      const { compute, id } = yield* harness.orchestrator.spawn({})
      const reason = yield* inTime(reasonOf(harness.orchestrator.awaitReady(id, { timeout: "20 seconds" })))
      assert.instanceOf(reason, Timeout)
      assert.strictEqual(reason instanceof Timeout ? reason.lastSeen?.id : null, compute.id)
      assert.deepStrictEqual(yield* live(harness), [compute.id])
    }))

  it.effect("is refused an infinite timeout, for a session and for another machine", () =>
    Effect.gen(function*() {
      const { cloud, orchestrator } = yield* open({ mock: { provisioning: "1 hour" } })
      const { id } = yield* orchestrator.spawn({})
      const machine = yield* cloud.provider.compute.spawn({})
      const timeout = Duration.infinity
      assert.propertyVal(yield* reasonOf(orchestrator.awaitReady(id, { timeout })), "_tag", "Validation")
      const elsewhere = orchestrator.awaitReady(machine.id, { timeout, provider: "mock" })
      assert.propertyVal(yield* reasonOf(elsewhere), "_tag", "Validation")
    }))

  it.effect("waits fifteen minutes by default, also while listings fail", () =>
    Effect.gen(function*() {
      const { controls, orchestrator } = yield* open({ mock: { provisioning: "1 hour" } })
      const { id } = yield* orchestrator.spawn({}, { idleTtl: false })
      yield* controls.failNext("listCompute", new ProviderFault({ status: 500 }), 1_000)
      const waiter = yield* Effect.forkChild(reasonOf(orchestrator.awaitReady(id)))
      yield* pass(14, "1 minute")
      assert.isUndefined(waiter.pollUnsafe())
      yield* pass(61)
      assert.propertyVal(yield* Fiber.join(waiter), "_tag", "Timeout")
    }))

  it.effect("follows a respawn on the first deadline", () =>
    Effect.gen(function*() {
      const { controls, orchestrator } = yield* open({ mock: { provisioning: "50 seconds" } })
      const { compute, id } = yield* orchestrator.spawn({ spot: true }, { onFailure: { respawn: 1 } })
      const waiter = yield* Effect.forkChild(reasonOf(orchestrator.awaitReady(id, { timeout: "55 seconds" })))
      yield* pass(40)
      yield* controls.setStatus(compute.id, "stopped")
      yield* pass(14)
      assert.strictEqual((yield* orchestrator.info(id)).respawns, 1)
      assert.isUndefined(waiter.pollUnsafe())
      yield* pass(2)
      assert.propertyVal(yield* Fiber.join(waiter), "_tag", "Timeout")
    }))

  it.effect("follows a respawn", () =>
    Effect.gen(function*() {
      const { controls, orchestrator } = yield* open({ mock: { provisioning: "20 seconds" } })
      const { compute, id } = yield* orchestrator.spawn({ spot: true }, { onFailure: { respawn: 1 } })
      const waiter = yield* Effect.forkChild(orchestrator.awaitReady(id))
      yield* pass(6)
      yield* controls.setStatus(compute.id, "stopped")
      yield* pass(60)
      assert.notStrictEqual((yield* Fiber.join(waiter)).id, compute.id)
    }))

  it.effect("fails when the machine will not run any more", () =>
    Effect.gen(function*() {
      const { controls, orchestrator } = yield* open({ mock: { provisioning: "20 seconds" } })
      const { compute, id } = yield* orchestrator.spawn({})
      const waiter = yield* Effect.forkChild(reasonOf(orchestrator.awaitReady(id)))
      yield* pass(6)
      yield* controls.setStatus(compute.id, "failed")
      yield* pass(20)
      assert.propertyVal(yield* Fiber.join(waiter), "_tag", "Ended")
    }))

  it.effect("asks the given provider for an id that is no session", () =>
    Effect.gen(function*() {
      const { cloud, orchestrator } = yield* open({ mock: { provisioning: "20 seconds" } })
      const { id } = yield* cloud.provider.compute.spawn({})
      assert.propertyVal(yield* reasonOf(orchestrator.awaitReady(id)), "_tag", "NotTracked")
      const compute = yield* inTime(orchestrator.awaitReady(id, { provider: "mock" }))
      assert.deepStrictEqual([compute.id, compute.status], [id, "running"])
    }))
})

const tags = (elements: ReadonlyArray<Orchestrator.SessionElement>): ReadonlyArray<string> =>
  elements.map((element) => element._tag === "Event" ? element.event._tag : element._tag)

describe("a stream of events", () => {
  it.effect("begins with the session's state, has the events of its end in order, and ends", () =>
    Effect.gen(function*() {
      const { orchestrator } = yield* open()
      const { compute, id } = yield* orchestrator.spawn({})
      const events = yield* Effect.forkChild(Stream.runCollect(orchestrator.events(compute.id)))
      yield* settle
      yield* inTime(orchestrator.stopTracked(id))
      const elements = yield* inTime(Fiber.join(events))
      assert.deepStrictEqual(tags(elements), ["State", "Terminating", "SpendReconciled", "Status", "Ended"])
      assert.isTrue(elements.every((one) => one._tag !== "Event" || (one.id === id && one.computeId === compute.id)))
    }))

  it.effect("of a session that is over has its state and ends; of an unknown session it fails", () =>
    Effect.gen(function*() {
      const { orchestrator } = yield* open()
      const { id } = yield* orchestrator.spawn({})
      yield* inTime(orchestrator.stopTracked(id))
      assert.deepStrictEqual(tags(yield* Stream.runCollect(orchestrator.events(id))), ["State"])
      assert.propertyVal(yield* reasonOf(Stream.runCollect(orchestrator.events("unknown"))), "_tag", "NotTracked")
    }))

  it.effect("of all begins with all, and goes on with those that come", () =>
    Effect.gen(function*() {
      const { orchestrator } = yield* open()
      yield* orchestrator.spawn({})
      yield* orchestrator.spawn({})
      const events = yield* Effect.forkChild(Stream.runCollect(Stream.take(orchestrator.events(null), 3)))
      yield* settle
      yield* orchestrator.spawn({})
      assert.deepStrictEqual(tags(yield* inTime(Fiber.join(events))), ["State", "State", "Status"])
    }))

  it.effect("that is not read loses the oldest events and counts them; another reader loses none, and memory is bounded", () =>
    Effect.gen(function*() {
      const { engine, orchestrator } = yield* open()
      const { id } = yield* orchestrator.spawn({}, { idleTtl: false, heartbeat: false })
      const gate = yield* Latch.make()
      const stalled = yield* Effect.forkChild(
        orchestrator.events(id).pipe(Stream.tap(() => gate.await), Stream.runCollect)
      )
      let read = 0
      yield* Effect.forkChild(Stream.runForEach(orchestrator.events(id), () => Effect.sync(() => void (read += 1))))
      yield* settle
      for (let at = 0; at < 5_000; at++) {
        yield* engine.announce(id, { _tag: "Heartbeat", at: DateTime.makeUnsafe(at) })
        if (at % 100 === 0) yield* settle
      }
      yield* settle
      assert.strictEqual(read, 5_001)
      yield* gate.open
      yield* inTime(orchestrator.stopTracked(id))
      const elements = yield* inTime(Fiber.join(stalled))
      assert.isAtMost(elements.length, 1_100)
      const lost = elements.reduce((sum, one) => sum + (one._tag === "Gap" ? one.lost : 0), 0)
      assert.strictEqual(lost + elements.filter(({ _tag }) => _tag === "Event").length, 5_004)
      assert.strictEqual(tags(elements).at(-1), "Ended")
    }))

  it.effect("carries no credential and no environment value", () =>
    Effect.gen(function*() {
      const { orchestrator } = yield* open()
      const events = yield* Effect.forkChild(Stream.runCollect(Stream.take(orchestrator.events(null), 3)))
      yield* settle
      const { auth, id } = yield* orchestrator.spawn({ auth: "bearer", env: { KEY: "canary" } })
      yield* Effect.forkChild(orchestrator.stopTracked(id))
      const text = JSON.stringify(yield* inTime(Fiber.join(events)))
      assert.notInclude(text, "canary")
      assert.isNotNull(auth)
      assert.notInclude(text, auth?._tag === "Bearer" ? auth.hash : "no hash")
    }))

  it.effect("also goes through the host's dispatcher, on the topic of the session", () =>
    Effect.gen(function*() {
      const published: Array<readonly [string, unknown]> = []
      const bus = Dispatcher.layerCustom((topic, json) => Effect.sync(() => void published.push([topic, json])))
      const { orchestrator } = yield* open({ bus })
      const { id } = yield* orchestrator.spawn({})
      yield* inTime(orchestrator.stopTracked(id))
      yield* pass(1)
      assert.deepStrictEqual(new Set(published.map(([topic]) => topic)), new Set([`compute:${id}`]))
      assert.isAtLeast(published.length, 4)
    }))

  it.effect("goes on when the host's dispatcher throws", () =>
    Effect.gen(function*() {
      const bus = Layer.succeed(Dispatcher.Dispatcher, {
        canSubscribe: false,
        publish: () => Effect.die("the bus failed"),
        subscribe: () => Effect.succeed(Stream.empty)
      })
      const harness = yield* open({ bus })
      const { id } = yield* harness.orchestrator.spawn({})
      yield* inTime(harness.orchestrator.stopTracked(id))
      assert.deepStrictEqual(yield* live(harness), [])
    }))
})

describe("stopTracked", () => {
  it.effect("answers when the machine is verified gone, and again for one that is over", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const { compute, id } = yield* harness.orchestrator.spawn({})
      yield* inTime(harness.orchestrator.stopTracked(compute.id))
      assert.deepStrictEqual(yield* live(harness), [])
      yield* harness.orchestrator.stopTracked(id)
      assert.deepStrictEqual(yield* harness.orchestrator.listIds, [])
    }))

  it.effect("fails in time as not known yet, and the session goes on ending it", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const { compute, id } = yield* harness.orchestrator.spawn({})
      yield* harness.controls.ignoreDeletes(1_000)
      const reason = yield* inTime(reasonOf(harness.orchestrator.stopTracked(id, { timeout: "5 seconds" })))
      assert.instanceOf(reason, Uncertain)
      assert.strictEqual(reason instanceof Uncertain ? reason.computeId : null, compute.id)
      assert.deepStrictEqual((yield* harness.orchestrator.info(id)).dying, [compute.id])
      yield* harness.controls.ignoreDeletes(0)
      yield* inTime(harness.orchestrator.awaitEnd(id))
      assert.deepStrictEqual(yield* live(harness), [])
    }))

  it.effect("while the create is unanswered answers when its machine is gone", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      yield* harness.controls.delay("spawnCompute", { answer: "5 seconds" })
      const caller = yield* Effect.forkChild(reasonOf(harness.orchestrator.spawn({})))
      yield* pass(1)
      const [id] = yield* harness.orchestrator.listIds
      yield* inTime(harness.orchestrator.stopTracked(id ?? ""))
      assert.propertyVal(yield* inTime(Fiber.join(caller)), "_tag", "Ended")
      assert.deepStrictEqual(yield* live(harness), [])
    }))

  it.effect("is refused a time that is none", () =>
    Effect.gen(function*() {
      const { orchestrator } = yield* open()
      const { id } = yield* orchestrator.spawn({})
      assert.propertyVal(yield* reasonOf(orchestrator.stopTracked(id, { timeout: 0 })), "_tag", "Validation")
      assert.strictEqual((yield* orchestrator.info(id)).state, "live")
    }))
})

it.effect("what was spent is answered by session, by provider, by user and in total, sessions that are over included", () =>
  Effect.gen(function*() {
    const { orchestrator } = yield* open()
    const request = { providerOpts: { costPerHour: 3_600 } }
    const alice = yield* orchestrator.spawn(request, { userId: "alice" })
    const bob = yield* orchestrator.spawn(request, { userId: "bob" })
    yield* pass(10)
    yield* inTime(orchestrator.stopTracked(alice.id))
    yield* pass(10)
    const [a, b] = [yield* orchestrator.spend(alice.id), yield* orchestrator.spend(bob.id)]
    assert.isTrue(a >= 10 && a < 20 && b >= 20, `${a} ${b}`)
    const all = yield* orchestrator.spending
    assert.closeTo(all.totalUsd, a + b, 1e-6)
    assert.closeTo(all.byProvider.get("mock") ?? 0, a + b, 1e-6)
    assert.deepStrictEqual([all.byUser.get("alice"), all.byUser.get("bob")], [a, b])
  }))

it.effect("a touch of a session that is over, or of none, is refused as not tracked", () =>
  Effect.gen(function*() {
    const { controls, orchestrator } = yield* open()
    const { id } = yield* orchestrator.spawn({})
    yield* orchestrator.touch(id)
    assert.propertyVal(yield* reasonOf(orchestrator.touch("unknown")), "_tag", "NotTracked")
    yield* controls.ignoreDeletes(1)
    const stop = yield* Effect.forkChild(orchestrator.stopTracked(id))
    yield* settle
    assert.propertyVal(yield* reasonOf(orchestrator.touch(id)), "_tag", "NotTracked")
    yield* inTime(Fiber.join(stop))
    assert.propertyVal(yield* reasonOf(orchestrator.touch(id)), "_tag", "NotTracked")
  }))

it.effect("a touch never waits for a provider or a store, and counts", () =>
  Effect.gen(function*() {
    const { controls, orchestrator, store } = yield* open()
    const { id } = yield* orchestrator.spawn({}, { idleTtl: "1 minute" })
    yield* controls.delay("listCompute", { answer: "1 hour" })
    yield* pass(50)
    yield* store.gate.close
    yield* orchestrator.touch(id)
    yield* store.gate.open
    yield* pass(50)
    assert.strictEqual((yield* orchestrator.info(id)).state, "live")
    yield* controls.delay("listCompute", {})
  }))

it.effect("the bill is waited for no longer than ten seconds, and that is an event", () =>
  Effect.gen(function*() {
    const { controls, orchestrator } = yield* open()
    const { id } = yield* orchestrator.spawn({}, { reconcileSpend: "30 seconds", idleTtl: false, heartbeat: false })
    yield* controls.delay("computeSpend", { answer: "1 hour" })
    const events = yield* Effect.forkChild(
      Stream.runHead(Stream.filter(orchestrator.events(id), (one) =>
        one._tag === "Event" && one.event._tag.startsWith("SpendReconcile")))
    )
    yield* pass(39)
    assert.isUndefined(events.pollUnsafe())
    yield* pass(3)
    const element = Option.getOrThrow(yield* Fiber.join(events))
    assert.strictEqual(element._tag === "Event" ? element.event._tag : null, "SpendReconcileFailed")
    yield* controls.delay("computeSpend", {})
  }))

it.effect("what each provider has cost is what its own machines cost, also after a session went on at another one", () =>
  Effect.gen(function*() {
    const plain = yield* makePlainCloud()
    const { controls, orchestrator } = yield* open({ more: [plain.provider] })
    const { compute, id } = yield* orchestrator.spawn({ spot: true, providerOpts: { costPerHour: 3_600 } }, {
      provider: ["mock", "plain"],
      onFailure: { respawn: 1 }
    })
    yield* pass(20)
    yield* controls.failNext("spawnCompute", new NoCapacity({ message: "sold out" }))
    yield* controls.setStatus(compute.id, "terminated")
    yield* pass(90)
    assert.strictEqual((yield* orchestrator.info(id)).provider, "plain")
    const { byProvider, totalUsd } = yield* orchestrator.spending
    const mock = byProvider.get("mock") ?? 0
    assert.isTrue(mock >= 20 && mock < 90, `${mock}`)
    assert.closeTo(mock + (byProvider.get("plain") ?? 0), totalUsd, 1e-6)
    assert.isBelow(byProvider.get("plain") ?? 0, 1)
  }))

it.effect("what was spent is forgotten with its session: the total is of those that are remembered", () =>
  Effect.gen(function*() {
    const { orchestrator } = yield* open({ retention: "1 minute" })
    const { id } = yield* orchestrator.spawn({ providerOpts: { costPerHour: 3_600 } })
    yield* pass(10)
    yield* inTime(orchestrator.stopTracked(id))
    assert.isAtLeast((yield* orchestrator.spending).totalUsd, 10)
    yield* pass(70)
    assert.strictEqual((yield* orchestrator.spending).totalUsd, 0)
  }))

it.effect("a touch has no effect on a task, and its exit is its outcome", () =>
  Effect.gen(function*() {
    const { controls, orchestrator } = yield* open()
    const { compute, id } = yield* orchestrator.runTask({ command: ["true"] })
    yield* orchestrator.touch(id)
    yield* controls.setStatus(compute.id, "failed", { exitCode: 3 })
    const { outcome } = yield* inTime(orchestrator.awaitEnd(id))
    assert.deepStrictEqual(outcome, { _tag: "Failed", cause: "exit_code", exitCode: 3, fault: null })
  }))
