/**
 * Volumes and templates whose create was not answered: looked for before the create fails, and never asked for twice.
 */
import { assert, describe, it } from "@effect/vitest"
import type { AtlasError } from "effect-atlas"
import * as RunPod from "effect-atlas/providers/RunPod"
import * as RunPodClient from "effect-atlas/providers/RunPodClient"
import * as Effect from "effect/Effect"
import * as FakeRunPod from "../../../src/providers/runpod/FakeRunPod.ts"
import type { OperationName } from "../../../src/providers/runpod/RunPodSchema.ts"
import { failureOf, layer, passWhile } from "./harness.ts"

const cloud = FakeRunPod.FakeRunPodControls
const volume = { name: "models", sizeGb: 100, region: "EU-RO-1" }
const template = { name: "server", image: "me/server" }
const created = (operation: string) =>
  cloud.use(({ requests }) => Effect.map(requests, (all) => all.filter((one) => one.operation === operation).length))

describe("a create of a resource whose answer is lost", () => {
  it.effect.each(
    [
      { _tag: "LoseAnswer", acted: true },
      { _tag: "Refuse", status: 500, acted: true },
      { _tag: "Garble" }
    ] as const
  )("succeeds with what it made, where there was none like it before: $_tag", (fault) =>
    Effect.gen(function*() {
      const { templates, volumes } = yield* RunPod.RunPod
      yield* volumes.create({ ...volume, name: "others" })
      yield* cloud.use(({ order }) =>
        order({ ...fault, on: "createNetworkVolume" }, { ...fault, on: "createTemplate" })
      )
      const made = yield* passWhile(volumes.create(volume))
      assert.deepStrictEqual((yield* volumes.list()).map(({ name }) => name), ["others", "models"])
      assert.strictEqual((yield* volumes.get(made.id)).name, "models")
      assert.strictEqual((yield* passWhile(templates.create(template))).name, "server")
      assert.deepStrictEqual([yield* created("createNetworkVolume"), yield* created("createTemplate")], [2, 1])
    }).pipe(Effect.provide(layer())))

  it.effect("is uncertain with the ids of what is like it, where that may not be its own", () =>
    Effect.gen(function*() {
      const { volumes } = yield* RunPod.RunPod
      const before = yield* volumes.create(volume)
      yield* cloud.use(({ order }) => order({ _tag: "LoseAnswer", on: "createNetworkVolume", acted: true }))
      const error = yield* passWhile(failureOf(volumes.create(volume)))
      const [, after] = yield* volumes.list()
      assert.strictEqual(error.kind, "uncertain")
      assert.include(error.message, `is there as ${after?.id}, and as ${before.id} before`)
      assert.strictEqual(yield* created("createNetworkVolume"), 2)
    }).pipe(Effect.provide(layer())))

  it.effect("says that nothing is there, and what could not be looked at", () =>
    Effect.gen(function*() {
      const { volumes } = yield* RunPod.RunPod
      yield* cloud.use(({ order }) => order({ _tag: "LoseAnswer", on: "createNetworkVolume" }))
      const none = yield* passWhile(failureOf(volumes.create(volume)))
      assert.strictEqual(none.kind, "uncertain")
      assert.include(none.message, "looked for a network volume called models of 100 GB in EU-RO-1: there is none")
      yield* cloud.use(({ order }) =>
        order(
          { _tag: "LoseAnswer", on: "createNetworkVolume", acted: true },
          { _tag: "Refuse", on: "listNetworkVolumes", status: 403, skip: 1, times: 1_000 }
        )
      )
      const blind = yield* passWhile(failureOf(volumes.create({ ...volume, name: "blind" })))
      assert.include(blind.message, "looking for a network volume called blind of 100 GB in EU-RO-1 failed")
      assert.strictEqual(yield* created("createNetworkVolume"), 2)
    }).pipe(Effect.provide(layer())))

  it.effect("a refusal is told at once", () =>
    Effect.gen(function*() {
      const { volumes } = yield* RunPod.RunPod
      yield* cloud.use(({ order }) => order({ _tag: "Refuse", on: "createNetworkVolume", status: 400 }))
      assert.strictEqual((yield* failureOf(volumes.create(volume))).status, 400)
    }).pipe(Effect.provide(layer())))
})

describe("a create of the native client whose answer is lost", () => {
  const native = Effect.gen(function*() {
    const client = yield* RunPodClient.RunPodClient
    const scaling = { type: "QUEUE_DELAY", queueDelay: 4 } as const
    const endpoint = { name: "n", type: "QUEUE", image: "i", gpu: { pools: ["ADA_24"] }, scaling } as const
    const registry = { name: "n", username: "u", password: "p" }
    const all: ReadonlyArray<readonly [OperationName, Effect.Effect<unknown, AtlasError.AtlasError>]> = [
      [
        "createPod",
        client.createPod({ body: { name: "n", image: "i", gpu: { id: "NVIDIA L4", count: 1 }, disk: 10 } })
      ],
      ["createEndpoint", client.createEndpoint({ body: endpoint })],
      ["createTemplate", client.createTemplate({ body: { name: "n", image: "i" } })],
      ["createNetworkVolume", client.createNetworkVolume({ body: { name: "n", size: 10, dataCenter: "EU-RO-1" } })],
      ["createRegistry", client.createRegistry({ body: registry })]
    ]
    return all
  })

  it.effect("is uncertain, is not sent again, and names what is there of that name", () =>
    Effect.gen(function*() {
      for (const [operation, create] of yield* native) {
        yield* cloud.use(({ order }) => order({ _tag: "LoseAnswer", on: operation, acted: true }))
        const made = yield* passWhile(failureOf(create))
        assert.strictEqual(made.kind, "uncertain")
        assert.match(made.message, / called n\b.* is there as [a-z0-9]+, which may have been there before$/)
        assert.strictEqual(yield* created(operation), 1)
      }
    }).pipe(Effect.provide(layer())))

  it.effect("says that there is none, or that the look failed", () =>
    Effect.gen(function*() {
      for (const [operation, create] of yield* native) {
        yield* cloud.use(({ order }) => order({ _tag: "LoseAnswer", on: operation }))
        assert.match((yield* passWhile(failureOf(create))).message, /; looked for an? .* called n\b.*: there is none$/)
      }
      const { createNetworkVolume } = yield* RunPodClient.RunPodClient
      const create = createNetworkVolume({ body: { name: "n", size: 10, dataCenter: "EU-RO-1" } })
      yield* cloud.use(({ order }) =>
        order(
          { _tag: "LoseAnswer", on: "createNetworkVolume", acted: true },
          { _tag: "Refuse", on: "listNetworkVolumes", status: 403 }
        )
      )
      const blind = yield* passWhile(failureOf(create))
      assert.include(blind.message, "looking for a network volume called n of 10 GB in EU-RO-1 failed: ")
      assert.strictEqual(yield* created("createNetworkVolume"), 2)
    }).pipe(Effect.provide(layer())))
})
