/**
 * An adapter with bugs: a command that breaks is answered all the same, so no session stands still and no machine is lost.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { inTime, live, open, pass } from "../harness.ts"
import { overhear } from "../overheard.ts"

const bug = (): Error => Object.assign(new TypeError("key=canary"), { request: "canary" })

describe("an adapter that breaks", () => {
  it.effect("in a create may have rented: it is looked for, and asked again when nothing was made", () =>
    Effect.gen(function*() {
      const house = yield* open()
      yield* house.controls.dieNext("spawnCompute", bug())
      const { compute } = yield* inTime(house.orchestrator.spawn({}))
      assert.deepStrictEqual(yield* live(house), [compute.id])
      assert.strictEqual((yield* house.controls.counts).spawnCompute, 2)
    }))

  it.effect("in a terminate or in the look after it is asked again until the machine is gone", () =>
    Effect.gen(function*() {
      const house = yield* open()
      const { id } = yield* house.orchestrator.spawn({})
      yield* house.controls.dieNext("terminate", bug())
      yield* house.controls.dieNext("getCompute", bug())
      yield* inTime(house.orchestrator.stopTracked(id, { timeout: "90 seconds" }))
      assert.deepStrictEqual(yield* live(house), [])
    }))

  it.effect("in a look at a machine says nothing about it, and what the bug says is repeated nowhere", () =>
    overhear((lines) =>
      Effect.gen(function*() {
        const house = yield* open()
        const { compute, id } = yield* house.orchestrator.spawn({}, { idleTtl: false })
        yield* pass(10)
        yield* house.controls.dieNext("getCompute", bug())
        house.engine.report(id, { _tag: "Missed", provider: compute.provider, computeId: compute.id })
        yield* pass(10)
        assert.strictEqual((yield* house.orchestrator.info(id)).state, "live")
        assert.strictEqual((yield* house.controls.counts).getCompute, 2, "it is looked at once more")
        assert.notInclude(lines.join("\n"), "canary")
        assert.notInclude(JSON.stringify(house.shop.written), "canary")
      })
    ))
})
