import { assert, describe, it } from "@effect/vitest"
import { Atlas, Providers } from "effect-atlas"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"

const mock = MockProvider.layer()
const layer = Layer.merge(Providers.layer(mock), mock)
const withMock = <A, E>(test: Effect.Effect<A, E, Providers.Providers | MockProvider.MockControls>) =>
  Effect.provide(test, layer, { local: true })

describe("jobs of the mock", () => {
  it.effect("a job completes at once and echoes its input", () =>
    withMock(Effect.gen(function*() {
      const job = yield* Atlas.runJob({ endpoint: "ep", input: { n: 1 } })
      assert.deepInclude({ ...job }, { status: "completed", output: { echo: { n: 1 } }, endpoint: "ep" })
      assert.deepStrictEqual((yield* Atlas.awaitJob(job)).output, { echo: { n: 1 } })
    })))

  it.effect("its stream gives the output once, then ends", () =>
    withMock(Effect.gen(function*() {
      const job = yield* Atlas.runJob({ endpoint: "ep", input: "hello", mode: "stream" })
      assert.deepStrictEqual(yield* Stream.runCollect(Atlas.streamJob(job)), [{ echo: "hello" }])
      assert.deepStrictEqual(yield* Stream.runCollect(Atlas.streamJob(job)), [])
    })))

  it.effect("cancelling marks it cancelled", () =>
    withMock(Effect.gen(function*() {
      const job = yield* Atlas.runJob({ endpoint: "ep", input: 1 })
      yield* Atlas.cancelJob(job)
      assert.strictEqual((yield* Atlas.getJob(job)).status, "cancelled")
      assert.deepInclude((yield* Effect.flip(Atlas.awaitJob(job))).reason, { _tag: "ProviderFault", code: "cancelled" })
    })))

  it.effect("a job that was not submitted is not found, by its stream too, and so is one of another endpoint", () =>
    withMock(Effect.gen(function*() {
      const { id } = yield* Atlas.runJob({ endpoint: "ep", input: 1 })
      for (const ref of [{ endpoint: "ep", id: "none" }, { endpoint: "other", id }]) {
        for (const call of [Atlas.getJob(ref), Atlas.cancelJob(ref), Stream.runDrain(Atlas.streamJob(ref))]) {
          assert.strictEqual((yield* Effect.flip(Effect.asVoid(call))).kind, "not_found")
        }
      }
    })))
})

describe("resources of the mock", () => {
  it.effect("volumes and templates are made, listed and deleted; endpoints are put up by the test", () =>
    withMock(Effect.gen(function*() {
      const controls = yield* MockProvider.MockControls
      const volume = yield* Atlas.createNetworkVolume({ name: "models", sizeGb: 100, region: "EU-1" })
      assert.deepInclude({ ...volume }, { name: "models", sizeGb: 100, region: "EU-1" })
      const template = yield* Atlas.createTemplate({ name: "server", image: "me/server" })
      yield* controls.addEndpoint("ep", "echo")
      assert.strictEqual((yield* Atlas.listNetworkVolumes()).length, 1)
      assert.strictEqual((yield* Atlas.listTemplates())[0]?.image, "me/server")
      assert.strictEqual((yield* Atlas.getEndpoint("ep")).name, "echo")
      yield* Atlas.deleteNetworkVolume(volume.id)
      yield* Atlas.deleteTemplate(template.id)
      yield* Atlas.deleteEndpoint("ep")
      assert.deepStrictEqual(
        [yield* Atlas.listNetworkVolumes(), yield* Atlas.listTemplates(), yield* Atlas.listEndpoints()],
        [[], [], []]
      )
      const wrong = yield* Effect.flip(Atlas.createNetworkVolume({ name: "", sizeGb: 0 }))
      assert.include(wrong.message, "sizeGb")
    })))

  it.effect("the bill is what the ledger says, unless the test says otherwise", () =>
    withMock(Effect.gen(function*() {
      const controls = yield* MockProvider.MockControls
      const { id } = yield* Atlas.spawnCompute({ providerOpts: { costPerHour: 2 } })
      yield* TestClock.adjust("90 minutes")
      assert.strictEqual((yield* Atlas.computeSpend(id)).totalUsd, 3)
      yield* controls.setSpend(id, 3.5)
      const spend = yield* Atlas.computeSpend(id, {})
      assert.deepStrictEqual([Number(spend.totalUsd), String(spend.computeId)], [3.5, String(id)])
      const wrong = yield* Effect.flip(Atlas.computeSpend(id, JSON.parse("{\"from\":\"yesterday\"}")))
      assert.strictEqual(wrong.kind, "validation")
    })))
})
