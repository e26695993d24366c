/**
 * The want of machines in all the words and statuses that RunPod has for it: one kind of failure for creates, sessions and starts.
 */
import { assert, describe, it } from "@effect/vitest"
import { Orchestrator, SessionStore } from "effect-atlas/orchestrator"
import * as Providers from "effect-atlas/provider/Providers"
import * as RunPod from "effect-atlas/providers/RunPod"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as FakeRunPod from "../../../src/providers/runpod/FakeRunPod.ts"
import { table } from "../../../src/providers/runpod/internal/capacityWords.ts"
import { classify } from "../../../src/providers/runpod/internal/edge.ts"
import { failureOf, layer, passWhile } from "./harness.ts"

const cloud = FakeRunPod.FakeRunPodControls
const wanted = { gpu: "h100", image: "me/server" }
const detail = FakeRunPod.noCapacity[1]
const creates = cloud.use(({ requests }) =>
  Effect.map(requests, (all) => all.filter(({ operation }) => operation === "createPod"))
)

describe("no machine left is no_capacity in whatever words and with whatever status it is said", () => {
  it.each(table.flatMap(({ words }) => [400, 409, 500, 503].map((status) => [words, status] as const)))(
    "%s, with %d",
    (words, status) => {
      const reason = classify({
        status,
        // as text of several lines has them
        message: `create pod: There are ${words.toUpperCase().replaceAll(" ", "\n  ")}!`,
        body: null,
        raw: null
      })
      assert.strictEqual(reason?._tag, "NoCapacity")
    }
  )

  it.each(table)("where $words was seen is told", ({ source }) => assert.isNotEmpty(source))

  it("a server's other failures, and words with a status that means something else, are no want of machines", () => {
    for (const status of [401, 402, 403, 404, 429]) {
      assert.notStrictEqual(classify({ status, message: detail, body: null, raw: null })?._tag, "NoCapacity")
    }
    const message = "Something went wrong. Please try again later or contact support."
    assert.isUndefined(classify({ status: 500, message, body: null, raw: null }))
  })
})

describe("a create that a server answered with 5xx and these words", () => {
  it.effect("is no_capacity after a look has shown that nothing was made, and was sent once", () =>
    Effect.gen(function*() {
      const provider = yield* RunPod.RunPod
      yield* cloud.use(({ order }) => order({ _tag: "Refuse", on: "createPod", status: 500, detail }))
      const error = yield* passWhile(failureOf(provider.compute.spawn(wanted)))
      assert.deepStrictEqual([error.kind, error.status], ["no_capacity", 500])
      assert.lengthOf(yield* creates, 1)
      const { operation } = (yield* cloud.use(({ requests }) => requests)).at(-1) ?? {}
      assert.strictEqual(operation, "listPods")
    }).pipe(Effect.provide(layer())))

  it.effect("is the pod that it made all the same", () =>
    Effect.gen(function*() {
      const provider = yield* RunPod.RunPod
      yield* cloud.use(({ order }) => order({ _tag: "Refuse", on: "createPod", status: 500, detail, acted: true }))
      const pod = yield* passWhile(provider.compute.spawn(wanted))
      const { live } = yield* cloud.use(({ ledger }) => ledger)
      assert.deepStrictEqual(live.map(({ id }) => id), [pod.id])
    }).pipe(Effect.provide(layer())))

  it.effect("other words leave it uncertain", () =>
    Effect.gen(function*() {
      const provider = yield* RunPod.RunPod
      yield* cloud.use(({ order }) => order({ _tag: "Refuse", on: "createPod", status: 500, detail: "oops" }))
      assert.strictEqual((yield* passWhile(failureOf(provider.compute.spawn(wanted)))).kind, "uncertain")
    }).pipe(Effect.provide(layer())))

  const orchestrated = Orchestrator.layer({ owner: "team1" }).pipe(
    Layer.provide(SessionStore.layerMemory),
    Layer.provide(
      Layer.effect(
        Providers.Providers,
        Effect.map(RunPod.RunPod, (provider) => Providers.make([provider], { default: "runpod" }))
      )
    ),
    Layer.provideMerge(layer())
  )

  it.effect("sends a session to its next candidate after the look, without a second create at the first", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(orchestrated, scope)
      yield* Effect.gen(function*() {
        yield* cloud.use(({ order }) => order({ _tag: "Refuse", on: "createPod", status: 500, detail }))
        const orchestrator = yield* Orchestrator.Orchestrator
        const { compute, id } = yield* passWhile(orchestrator.spawn({ ...wanted, gpu: ["h100", "a100_80g"] }))
        assert.strictEqual(compute.gpuType, "NVIDIA A100 80GB PCIe")
        assert.lengthOf(yield* creates, 2)
        const { refusals } = yield* orchestrator.info(id)
        assert.deepStrictEqual(refusals.map(({ fault }) => fault.reason), ["NoCapacity"])
        yield* passWhile(orchestrator.stopTracked(id))
      }).pipe(Effect.provide(context), Effect.ensuring(passWhile(Scope.close(scope, Exit.void))))
    }))
})

it.effect.each([400, 500])(
  "a start whose host is full, told with %d, is no_capacity and asked once",
  (status) =>
    Effect.gen(function*() {
      const provider = yield* RunPod.RunPod
      const pod = yield* passWhile(provider.compute.spawn(wanted))
      yield* passWhile(Effect.sleep("1 minute"))
      yield* provider.power.stop(pod.id)
      const refusal = { _tag: "Refuse", on: "podAction", status, detail: FakeRunPod.hostFull, times: 9 } as const
      yield* cloud.use(({ order }) => order(refusal))
      const error = yield* passWhile(failureOf(provider.power.start(pod.id)))
      assert.deepStrictEqual([error.kind, error.status], ["no_capacity", status])
      assert.strictEqual(yield* cloud.use(({ pendingFaults }) => pendingFaults), 1)
      const starts = (yield* cloud.use(({ requests }) => requests)).filter(({ operation }) => operation === "podAction")
      assert.lengthOf(starts, 2)
    }).pipe(Effect.provide(layer()))
)
