/**
 * What is looked for and not there is an answer: a clean life of a machine shows no failed span and counts no failure.
 */
import { assert, describe, it } from "@effect/vitest"
import { Atlas, AtlasError, Provider, Providers } from "effect-atlas"
import * as NameStamp from "effect-atlas/provider/NameStamp"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import * as Expected from "effect-atlas/telemetry/Expected"
import { FakeRunPod, SpanRecorder } from "effect-atlas/testing"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Tracer from "effect/Tracer"
import * as RunPod from "../../src/providers/RunPod.ts"
import { passWhile } from "../../src/testing/TestTime.ts"
import { inTime, open, pass } from "../orchestrator/harness.ts"
import * as Mock from "../support/mock.ts"

/** Spans that failed, as an exporter shows them: one that was interrupted did not. */
const failedSpans = Effect.map(
  SpanRecorder.SpanRecorder,
  ({ spans }) =>
    spans.flatMap(({ name, status }) =>
      status._tag === "Ended" && Exit.isFailure(status.exit) && !Cause.hasInterruptsOnly(status.exit.cause)
        ? [name]
        : []
    )
)

/** Failures of provider calls, as `operation kind count`. */
const failures = Effect.map(
  Metric.snapshot,
  (all) =>
    all.flatMap(({ attributes, id, state }) =>
      id === "atlas_provider_failures" && "count" in state
        ? [`${attributes?.["operation"]} ${attributes?.["kind"]} ${state.count}`]
        : []
    ).toSorted()
)

const expect = (spans: ReadonlyArray<string>, counted: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    assert.deepStrictEqual({ spans: yield* failedSpans, counted: yield* failures }, { spans, counted })
  })

const nothing = expect([], [])

/** Spans and metrics of this test alone. */
const alone = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => Effect.provideService(self, Metric.MetricRegistry, new Map())).pipe(
    Effect.provide(SpanRecorder.layer)
  )

const onMock = <A, E, R>(self: Effect.Effect<A, E, R>) => alone(Effect.provide(self, Mock.layer()))

const pods = RunPod.layer({ apiKey: "rpa_key" }).pipe(
  Layer.provide(FakeRunPod.layerClient),
  Layer.provide(FakeRunPod.layer())
)

const pod = { gpu: "h100", image: "me/server" } as const

describe("a clean life shows no failed span and counts no failure", () => {
  it.effect("of a compute: used, ended, and verified gone, down to the spans of its requests", () =>
    Effect.gen(function*() {
      yield* passWhile(Atlas.withCompute(pod, ({ id }) => Atlas.awaitReady(id)))
      yield* passWhile(Effect.scoped(Atlas.scoped(pod)))
      const { id } = yield* passWhile(Atlas.spawnCompute(pod))
      yield* passWhile(Atlas.end(id))
      yield* passWhile(Atlas.end(id))
      yield* nothing
    }).pipe(Effect.provide(Providers.layerDefault("runpod", pods)), alone))

  it.effect("of a session whose machine is gone already when it is ended", () =>
    Effect.gen(function*() {
      const { controls, orchestrator } = yield* open()
      const { compute, id } = yield* orchestrator.spawn({})
      yield* pass(20)
      yield* controls.forget(compute.id)
      yield* inTime(orchestrator.stopTracked(id))
      yield* nothing
    }).pipe(alone))

  it.effect("of a session whose machine vanishes, and whose log with it", () =>
    Effect.gen(function*() {
      const { controls, orchestrator } = yield* open()
      const { compute, id } = yield* orchestrator.runTask({ command: ["true"] })
      yield* pass(20)
      yield* controls.forget(compute.id)
      yield* inTime(orchestrator.awaitEnd(id))
      yield* nothing
    }).pipe(alone))

  it.effect("of a machine that no session has, and that the reaper ends", () =>
    Effect.gen(function*() {
      const { cloud: { provider }, controls } = yield* open({ pollInterval: "20 seconds", reapGrace: "1 minute" })
      const stamp = yield* NameStamp.make(NameStamp.Owner.make("team1"), "lost")
      yield* provider.compute.rent(yield* provider.compute.prepare({}, { stamp }))
      yield* pass(100)
      assert.deepStrictEqual((yield* controls.ledger).live, [])
      yield* nothing
    }).pipe(alone))

  it.effect("of a wait for a machine that is not listed yet, and is ended while it is waited for", () =>
    Effect.gen(function*() {
      const controls = yield* MockProvider.MockControls
      const { id } = yield* Atlas.spawnCompute({})
      yield* controls.failNext("getCompute", new AtlasError.NotFound({ message: "not listed yet" }))
      yield* passWhile(Atlas.awaitReady(id))
      yield* nothing
    }).pipe(onMock))
})

