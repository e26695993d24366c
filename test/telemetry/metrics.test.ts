/**
 * Counters and timers of provider calls.
 */
import { assert, describe, it } from "@effect/vitest"
import { Atlas, AtlasError } from "effect-atlas"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import * as Metrics from "effect-atlas/telemetry/Metrics"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Mock from "../support/mock.ts"

const labelled = (operation: string) => ({ provider: "mock", operation })

const callsOf = (operation: string) =>
  Effect.map(Metric.value(Metric.withAttributes(Metrics.calls, labelled(operation))), ({ count }) => count)

const failuresOf = (operation: string, kind: string) =>
  Effect.map(
    Metric.value(Metric.withAttributes(Metrics.failures, { ...labelled(operation), kind })),
    ({ count }) => count
  )

/** Metrics of this test alone: the process has one registry for all tests. */
const alone = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => Effect.provideService(self, Metric.MetricRegistry, new Map()))

describe("metrics of provider calls", () => {
  it.effect("count calls by provider and operation, failed ones too", () =>
    Effect.gen(function*() {
      const { id } = yield* Atlas.spawnCompute({})
      yield* Atlas.getCompute(id)
      yield* Effect.ignore(Atlas.getCompute("mock-unknown"))
      yield* Effect.ignore(Atlas.getCompute("a/b"))
      yield* Stream.runDrain(Atlas.streamLogs(id))
      assert.deepStrictEqual(
        yield* Effect.all([callsOf("spawnCompute"), callsOf("getCompute"), callsOf("streamLogs"), callsOf("stop")]),
        [1, 3, 1, 0]
      )
    }).pipe(alone, Effect.provide(Mock.layer())))

  it.effect("count failures by kind, those of streams too", () =>
    Effect.gen(function*() {
      const controls = yield* MockProvider.MockControls
      yield* controls.failNext("listCompute", new AtlasError.RateLimited({}))
      yield* controls.failNext("listCompute", new AtlasError.ProviderFault({ status: 500 }))
      yield* controls.dieNext("listCompute", "a bug")
      yield* Effect.forEach([1, 2, 3, 4], () => Effect.exit(Atlas.listCompute()))
      yield* Effect.exit(Stream.runDrain(Atlas.streamLogs("mock-unknown")))
      const kinds = ["rate_limited", "provider", "defect", "not_found"]
      assert.deepStrictEqual(
        yield* Effect.forEach(kinds, (kind) => failuresOf("listCompute", kind)),
        [1, 1, 1, 0]
      )
      assert.strictEqual(yield* failuresOf("streamLogs", "not_found"), 1)
      assert.strictEqual(yield* callsOf("listCompute"), 4)
    }).pipe(alone, Effect.provide(Mock.layer())))

  it.effect("count an interrupted call as such, and not as a failure", () =>
    Effect.gen(function*() {
      const controls = yield* MockProvider.MockControls
      yield* controls.delay("listCompute", { answer: "1 minute" })
      const listing = yield* Effect.forkChild(Atlas.listCompute(), { startImmediately: true })
      yield* Fiber.interrupt(listing)
      const { count } = yield* Metric.value(Metric.withAttributes(Metrics.interruptions, labelled("listCompute")))
      assert.strictEqual(count, 1)
      const series = yield* Metric.snapshot
      assert.notInclude(series.map(({ id }) => id), Metrics.failures.id)
    }).pipe(alone, Effect.provide(Mock.layer())))

  it.effect("time calls on the monotonic clock", () =>
    Effect.gen(function*() {
      const controls = yield* MockProvider.MockControls
      yield* controls.delay("listCompute", { answer: "3 seconds" })
      const listing = yield* Effect.forkChild(Atlas.listCompute(), { startImmediately: true })
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(listing)
      const { count, max } = yield* Metric.value(Metric.withAttributes(Metrics.duration, labelled("listCompute")))
      assert.deepStrictEqual([count, max], [1, 3000])
    }).pipe(alone, Effect.provide(Mock.layer())))

  it.effect("have no label that grows with the number of computes", () =>
    Effect.gen(function*() {
      for (let made = 0; made < 5; made++) {
        const { id } = yield* Atlas.spawnCompute({ name: `name-${made}` })
        yield* TestClock.adjust("10 seconds")
        yield* Atlas.end(id)
      }
      const series = (yield* Metric.snapshot).filter((one) => one.id.startsWith("atlas_"))
      const labels = new Set(series.flatMap((one) => Object.keys(one.attributes ?? {})))
      assert.deepStrictEqual([...labels].toSorted(), ["operation", "provider", "time_unit"])
    }).pipe(alone, Effect.provide(Mock.layer())))
})
