/**
 * Spans of provider calls, as a recorder in memory and as OpenTelemetry's own SDK sees them.
 */
import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import { assert, describe, it } from "@effect/vitest"
import { SpanStatusCode } from "@opentelemetry/api"
import type { ReadableSpan, SpanProcessor } from "@opentelemetry/sdk-trace-base"
import { Atlas, AtlasError } from "effect-atlas"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import * as Attributes from "effect-atlas/telemetry/Attributes"
import { SpanRecorder } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { passWhile } from "../../src/testing/TestTime.ts"
import { open, pass } from "../orchestrator/harness.ts"
import * as Mock from "../support/mock.ts"
import { secretOf } from "../support/secrets.ts"

const canary = "canary-8b2d"

/** Collects what the SDK would export. */
const inMemory = () => {
  const ended: Array<ReadableSpan> = []
  const spanProcessor: SpanProcessor = {
    onStart: () => {},
    onEnd: (span) => void ended.push(span),
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve()
  }
  return { ended, layer: NodeSdk.layer(() => ({ resource: { serviceName: "atlas-test" }, spanProcessor })) }
}

describe("exported through OpenTelemetry", () => {
  it.effect("calls are client spans named after their verb, with the provider, under the caller's own span", () =>
    Effect.gen(function*() {
      const { ended, layer } = inMemory()
      const id = yield* Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({ name: "web" })
        yield* Atlas.terminate(id)
        return id
      }).pipe(Effect.withSpan("mine"), Effect.provide(layer))
      const byName = new Map(ended.map((span) => [span.name, span]))
      const spawn = byName.get("Provider.spawnCompute")
      const terminate = byName.get("Provider.terminate")
      assert.strictEqual(spawn?.attributes[Attributes.provider], "mock")
      assert.match(String(spawn?.attributes[Attributes.computeName]), /^atlas-adhoc-web-/)
      assert.strictEqual(terminate?.attributes[Attributes.computeId], id)
      const mine = byName.get("mine")?.spanContext().spanId
      assert.isDefined(mine)
      assert.strictEqual(spawn?.parentSpanContext?.spanId, mine)
      assert.strictEqual(terminate?.parentSpanContext?.spanId, mine)
      assert.strictEqual(spawn?.kind, terminate?.kind)
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("a failure is told by its kind, and no secret is exported", () =>
    Effect.gen(function*() {
      const { ended, layer } = inMemory()
      const controls = yield* MockProvider.MockControls
      yield* controls.loseNextAnswer({ created: true })
      const token = yield* Effect.gen(function*() {
        const { auth, id } = yield* passWhile(Atlas.spawnCompute(
          { env: { KEY: `${canary}-env` }, providerOpts: { note: `${canary}-opts` }, auth: "bearer" },
          { apiKey: `${canary}-key`, headers: { "x-key": `${canary}-header` } }
        ))
        yield* Effect.ignore(Atlas.getCompute("mock-unknown", { apiKey: `${canary}-key` }))
        yield* passWhile(Atlas.end(id))
        return secretOf(auth)
      }).pipe(Effect.provide(layer))
      const failed = ended.find((span) => span.attributes[Attributes.computeId] === "mock-unknown")
      assert.strictEqual(failed?.attributes[Attributes.errorKind], "not_found")
      const exported = JSON.stringify(
        ended.map((
          span
        ) => [span.name, span.attributes, span.events, span.status, span.links, span.resource.attributes])
      )
      assert.isAbove(ended.length, 4)
      assert.lengthOf(token, 43)
      assert.notInclude(exported, token)
      assert.notInclude(exported, canary)
    }).pipe(Effect.provide(Mock.layer())))
})

it.effect("a session is one story in OpenTelemetry: from its request to each machine, why it was replaced, how it ended, without errors", () =>
  Effect.gen(function*() {
    const { ended, layer } = inMemory()
    yield* Effect.gen(function*() {
      const { controls, orchestrator } = yield* open()
      const request = { gpu: "h100", providerOpts: { costPerHour: 36 }, env: { KEY: canary } } as const
      const { compute, id } = yield* orchestrator.spawn(request, { onFailure: { respawn: 1 }, idleTtl: false }).pipe(
        Effect.withSpan("request")
      )
      yield* pass(30, "1 minute")
      yield* controls.forget(compute.id)
      yield* pass(10, "1 minute")
      yield* passWhile(orchestrator.stopTracked(id))
    }).pipe(Effect.scoped, Effect.provide(layer))
    const named = (name: string) => ended.filter((span) => span.name === name)
    const parents = (name: string) => named(name).map(({ parentSpanContext }) => parentSpanContext?.spanId)
    const [spawn] = named("Orchestrator.spawn")
    const own = [spawn?.spanContext().spanId]
    assert.deepStrictEqual([parents("Session.replace"), parents("Session.end")], [own, own])
    const attempts = named("Session.attempt").map((span) => span.spanContext().traceId)
    assert.lengthOf(attempts, 2)
    const story = ended.filter((span) => span.spanContext().traceId === spawn?.spanContext().traceId)
    const reached = story.flatMap(({ links }) => links.map(({ context }) => context.traceId))
    for (const trace of attempts) assert.include(reached, trace)
    assert.strictEqual(named("Session.replace")[0]?.attributes[Attributes.replaceReason], "vanished")
    assert.isAbove(Number(named("Session.end")[0]?.attributes[Attributes.spent]), 18)
    assert.deepStrictEqual(
      ended.filter(({ status }) => status.code === SpanStatusCode.ERROR).map(({ name }) => name),
      []
    )
    assert.notInclude(JSON.stringify(ended.map(({ attributes, events }) => [attributes, events])), canary)
  }))

describe("spans", () => {
  it.effect("of one spawn hold its parts: the create, the search after a lost answer", () =>
    Effect.gen(function*() {
      const controls = yield* MockProvider.MockControls
      yield* controls.loseNextAnswer({ created: true })
      yield* passWhile(Atlas.spawnCompute({}))
      const recorder = yield* SpanRecorder.SpanRecorder
      const parentOf = (name: string) =>
        Option.match(recorder.find(name)?.parent ?? Option.none(), {
          onNone: () => null,
          onSome: (parent) => recorder.spans.find((span) => span.spanId === parent.spanId)?.name
        })
      assert.strictEqual(parentOf("Provider.rentCompute"), "Provider.spawnCompute")
      assert.strictEqual(parentOf("Provider.resolveCompute"), "Provider.spawnCompute")
      assert.strictEqual(parentOf("Provider.listCompute"), "Provider.resolveCompute")
    }).pipe(Effect.provide(Layer.merge(Mock.layer(), SpanRecorder.layer))))

  it.effect.each(
    [
      ["not_found", (mock: MockProvider.Controls) => mock.failNext("listCompute", new AtlasError.NotFound({}))],
      ["defect", (mock: MockProvider.Controls) => mock.dieNext("listCompute", "a bug")]
    ] as const
  )("of a failed call say %s", ([kind, order]) =>
    Effect.gen(function*() {
      yield* order(yield* MockProvider.MockControls)
      yield* Effect.exit(Atlas.listCompute())
      const recorder = yield* SpanRecorder.SpanRecorder
      assert.strictEqual(recorder.find("Provider.listCompute")?.attributes.get(Attributes.errorKind), kind)
    }).pipe(Effect.provide(Layer.merge(Mock.layer(), SpanRecorder.layer))))

  it.effect("of a log stream end with the stream, and say how it failed", () =>
    Effect.gen(function*() {
      yield* Effect.exit(Stream.runDrain(Atlas.streamLogs("mock-unknown")))
      const recorder = yield* SpanRecorder.SpanRecorder
      const span = recorder.find("Provider.streamLogs")
      assert.strictEqual(span?.status._tag, "Ended")
      assert.strictEqual(span?.attributes.get(Attributes.errorKind), "not_found")
    }).pipe(Effect.provide(Layer.merge(Mock.layer(), SpanRecorder.layer))))

  it.effect("name only what is on the list of attributes", () =>
    Effect.gen(function*() {
      const { id } = yield* Atlas.spawnCompute({ gpu: "h100", name: "web", auth: "bearer" })
      yield* Effect.ignore(Atlas.getCompute("mock-unknown"))
      yield* TestClock.adjust("10 seconds")
      yield* Atlas.end(id)
      const recorder = yield* SpanRecorder.SpanRecorder
      const names = new Set(recorder.spans.flatMap((span) => [...span.attributes.keys()]))
      const known: ReadonlyArray<string> = [
        Attributes.provider,
        Attributes.cloud,
        Attributes.computeId,
        Attributes.computeName,
        Attributes.errorKind
      ]
      assert.deepStrictEqual([...names].filter((name) => !known.includes(name)), [])
    }).pipe(Effect.provide(Layer.merge(Mock.layer(), SpanRecorder.layer))))
})
