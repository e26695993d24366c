/**
 * From the request of a session one finds every machine that was rented for it, why it was replaced, what it cost and how it
 * ended; and from each of those the request.
 */
import { assert, it } from "@effect/vitest"
import { NoCapacity } from "effect-atlas/domain/AtlasError"
import { SpanRecorder } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import { inTime, open, pass, reasonOf, settle } from "./harness.ts"

/** The names of the spans that a span links to, each with its part in the link. */
const linksOf = (spans: ReadonlyArray<Tracer.NativeSpan>, span: Tracer.NativeSpan | undefined) =>
  span?.links.map(({ attributes, span: { spanId } }) => [
    attributes["atlas.link"],
    spans.find((one) => one.spanId === spanId)?.name
  ])

const parentOf = (span: Tracer.NativeSpan | undefined): string | null =>
  Option.match(span?.parent ?? Option.none(), { onNone: () => null, onSome: ({ spanId }) => spanId })

it.effect("a request's trace leads to each attempt, through respawns, and to the end with its cost; each leads back", () =>
  Effect.gen(function*() {
    const { spans } = yield* SpanRecorder.SpanRecorder
    const named = (name: string) => spans.filter((span) => span.name === name)
    const { controls, orchestrator } = yield* open()
    yield* controls.failNext("spawnCompute", new NoCapacity({ message: "none" }))
    const request = { gpu: ["h100", "a100_80g"], spot: true, providerOpts: { costPerHour: 36 } } as const
    const { compute, id } = yield* orchestrator.spawn(request, { userId: "user-7", onFailure: { respawn: 2 } })
    const [spawn] = named("Orchestrator.spawn")
    assert.deepStrictEqual(
      ["atlas.session.id", "atlas.user.id", "atlas.provider", "atlas.compute.id"].map((key) =>
        spawn?.attributes.get(key)
      ),
      [id, "user-7", "mock", compute.id]
    )
    // while it waits, the request itself is given the links
    assert.deepStrictEqual(
      spawn?.links.map(({ span }) => span.spanId),
      named("Session.attempt").map((one) => one.spanId)
    )

    // lost twice: each replacement is in the request's trace, and leads to its attempt
    for (const replaced of [1, 2]) {
      const [{ computeId } = { computeId: null }] = yield* orchestrator.list
      yield* controls.setStatus(computeId ?? "", "terminated")
      yield* pass(130)
      const replace = named("Session.replace")[replaced - 1]
      assert.strictEqual(parentOf(replace), spawn?.spanId)
      assert.strictEqual(replace?.traceId, spawn?.traceId)
      assert.strictEqual(replace?.status._tag, "Ended")
      assert.deepInclude(Object.fromEntries(replace?.attributes ?? []), {
        "atlas.session.id": id,
        "atlas.compute.id": computeId,
        "atlas.session.replace.reason": "preempted"
      })
      const attempt = named("Session.attempt")[replaced + 1]
      assert.isTrue(replace?.links.some(({ span }) => span.spanId === attempt?.spanId))
      assert.deepStrictEqual(linksOf(spans, attempt), [
        ["previous_attempt", "Session.attempt"],
        ["request", "Orchestrator.spawn"]
      ])
    }

    yield* inTime(orchestrator.stopTracked(id))
    const [end] = named("Session.end")
    assert.deepStrictEqual(linksOf(spans, named("Orchestrator.stopTracked")[0]), [["end", "Session.end"]])
    assert.strictEqual(parentOf(end), spawn?.spanId)
    assert.strictEqual(end?.status._tag, "Ended")
    assert.deepInclude(Object.fromEntries(end?.attributes ?? []), {
      "atlas.session.end.reason": "stopped",
      "atlas.session.outcome": "closed",
      "atlas.session.respawns": 2
    })
    assert.isAbove(Number(end?.attributes.get("atlas.session.spent_usd")), 1)
    assert.deepStrictEqual(linksOf(spans, end), [
      ["attempt", "Session.attempt"],
      ["request", "Orchestrator.stopTracked"],
      ["command", "Session.Reconcile"],
      ["command", "Session.Terminate"],
      ["command", "Session.Confirm"]
    ])
    assert.deepStrictEqual(linksOf(spans, named("Session.Terminate").at(-1)), [["attempt", "Session.attempt"]])
    // every attempt of the session is reached from the request's own trace
    const reached = spans.filter(({ traceId }) => traceId === spawn?.traceId).flatMap(({ links }) => links)
    for (const { spanId } of named("Session.attempt")) assert.include(reached.map(({ span }) => span.spanId), spanId)
  }).pipe(Effect.provide(SpanRecorder.layer)))

