/**
 * The verbs of `Atlas`, on any provider.
 */
import { assert, describe, it } from "@effect/vitest"
import { Atlas, type AtlasError, NameStamp, Providers } from "effect-atlas"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import { SpanRecorder } from "effect-atlas/testing"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Mock from "./support/mock.ts"

const kindOf = <A, R>(self: Effect.Effect<A, AtlasError.AtlasError, R>) =>
  Effect.match(self, { onSuccess: () => "success", onFailure: (error) => error.kind })

describe("the verbs", () => {
  it.effect("rent, look, list, stop, start and end a compute", () =>
    Effect.gen(function*() {
      const { id, name } = yield* Atlas.spawnCompute({ gpu: "h100", name: "web" })
      assert.strictEqual((yield* Atlas.getCompute(id)).id, id)
      assert.deepStrictEqual((yield* Atlas.listCompute({ name: "web" })).map((one) => one.id), [id])
      assert.isNotNull(NameStamp.parse(name ?? ""))
      assert.isUndefined(yield* Atlas.stop(id))
      assert.strictEqual((yield* Atlas.getCompute(id)).status, "stopped")
      assert.isUndefined(yield* Atlas.start(id))
      assert.strictEqual((yield* Atlas.getCompute(id)).status, "running")
      assert.isUndefined(yield* Atlas.terminate(id))
      assert.strictEqual((yield* Atlas.getCompute(id)).status, "terminated")
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("list GPUs and tell capabilities", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* Atlas.listGpuTypes()).map((type) => type.canonical), ["h100"])
      const { capabilities, implemented, provider } = yield* Atlas.capabilities()
      assert.deepStrictEqual([provider, implemented], ["mock", true])
      assert.include(capabilities, "power")
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("stream logs lazily: nothing is asked before the first pull, or for a wrong provider", () =>
    Effect.gen(function*() {
      const controls = yield* MockProvider.MockControls
      const { id } = yield* Atlas.spawnCompute({})
      yield* controls.writeLog(id, "hello")
      const logs = Atlas.streamLogs(id)
      assert.strictEqual((yield* controls.counts).streamLogs, 0)
      assert.deepStrictEqual((yield* Stream.runCollect(logs)).map((line) => line.text), ["hello"])
      assert.strictEqual((yield* controls.counts).streamLogs, 1)
      assert.strictEqual(
        yield* kindOf(Stream.runDrain(Atlas.streamLogs(id, {}, { provider: "nowhere" }))),
        "validation"
      )
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("end a compute for good, and count one that is not there as ended", () =>
    Effect.gen(function*() {
      const controls = yield* MockProvider.MockControls
      const { id } = yield* Atlas.spawnCompute({})
      yield* TestClock.adjust("10 seconds")
      yield* Atlas.end(id)
      yield* Atlas.end("mock-never")
      assert.deepStrictEqual((yield* controls.ledger).live, [])
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("ending asks again when a delete was accepted and not done", () =>
    Effect.gen(function*() {
      const controls = yield* MockProvider.MockControls
      const { id } = yield* Atlas.spawnCompute({})
      yield* controls.ignoreDeletes(2)
      yield* TestClock.adjust("10 seconds")
      const ending = yield* Effect.forkChild(Atlas.end(id), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      assert.isDefined(ending.pollUnsafe())
      assert.deepStrictEqual((yield* controls.ledger).live, [])
      assert.strictEqual((yield* controls.counts).terminate, 3)
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("fail as unsupported on a reserved name, and as validation on an unknown one", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* kindOf(Atlas.spawnCompute({}, { provider: "nowhere" })), "validation")
      assert.strictEqual(yield* kindOf(Atlas.awaitReady("pod-1", { provider: "nowhere" })), "validation")
      assert.strictEqual(yield* kindOf(Effect.scoped(Atlas.scoped({}, { provider: "nowhere" }))), "validation")
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("accept a compute request whose fields belong to it, and refuse those of another", () =>
    Effect.gen(function*() {
      const controls = yield* MockProvider.MockControls
      const jobFields = JSON.parse("{\"mode\":\"async\"}")
      assert.strictEqual(yield* kindOf(Atlas.spawnCompute(jobFields)), "validation")
      assert.strictEqual((yield* controls.counts).spawnCompute, 0)
    }).pipe(Effect.provide(Mock.layer())))
})

describe("two instances of the library", () => {
  it.effect("in one process share nothing", () =>
    Effect.gen(function*() {
      const world = Effect.gen(function*() {
        const mine = yield* Atlas.spawnCompute({})
        const registry = yield* Providers.Providers
        return { mine, registry }
      })
      const one = yield* Effect.provide(world, Mock.layer(), { local: true })
      const two = yield* Effect.provide(world, Mock.layer(), { local: true })
      const seenBy = (registry: typeof one.registry) =>
        Effect.map(
          Effect.provideService(Atlas.listCompute(), Providers.Providers, registry),
          (all) => all.map((compute) => compute.id)
        )
      assert.deepStrictEqual(yield* seenBy(one.registry), [one.mine.id])
      assert.deepStrictEqual(yield* seenBy(two.registry), [two.mine.id])
    }))
})

/** The clock of a test, which counts the sleeps it was asked for. */
const watchedClock = (clock: Clock.Clock, sleeps: Array<number>): Clock.Clock => ({
  ...clock,
  sleep: (duration) =>
    Effect.suspend(() => {
      sleeps.push(1)
      return clock.sleep(duration)
    })
})

describe("a program that uses the verbs only", () => {
  it.effect("starts no timer: all is over when the answer is there", () =>
    Effect.gen(function*() {
      const sleeps: Array<number> = []
      const clock = yield* Clock.Clock
      yield* Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({ auth: "bearer" })
        yield* Atlas.getCompute(id)
        yield* Atlas.listCompute()
        yield* Atlas.stop(id)
        yield* Atlas.start(id)
        yield* Atlas.listGpuTypes()
        yield* Atlas.capabilities()
        yield* Stream.runDrain(Atlas.streamLogs(id))
        yield* Atlas.terminate(id)
      }).pipe(Effect.provide(Mock.layer()), Effect.provideService(Clock.Clock, watchedClock(clock, sleeps)))
      assert.deepStrictEqual(sleeps, [])
    }))

  it.effect("starts no fiber, and waiting or ending leaves none behind", () =>
    Effect.gen(function*() {
      let started = 0
      let running = 0
      const count: Metric.FiberRuntimeMetricsService = {
        recordFiberStart: () => {
          started += 1
          running += 1
        },
        recordFiberEnd: () => {
          running -= 1
        }
      }
      yield* Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({ auth: "bearer" })
        yield* Atlas.listCompute()
        yield* Atlas.stop(id)
        yield* Atlas.start(id)
        assert.strictEqual(started, 0)
        yield* Atlas.awaitReady(id)
        yield* TestClock.adjust("10 seconds")
        yield* Atlas.end(id)
        assert.isAbove(started, 0)
        assert.strictEqual(running, 0)
      }).pipe(Effect.provideService(Metric.FiberRuntimeMetrics, count))
    }).pipe(Effect.provide(Mock.layer())))
})

describe("long durations", () => {
  it.effect("beyond what a timer of Node can hold do not end at once", () =>
    Effect.gen(function*() {
      const { id } = yield* Atlas.spawnCompute({})
      const waiting = yield* Effect.forkChild(Atlas.awaitReady(id, { timeout: "60 days", interval: "30 days" }), {
        startImmediately: true
      })
      yield* TestClock.adjust("24 days")
      assert.isUndefined(waiting.pollUnsafe())
      yield* TestClock.adjust("37 days")
      assert.isDefined(waiting.pollUnsafe())
    }).pipe(Effect.provide(Mock.layer({ provisioning: "365 days" }))))
})

describe("spans of the verbs", () => {
  it.effect("are named after them and carry the provider", () =>
    Effect.gen(function*() {
      const recorder = yield* SpanRecorder.SpanRecorder
      const { id } = yield* Atlas.spawnCompute({})
      yield* Atlas.getCompute(id)
      yield* Atlas.listCompute()
      yield* Atlas.terminate(id)
      assert.includeMembers(recorder.spans.map((span) => span.name), [
        "Provider.spawnCompute",
        "Provider.getCompute",
        "Provider.listCompute",
        "Provider.terminate"
      ])
      assert.isTrue(recorder.spans.every((span) => span.attributes.get("atlas.provider") === "mock"))
    }).pipe(Effect.provide(Layer.merge(Mock.layer(), SpanRecorder.layer))))
})
