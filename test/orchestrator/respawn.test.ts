/**
 * Lost machines are replaced: at the mock, and at RunPod, which has no spot machines and tells no exit codes.
 */
import { assert, describe, it } from "@effect/vitest"
import { Orchestrator, SessionStore } from "effect-atlas/orchestrator"
import * as Providers from "effect-atlas/provider/Providers"
import * as RunPod from "effect-atlas/providers/RunPod"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as FakeRunPod from "../../src/providers/runpod/FakeRunPod.ts"
import { layer as runpod, passWhile } from "../providers/runpod/harness.ts"
import { open, pass } from "./harness.ts"

const again = { onFailure: { respawn: 1 } } as const

describe("at RunPod, which has no spot machines", () => {
  const layer = Orchestrator.layer({ owner: "team1" }).pipe(
    Layer.provide(SessionStore.layerMemory),
    Layer.provide(
      Layer.effect(
        Providers.Providers,
        Effect.map(RunPod.RunPod, (provider) => Providers.make([provider], { default: "runpod" }))
      )
    ),
    Layer.provideMerge(runpod())
  )
  const request = { gpu: "h100", image: "me/server" }
  /** Closed with the clock moving, whatever has failed. */
  const atRunPod = <A, E>(
    use: Effect.Effect<A, E, Orchestrator.Orchestrator | FakeRunPod.FakeRunPodControls>
  ) =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(layer, scope)
      return yield* Effect.ensuring(Effect.provide(use, context), passWhile(Scope.close(scope, Exit.void)))
    })
  const wait = (seconds: number) =>
    passWhile(Effect.forEach(Array.from({ length: seconds }), () => Effect.sleep("1 second"), { discard: true }))

  it.effect.each(["vanish", "stopPod"] as const)(
    "a pod that is lost (%s) is replaced once",
    (how) =>
      Effect.gen(function*() {
        const controls = yield* FakeRunPod.FakeRunPodControls
        const orchestrator = yield* Orchestrator.Orchestrator
        const { compute, id } = yield* passWhile(orchestrator.spawn(request, again))
        yield* wait(20)
        yield* controls[how](compute.id)
        yield* wait(150)
        const { computeId, respawns, state } = yield* orchestrator.info(id)
        assert.deepStrictEqual([state, respawns], ["live", 1])
        assert.notStrictEqual(computeId, compute.id)
        yield* passWhile(orchestrator.stopTracked(id))
      }).pipe(Effect.provide(layer))
  )

  it.effect.each([0, 3])(
    "a pod whose command has ended with %d, as its log says, is not",
    (exitCode) =>
      Effect.gen(function*() {
        const controls = yield* FakeRunPod.FakeRunPodControls
        const orchestrator = yield* Orchestrator.Orchestrator
        const { compute, id } = yield* passWhile(orchestrator.runTask({ ...request, command: ["train"] }, again))
        yield* wait(20)
        yield* controls.endCommand(compute.id, exitCode)
        yield* wait(150)
        const { outcome, respawns, state } = yield* orchestrator.info(id)
        assert.deepStrictEqual([state, respawns], ["ended", 0])
        assert.deepStrictEqual(
          outcome,
          exitCode === 0
            ? { _tag: "Completed", exitCode }
            : { _tag: "Failed", cause: "exit_code", exitCode, fault: null }
        )
      }).pipe(atRunPod)
  )

  it.effect("a pod under a task that is gone without a word in its log was lost, and is", () =>
    Effect.gen(function*() {
      const controls = yield* FakeRunPod.FakeRunPodControls
      const orchestrator = yield* Orchestrator.Orchestrator
      const { compute, id } = yield* passWhile(orchestrator.runTask({ ...request, command: ["train"] }, again))
      yield* wait(20)
      yield* controls.vanish(compute.id)
      yield* wait(150)
      const { computeId, respawns, state } = yield* orchestrator.info(id)
      assert.deepStrictEqual([state, respawns], ["live", 1])
      yield* controls.vanish(computeId ?? "")
      yield* wait(150)
      const { outcome } = yield* orchestrator.info(id)
      assert.deepStrictEqual(outcome, { _tag: "Failed", cause: "lost", exitCode: null, fault: null })
    }).pipe(atRunPod))

  it("says in its capabilities that it tells no exit codes", () => {
    assert.notInclude(Effect.runSync(Effect.provide(RunPod.RunPod, runpod())).capabilities, "exit_codes")
  })
})

describe("at a provider that tells exit codes", () => {
  it.effect("a task whose machine is lost is run again, and one whose command failed is not", () =>
    Effect.gen(function*() {
      const { controls, orchestrator } = yield* open()
      const lost = yield* orchestrator.runTask({ command: ["run"] }, again)
      const failed = yield* orchestrator.runTask({ command: ["run"] }, again)
      yield* pass(10)
      yield* controls.forget(lost.compute.id)
      yield* controls.setStatus(failed.compute.id, "failed", { exitCode: 3 })
      yield* pass(70)
      assert.strictEqual((yield* orchestrator.info(lost.id)).respawns, 1)
      const info = yield* orchestrator.info(failed.id)
      assert.strictEqual(info.respawns, 0)
      assert.deepStrictEqual(info.outcome?._tag === "Failed" && info.outcome.exitCode, 3)
    }))

  it.effect("a machine that is never ready is ended, and its replacement comes from the next candidate", () =>
    Effect.gen(function*() {
      const { controls, orchestrator } = yield* open({ mock: { provisioning: "1 hour" } })
      const { compute, id } = yield* orchestrator.spawn(
        { gpu: ["h100", "a100_80g"] },
        { ...again, readyTimeout: "2 minutes", idleTtl: false }
      )
      yield* pass(140)
      const info = yield* orchestrator.info(id)
      assert.deepStrictEqual([info.state, info.respawns], ["live", 1])
      const { live, made } = yield* controls.ledger
      assert.strictEqual(made.length, 2)
      assert.notInclude(live.map((machine) => machine.id), compute.id)
      const asked = (yield* controls.requests).flatMap(({ request }) => request === null ? [] : [request.gpu])
      assert.deepStrictEqual(asked, ["h100", "a100_80g"])
      yield* TestClock.adjust("1 second")
    }))
})
