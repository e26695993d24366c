/**
 * The tracer in memory records all there is to see, and its text shows what an exporter would.
 */
import { assert, describe, it } from "@effect/vitest"
import { SpanRecorder } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

describe("SpanRecorder", () => {
  it.effect("has spans in the order they began, and finds one by its name", () =>
    Effect.gen(function*() {
      yield* Effect.withSpan(Effect.withSpan(Effect.void, "inner"), "outer")
      const recorder = yield* SpanRecorder.SpanRecorder
      assert.deepStrictEqual(recorder.spans.map((span) => span.name), ["outer", "inner"])
      assert.strictEqual(recorder.find("inner")?.name, "inner")
      assert.isUndefined(recorder.find("another"))
    }).pipe(Effect.provide(SpanRecorder.layer)))

  it.effect("writes names, attributes, events and failures, so that a secret in any of them is found", () =>
    Effect.gen(function*() {
      yield* Effect.gen(function*() {
        yield* Effect.annotateCurrentSpan({ attribute: "in-attribute", size: 10n, sealed: Redacted.make("in-sealed") })
        yield* Effect.logInfo("in-event")
        return yield* Effect.fail({ _tag: "Broken", why: "in-failure" })
      }).pipe(Effect.withSpan("in-name"), Effect.exit)
      yield* Effect.exit(Effect.withSpan(Effect.die({ hidden: "in-defect" }), "broken"))
      const dump = (yield* SpanRecorder.SpanRecorder).dump()
      for (const found of ["in-name", "in-attribute", "in-failure", "in-defect"]) assert.include(dump, found)
      assert.notInclude(dump, "in-sealed")
    }).pipe(Effect.provide(SpanRecorder.layer)))

  it.effect("two layers record apart", () =>
    Effect.gen(function*() {
      const one = yield* Effect.andThen(Effect.withSpan(Effect.void, "one"), SpanRecorder.SpanRecorder).pipe(
        Effect.provide(SpanRecorder.layer, { local: true })
      )
      const two = yield* Effect.provide(SpanRecorder.SpanRecorder, SpanRecorder.layer, { local: true })
      assert.deepStrictEqual([one.spans.length, two.spans.length], [1, 0])
    }))
})
