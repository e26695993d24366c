/**
 * Ready at RunPod, which reports a pod as RUNNING before its outside ports are mapped, and sometimes never maps them.
 */
import { assert, describe, it } from "@effect/vitest"
import { Atlas } from "effect-atlas"
import { Orchestrator, SessionStore } from "effect-atlas/orchestrator"
import * as Providers from "effect-atlas/provider/Providers"
import * as RunPod from "effect-atlas/providers/RunPod"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as FakeRunPod from "../../../src/providers/runpod/FakeRunPod.ts"
import { failureOf, layer, passWhile } from "./harness.ts"

const cloud = FakeRunPod.FakeRunPodControls
const wanted = { gpu: "h100", image: "me/server", ports: ["8000/http", "22/tcp"] } as const
const provided = Layer.provideMerge(
  Layer.effect(
    Providers.Providers,
    Effect.map(RunPod.RunPod, (provider) => Providers.make([provider], { default: "runpod" }))
  ),
  layer()
)

describe("a pod that runs is ready when its ports are mapped, not before", () => {
  it.effect("await answers with every address, however late they come", () =>
    Effect.gen(function*() {
      yield* cloud.use(({ setPortsLag }) => setPortsLag("40 seconds"))
      const { id } = yield* passWhile(Atlas.spawnCompute(wanted))
      const ready = yield* passWhile(Atlas.awaitReady(id))
      assert.isTrue(ready.ports.every(({ url }) => url !== null))
      assert.isNumber(ready.ports[1]?.external)
    }).pipe(Effect.provide(provided)))

  it.effect("one whose port is never mapped is waited for in vain, and the failure names the port", () =>
    Effect.gen(function*() {
      yield* cloud.use(({ setPortsLag }) => setPortsLag("Infinity"))
      const { id } = yield* passWhile(Atlas.spawnCompute(wanted))
      const error = yield* passWhile(failureOf(Atlas.awaitReady(id, { timeout: "5 minutes" })))
      assert.strictEqual(error.kind, "timeout")
      assert.include(error.message, `${id} runs, but 22/tcp had no address within`)
      assert.strictEqual(error.reason._tag === "Timeout" && error.reason.lastSeen?.status, "running")
    }).pipe(Effect.provide(provided)))

  it.effect("one that was stopped and started again is ready when its new ports are mapped", () =>
    Effect.gen(function*() {
      const { id } = yield* passWhile(Atlas.spawnCompute(wanted))
      const first = yield* passWhile(Atlas.awaitReady(id))
      yield* Atlas.stop(id)
      yield* cloud.use(({ setPortsLag }) => setPortsLag("30 seconds"))
      yield* Atlas.start(id)
      const again = yield* passWhile(Atlas.awaitReady(id))
      assert.isNotNull(again.ports[1]?.url)
      assert.notStrictEqual(again.ports[1]?.url, first.ports[1]?.url)
      yield* Atlas.stop(id)
      yield* cloud.use(({ setPortsLag }) => setPortsLag("Infinity"))
      yield* Atlas.start(id)
      assert.include((yield* passWhile(failureOf(Atlas.awaitReady(id, { timeout: "2 minutes" })))).message, "22/tcp")
    }).pipe(Effect.provide(provided)))
})

describe("a session", () => {
  const orchestrated = Orchestrator.layer({ owner: "team1" }).pipe(
    Layer.provide(SessionStore.layerMemory),
    Layer.provideMerge(provided)
  )
  const atRunPod = <A, E>(use: Effect.Effect<A, E, Orchestrator.Orchestrator | FakeRunPod.FakeRunPodControls>) =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(orchestrated, scope)
      return yield* Effect.ensuring(Effect.provide(use, context), passWhile(Scope.close(scope, Exit.void)))
    })

  it.effect("is on its way until its ports are mapped, and then ready with their addresses", () =>
    Effect.gen(function*() {
      yield* cloud.use(({ setPortsLag }) => setPortsLag("40 seconds"))
      const orchestrator = yield* Orchestrator.Orchestrator
      const { id } = yield* passWhile(orchestrator.spawn(wanted))
      yield* passWhile(Effect.sleep("20 seconds"))
      assert.strictEqual((yield* orchestrator.info(id)).status, "provisioning")
      const early = yield* passWhile(failureOf(orchestrator.awaitReady(id, { timeout: "5 seconds" })))
      assert.include(early.message, "22/tcp had no address in time")
      const { ports } = yield* passWhile(orchestrator.awaitReady(id))
      assert.isTrue(ports.every(({ url }) => url !== null))
      assert.strictEqual((yield* orchestrator.info(id)).status, "running")
      yield* passWhile(orchestrator.stopTracked(id))
    }).pipe(atRunPod))

  it.effect("whose ports are never mapped ends at its ready limit, and says which port it was", () =>
    Effect.gen(function*() {
      yield* cloud.use(({ setPortsLag }) => setPortsLag("Infinity"))
      const orchestrator = yield* Orchestrator.Orchestrator
      const limit = { readyTimeout: "2 minutes" } as const
      for (
        const begun of [
          orchestrator.runTask({ ...wanted, command: ["train"] }, limit),
          orchestrator.spawn({ ...wanted, command: ["serve"] }, limit)
        ]
      ) {
        const { id } = yield* passWhile(begun)
        const { outcome } = yield* passWhile(orchestrator.awaitEnd(id))
        assert.strictEqual(outcome?._tag === "Failed" && outcome.cause, "never_ready")
        assert.include(outcome?._tag === "Failed" ? outcome.fault?.message : "", "22/tcp got no address in time")
      }
    }).pipe(atRunPod))
})