it.effect("a session that another process began ends in a trace of its own, with its reason and its cost", () =>
  Effect.gen(function*() {
    const { spans } = yield* SpanRecorder.SpanRecorder
    const first = yield* open()
    const { id } = yield* first.orchestrator.spawn({}, { persist: true })
    yield* first.close
    const second = yield* open({ cloud: first.cloud, store: first.store })
    yield* inTime(second.orchestrator.stopTracked(id))
    const end = spans.filter(({ name }) => name === "Session.end")
    assert.lengthOf(end, 1)
    assert.strictEqual(end[0]?.parent._tag, "None")
    assert.strictEqual(end[0]?.attributes.get("atlas.session.outcome"), "closed")
  }).pipe(Effect.provide(SpanRecorder.layer)))

it.effect("no span of a session is left open, also when the engine closes in its replacement or its end", () =>
  Effect.gen(function*() {
    const { spans } = yield* SpanRecorder.SpanRecorder
    for (const state of ["replacement", "end"] as const) {
      const { close, controls, orchestrator } = yield* open({ closeWithin: "1 second" })
      const { compute, id } = yield* orchestrator.spawn({ spot: true }, { onFailure: { respawn: 2 }, persist: true })
      if (state === "replacement") {
        yield* controls.delay("spawnCompute", { request: "1 hour" })
        yield* controls.setStatus(compute.id, "terminated")
        yield* pass(130)
      } else {
        yield* controls.delay("terminate", { request: "1 hour" })
        yield* Effect.forkChild(reasonOf(orchestrator.stopTracked(id)))
        yield* settle
      }
      const name = state === "end" ? "Session.end" : "Session.replace"
      assert.strictEqual(spans.findLast((span) => span.name === name)?.status._tag, "Started")
      yield* close
    }
    assert.deepStrictEqual(spans.filter(({ status }) => status._tag === "Started").map(({ name }) => name), [])
  }).pipe(Effect.provide(SpanRecorder.layer)))

it.effect("every verb that waits has a span, which names the session", () =>
  Effect.gen(function*() {
    const { find, spans } = yield* SpanRecorder.SpanRecorder
    const { orchestrator } = yield* open()
    const { id } = yield* orchestrator.spawn({})
    const end = yield* Effect.forkChild(orchestrator.awaitEnd(id), { startImmediately: true })
    yield* inTime(orchestrator.awaitReady(id))
    const events = yield* Effect.forkChild(Stream.runDrain(orchestrator.events(id)), { startImmediately: true })
    yield* inTime(orchestrator.stopTracked(id))
    yield* Fiber.join(end)
    yield* inTime(Fiber.join(events))
    yield* orchestrator.forget(id)
    for (const verb of ["spawn", "awaitEnd", "awaitReady", "events", "stopTracked"]) {
      const span = find(`Orchestrator.${verb}`)
      assert.deepStrictEqual([span?.attributes.get("atlas.session.id"), span?.status._tag], [id, "Ended"], verb)
    }
    assert.isDefined(find("Orchestrator.forget"))
    yield* reasonOf(orchestrator.stopTracked("unknown"))
    const failed = spans.findLast(({ name }) => name === "Orchestrator.stopTracked")
    assert.strictEqual(failed?.attributes.get("atlas.error.kind"), "not_tracked")
  }).pipe(Effect.provide(SpanRecorder.layer)))

it.effect("a scope that is open for hours is two spans beside each other, and the second leads to the first", () =>
  Effect.gen(function*() {
    const { find } = yield* SpanRecorder.SpanRecorder
    const { orchestrator } = yield* open()
    const scope = yield* Scope.make()
    const { id } = yield* Scope.provide(orchestrator.scoped({}), scope).pipe(Effect.withSpan("request"))
    const acquired = find("Orchestrator.scoped.acquire")
    assert.strictEqual(acquired?.status._tag, "Ended")
    yield* pass(3, "1 hour")
    assert.isUndefined(find("Orchestrator.scoped.release"))
    yield* inTime(Scope.close(scope, Exit.void))
    const released = find("Orchestrator.scoped.release")
    assert.strictEqual(released?.status._tag, "Ended")
    assert.strictEqual(released?.attributes.get("atlas.session.id"), id)
    assert.strictEqual(parentOf(released), parentOf(acquired))
    assert.strictEqual(released?.links[0]?.span.spanId, acquired?.spanId)
  }).pipe(Effect.provide(SpanRecorder.layer)))
