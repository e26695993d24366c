/**
 * What an operator sees: a span for each attempt and command, metrics without ids, logs that name the session.
 */
import { assert, it } from "@effect/vitest"
import { NoCapacity, NotFound, ProviderFault } from "effect-atlas/domain/AtlasError"
import * as Provider from "effect-atlas/provider/Provider"
import { SpanRecorder } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import { inTime, open, pass, reasonOf, settle } from "./harness.ts"

const own = <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.provideService(self, Metric.MetricRegistry, new Map())

const request = { gpu: ["h100", "a100_80g"], env: { KEY: "canary-env" }, auth: "bearer" } as const

it.effect("a span for each attempt has its commands under it, names session and attempt, and links to the caller's span", () =>
  Effect.gen(function*() {
    const recorder = yield* SpanRecorder.SpanRecorder
    const { controls, orchestrator } = yield* open()
    yield* controls.failNext("spawnCompute", new NoCapacity({ message: "none" }))
    const { compute, id } = yield* orchestrator.spawn(request).pipe(Effect.withSpan("request"))
    const attempts = recorder.spans.filter(({ name }) => name === "Session.attempt")
    assert.deepStrictEqual(
      attempts.map((span) => [span.attributes.get("atlas.session.id"), span.attributes.get("atlas.attempt.outcome")]),
      [[id, "NoCapacity"], [id, "live"]]
    )
    assert.strictEqual(attempts[1]?.attributes.get("atlas.compute.name"), compute.name)
    assert.isTrue(attempts.every(({ status }) => status._tag === "Ended"))
    const spawn = recorder.find("Orchestrator.spawn")
    assert.strictEqual(attempts[0]?.links[0]?.span.spanId, spawn?.spanId)
    assert.strictEqual(attempts[1]?.links[0]?.span.spanId, attempts[0]?.spanId)
    const creates = recorder.spans.filter(({ name }) => name === "Session.Rent")
    assert.deepStrictEqual(
      creates.map(({ parent }) => parent._tag === "Some" ? parent.value.spanId : null),
      attempts.map(({ spanId }) => spanId)
    )
    yield* inTime(orchestrator.stopTracked(id))
    const terminate = recorder.find("Session.Terminate")
    assert.strictEqual(terminate?.parent._tag, "None")
    assert.strictEqual(terminate?.links[0]?.span.spanId, attempts[1]?.spanId)
    assert.deepStrictEqual(
      [terminate?.attributes.get("atlas.session.id"), terminate?.attributes.get("atlas.compute.id")],
      [id, compute.id]
    )
    assert.isDefined(recorder.find("ProviderFeed.list"))
    assert.isDefined(recorder.find("Reaper.judge"))
    assert.isDefined(recorder.find("SessionEngine.adopt"))
    assert.notInclude(recorder.dump(), "canary")
  }).pipe(Effect.provide(SpanRecorder.layer)))

it.effect("the span of an attempt ends also when the owner lock is lost, or the engine closes, before it is settled", () =>
  Effect.gen(function*() {
    const recorder = yield* SpanRecorder.SpanRecorder
    const attempts = () =>
      recorder.spans.filter(({ name }) => name === "Session.attempt").map(({ attributes, status }) => [
        status._tag,
        attributes.get("atlas.attempt.outcome")
      ])
    for (const [index, outcome] of ["released", "unsettled"].entries()) {
      const { close, controls, orchestrator, store } = yield* open({ closeWithin: "1 second" })
      yield* controls.delay("spawnCompute", { request: "1 hour" })
      const caller = yield* Effect.forkChild(reasonOf(orchestrator.spawn({})))
      yield* settle
      assert.deepStrictEqual(attempts()[index], ["Started", undefined])
      if (outcome === "released") {
        store.faults.lostTo = "process 7"
        yield* pass(16)
      } else yield* close
      yield* Fiber.join(caller)
      assert.deepStrictEqual(attempts()[index], ["Ended", outcome])
    }
  }).pipe(Effect.provide(SpanRecorder.layer)))