describe("what is a failure to its caller counts once, under what the caller asked for", () => {
  it.effect.each(
    [
      ["getCompute", Effect.asVoid(Atlas.getCompute("mock-unknown"))],
      ["terminate", Atlas.terminate("mock-unknown")],
      ["endCompute", Effect.asVoid(Atlas.end("mock-unknown", { mustExist: true }))],
      ["awaitReady", Effect.asVoid(passWhile(Atlas.awaitReady("mock-unknown")))]
    ] as const
  )("an id that the provider does not know: %s", ([operation, asked]) =>
    Effect.gen(function*() {
      yield* Effect.exit(asked)
      yield* expect([`Provider.${operation}`], [`${operation} not_found 1`])
    }).pipe(onMock))

  it.effect("a look that failed for another reason is a failure of the provider, and not of the wait that looked again", () =>
    Effect.gen(function*() {
      const controls = yield* MockProvider.MockControls
      const { id } = yield* Atlas.spawnCompute({})
      yield* controls.failNext("getCompute", new AtlasError.ProviderFault({ status: 500 }))
      yield* passWhile(Atlas.awaitReady(id))
      yield* expect(["Provider.getCompute"], ["getCompute provider 1"])
    }).pipe(onMock))

  it.effect("a create whose answer was lost, and which made nothing: the search that shows it is no failure", () =>
    Effect.gen(function*() {
      const controls = yield* MockProvider.MockControls
      yield* controls.loseNextAnswer({ created: false })
      yield* passWhile(Effect.exit(Atlas.spawnCompute({})))
      yield* expect(
        ["Provider.spawnCompute", "Provider.rentCompute"],
        ["rentCompute uncertain 1", "spawnCompute uncertain 1"]
      )
    }).pipe(onMock))
})

it.effect("a call whose caller has left is no failure: its span says interrupted, and a counter of its own counts it", () =>
  Effect.gen(function*() {
    const controls = yield* MockProvider.MockControls
    const { id } = yield* Atlas.spawnCompute({})
    yield* controls.delay("getCompute", { answer: "1 minute" })
    const caller = yield* Effect.forkChild(Atlas.getCompute(id), { startImmediately: true })
    yield* Fiber.interrupt(caller)
    yield* nothing
    const series = yield* Metric.snapshot
    assert.include(series.map((one) => one.id), "atlas_provider_interruptions")
  }).pipe(onMock))

it.effect("a tracer that keeps no state is told the end of a span once, without the text of a defect", () =>
  Effect.gen(function*() {
    const ends: Array<string> = []
    const stateless = Tracer.make({
      span: (options) =>
        Object.assign(new Tracer.NativeSpan(options), {
          end: (_: bigint, exit: Exit.Exit<unknown, unknown>) =>
            void ends.push(Exit.isSuccess(exit) ? "success" : Cause.pretty(exit.cause))
        })
    })
    const controls = yield* MockProvider.MockControls
    yield* controls.dieNext("listCompute", "canary-5e1d")
    yield* Effect.exit(Effect.withTracer(Atlas.listCompute(), stateless))
    yield* Effect.exit(Effect.withTracer(Expected.notFound(Atlas.getCompute("mock-unknown")), stateless))
    assert.lengthOf(ends, 2)
    assert.notInclude(ends[0], "canary")
    assert.strictEqual(ends[1], "success")
  }).pipe(onMock))

it.effect("a program may say itself that not found is an answer; the call fails as ever", () =>
  Effect.gen(function*() {
    const provider = yield* Provider.Provider
    const exit = yield* Effect.exit(Expected.notFound(provider.compute.terminate("mock-unknown")))
    assert.isTrue(Exit.isFailure(exit))
    yield* nothing
    const recorder = yield* SpanRecorder.SpanRecorder
    assert.strictEqual(recorder.find("Provider.terminate")?.attributes.get("atlas.call.answer"), "not_found")
  }).pipe(onMock))
