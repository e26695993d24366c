/**
 * An adapter that throws: its command has a result all the same, so that no session stops and no machine is lost.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { inTime, live, open, pass } from "../harness.ts"
import { overhear } from "../overheard.ts"

const defect = (): Error => Object.assign(new TypeError("key=canary"), { request: "canary" })

describe("an adapter that throws", () => {
  it.effect("in a create may have rented: the machine is looked for, and asked for again when there is none", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      yield* harness.controls.dieNext("spawnCompute", defect())
      const { compute } = yield* inTime(harness.orchestrator.spawn({}))
      assert.deepStrictEqual(yield* live(harness), [compute.id])
      assert.strictEqual((yield* harness.controls.counts).spawnCompute, 2)
    }))

  it.effect("in a terminate, or when asked for the machine after it, is called again until the machine is gone", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const { id } = yield* harness.orchestrator.spawn({})
      yield* harness.controls.dieNext("terminate", defect())
      yield* harness.controls.dieNext("getCompute", defect())
      yield* inTime(harness.orchestrator.stopTracked(id, { timeout: "90 seconds" }))
      assert.deepStrictEqual(yield* live(harness), [])
    }))

  it.effect("when asked for a machine shows nothing about it, and the text of the defect is repeated nowhere", () =>
    overhear((lines) =>
      Effect.gen(function*() {
        const harness = yield* open()
        const { compute, id } = yield* harness.orchestrator.spawn({}, { idleTtl: false })
        yield* pass(10)
        yield* harness.controls.dieNext("getCompute", defect())
        harness.engine.report(id, { _tag: "Missed", provider: compute.provider, computeId: compute.id })
        yield* pass(10)
        assert.strictEqual((yield* harness.orchestrator.info(id)).state, "live")
        assert.strictEqual((yield* harness.controls.counts).getCompute, 2, "it is asked for once more")
        assert.notInclude(lines.join("\n"), "canary")
        assert.notInclude(JSON.stringify(harness.store.written), "canary")
      })
    ))
})