it.effect("metrics count what happens, by provider, phase and kind, and never by id or user", () =>
  own(Effect.gen(function*() {
    const { controls, orchestrator } = yield* open()
    yield* controls.failNext("spawnCompute", new NoCapacity({ message: "none" }))
    yield* controls.failNext("terminate", new ProviderFault({ status: 500 }))
    const priced = { ...request, spot: true, providerOpts: { costPerHour: 36 } }
    const options = { userId: "alice-canary", onFailure: { respawn: 1 } }
    const first = yield* orchestrator.spawn(priced, options)
    const second = yield* orchestrator.spawn({})
    yield* pass(10)
    yield* inTime(orchestrator.stopTracked(second.id))
    yield* controls.setStatus(first.compute.id, "terminated")
    yield* pass(130)
    yield* controls.failNext("listCompute", new ProviderFault({ status: 500 }))
    yield* pass(70)
    const all = yield* Metric.snapshot
    const read = (name: string, labels: Record<string, string> = {}) =>
      all.filter(({ attributes, id }) =>
        id === `atlas_orchestrator_${name}` &&
        Object.entries(labels).every(([key, value]) => attributes?.[key] === value)
      ).map(({ state }) => "count" in state ? Number(state.count) : "value" in state ? Number(state.value) : null)
    const mock = { provider: "mock" }
    assert.deepStrictEqual(read("sessions", { owner: "team1", phase: "live" }), [1])
    assert.deepStrictEqual(read("sessions", { phase: "ended" }), [1])
    assert.deepStrictEqual(read("attempts", mock), [4])
    assert.deepStrictEqual(read("respawns", mock), [1])
    assert.deepStrictEqual(read("terminate_failures", { ...mock, kind: "provider" }), [1])
    assert.deepStrictEqual(read("poll_failures", mock), [1])
    assert.isAbove(read("polls", mock)[0] ?? 0, 2)
    assert.isAtLeast(read("poll_age_seconds", mock)[0] ?? -1, 0)
    assert.isAbove(read("spend_usd", mock)[0] ?? 0, 1)
    assert.isAbove(read("decide_duration")[0] ?? 0, 10)
    const labels = JSON.stringify(all.map(({ attributes }) => attributes))
    for (const secret of ["alice", first.id, first.compute.id]) assert.notInclude(labels, secret)
  })))

it.effect("the age of the last listing of an account grows while a listing hangs", () =>
  Effect.gen(function*() {
    const { controls, orchestrator } = yield* open()
    yield* orchestrator.spawn({}, { idleTtl: false })
    yield* pass(10)
    yield* controls.delay("listCompute", { answer: "2 hours" })
    yield* pass(10, "1 minute")
    const all = yield* Metric.snapshot
    const ages = all.filter(({ id }) => id === "atlas_orchestrator_poll_age_seconds").map(({ state }) => state)
    assert.isTrue(ages.some((state) => "value" in state && Number(state.value) > 400), JSON.stringify(ages.length))
    yield* controls.delay("listCompute", {})
  }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

it.effect("what is logged while a session rents names the session and its attempt", () =>
  Effect.gen(function*() {
    const annotations: Array<Readonly<Record<string, unknown>>> = []
    const listening = Provider.make({
      id: "listening",
      compute: {
        spawn: () =>
          Effect.andThen(
            Effect.withFiber((fiber) =>
              Effect.sync(() => void annotations.push(fiber.getRef(References.CurrentLogAnnotations)))
            ),
            Effect.fail(new NoCapacity({ message: "none" }))
          ),
        get: () => Effect.fail(new NotFound({ message: "none" })),
        list: () => Effect.succeed([]),
        terminate: () => Effect.fail(new NotFound({ message: "none" }))
      }
    })
    const { orchestrator } = yield* open({ more: [listening] })
    yield* reasonOf(orchestrator.spawn({}, { provider: "listening" }))
    const [info] = yield* orchestrator.list
    assert.strictEqual(annotations[0]?.["atlas.session.id"], info?.id)
    assert.include(info?.name ?? "", String(annotations[0]?.["atlas.attempt.id"]))
  }))
