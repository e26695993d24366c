/**
 * A host's tracer or metrics that throw lose a span or a count: every command has its one result all the same.
 */
import { assert, describe, it } from "@effect/vitest"
import { Atlas, Providers } from "effect-atlas"
import { RateLimited } from "effect-atlas/domain/AtlasError"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Tracer from "effect/Tracer"
import { inTime, live, open } from "../harness.ts"

const broken = (): never => {
  throw new Error("the exporter is gone: key=canary")
}

/** A tracer of which this breaks. */
const tracerWithout = (what: "span" | "end" | "attribute") =>
  Tracer.make({
    span: (options) => {
      if (what === "span") return broken()
      return Object.assign(new Tracer.NativeSpan(options), { [what]: broken })
    }
  })

describe("a machine is rented once, ended and verified gone", () => {
  it.effect.each(["span", "end", "attribute"] as const)(
    "under a tracer that throws: %s",
    (what) =>
      Effect.gen(function*() {
        const harness = yield* open()
        const { id } = yield* harness.orchestrator.spawn({}).pipe(Effect.withTracer(Tracer.make({
          span: (options) => new Tracer.NativeSpan(options)
        })))
        assert.strictEqual((yield* live(harness)).length, 1)
        yield* harness.controls.failNext("terminate", new RateLimited({ message: "busy" }))
        harness.engine.report(id, { _tag: "StopRequested", by: "caller" })
        yield* inTime(Effect.asVoid(harness.engine.when(id, ({ state }) => state.phase._tag === "Ended", "test")))
        assert.deepStrictEqual(yield* live(harness), [])
        assert.strictEqual((yield* harness.controls.counts).spawnCompute, 1)
      }).pipe(Effect.withTracer(tracerWithout(what)))
  )

  it.effect.each(["span", "end", "attribute"] as const)(
    "and given to its caller under a tracer of the caller's that throws: %s",
    (what) =>
      Effect.gen(function*() {
        const harness = yield* open()
        const tracer = Effect.withTracer(tracerWithout(what))
        const { compute } = yield* tracer(harness.orchestrator.spawn({}))
        assert.deepStrictEqual(yield* live(harness), [compute.id])
        yield* inTime(tracer(harness.orchestrator.stopTracked(compute.id)))
        yield* inTime(tracer(Effect.scoped(harness.orchestrator.scoped({}))))
        assert.deepStrictEqual(yield* live(harness), [])
      })
  )

  it.effect.each(["span", "end", "attribute"] as const)(
    "without an orchestrator too: %s",
    (what) =>
      Effect.gen(function*() {
        const { controls, provider } = yield* MockProvider.make()
        const once = Atlas.withCompute({}, ({ id }) => Effect.succeed(id), { provider })
        const id = yield* inTime(once.pipe(Effect.provide(Providers.layer()), Effect.withTracer(tracerWithout(what))))
        const { live, made } = yield* controls.ledger
        assert.deepStrictEqual([made.map((one) => one.id), live], [[id], []])
      })
  )

  it.effect("under a metric registry that throws", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const registry = new Map()
      registry.get = broken
      yield* Effect.gen(function*() {
        const prepared = yield* harness.cloud.provider.compute.prepare({})
        const { id } = yield* harness.cloud.provider.compute.rent(prepared)
        yield* harness.cloud.provider.compute.terminate(id)
      }).pipe(Effect.provideService(Metric.MetricRegistry, registry))
      assert.deepStrictEqual(yield* live(harness), [])
    }))
})
