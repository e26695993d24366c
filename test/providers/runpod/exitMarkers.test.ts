/**
 * How a command ended, at a cloud that tells no exit codes: the last line of the pod's log says it, to the engine and the command
 * line, and to no reader of the log.
 */
import { assert, describe, it } from "@effect/vitest"
import { Orchestrator, SessionStore } from "effect-atlas/orchestrator"
import * as Providers from "effect-atlas/provider/Providers"
import * as RunPod from "effect-atlas/providers/RunPod"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as FakeRunPod from "../../../src/providers/runpod/FakeRunPod.ts"
import { start } from "../../cli/harness.ts"
import { failureOf, layer, passWhile } from "./harness.ts"

const cloud = FakeRunPod.FakeRunPodControls
const wanted = { gpu: "h100", image: "me/trainer", command: ["train"] } as const
const wait = (seconds: number) => passWhile(Effect.sleep(`${seconds} seconds`))
const other = "atlas-team1-train-abcdefghijkl"

describe("the end of a pod's log", () => {
  const running = Effect.gen(function*() {
    const { compute } = yield* RunPod.RunPod
    const pod = yield* compute.spawn(wanted)
    yield* wait(5)
    return pod
  })
  const texts = (id: string, follow: boolean) =>
    Effect.gen(function*() {
      const { logs } = yield* RunPod.RunPod
      const lines = yield* passWhile(Stream.runCollect(logs.stream(id, { follow })))
      return lines.filter(({ stream }) => stream === "container").map(({ text }) => text)
    })

  it.effect("tells the exit code under the pod's own name, and under no other", () =>
    Effect.gen(function*() {
      const { logs } = yield* RunPod.RunPod
      const { id, name } = yield* running
      assert.isNull(yield* passWhile(logs.exit(id, { name: name ?? "" })))
      const following = yield* Effect.forkChild(logs.exit(id, { name: name ?? "", follow: true }))
      yield* cloud.use(({ writeLog }) => writeLog(id, `atlas: ${other} exited with 9`))
      yield* wait(5)
      assert.isUndefined(following.pollUnsafe())
      yield* cloud.use(({ endCommand }) => endCommand(id, 7))
      assert.strictEqual(yield* passWhile(Fiber.join(following)), 7)
      assert.strictEqual(yield* passWhile(logs.exit(id, { name: name ?? "" })), 7)
      assert.isNull(yield* passWhile(logs.exit(id, { name: "atlas-team1-train-mmmmmmmmmmmm" })))
      assert.strictEqual((yield* passWhile(failureOf(logs.exit("nowhere", { name: other })))).kind, "not_found")
    }).pipe(Effect.provide(layer())))

  it.effect("is hidden from readers, with nothing of the command's own output", () =>
    Effect.gen(function*() {
      const { id, name } = yield* running
      yield* cloud.use(({ writeLog }) => writeLog(id, "epoch 1"))
      yield* cloud.use(({ writeLog }) => writeLog(id, `100%atlas: ${name} exited with 0`))
      yield* cloud.use(({ writeLog }) => writeLog(id, "atlas: I exited with 0"))
      yield* cloud.use(({ endCommand }) => endCommand(id, 0))
      const shown = ["epoch 1", "100%", "atlas: I exited with 0"]
      assert.deepStrictEqual(yield* texts(id, false), shown)
      assert.deepStrictEqual(yield* texts(id, true), shown)
    }).pipe(Effect.provide(layer())))

  it.effect("is no word of the platform: those are shown, whatever they look like", () =>
    Effect.gen(function*() {
      const { logs } = yield* RunPod.RunPod
      const { id, name } = yield* running
      const words = `atlas: ${name} exited with 0`
      yield* cloud.use(({ writeLog }) => writeLog(id, words, "system"))
      const lines = yield* passWhile(Stream.runCollect(logs.stream(id)))
      assert.include(lines.filter(({ stream }) => stream === "system").map(({ text }) => text), words)
    }).pipe(Effect.provide(layer())))
})

describe("a session whose log nobody else follows", () => {
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
  const atRunPod = <A, E>(use: Effect.Effect<A, E, Orchestrator.Orchestrator | FakeRunPod.FakeRunPodControls>) =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(orchestrated, scope)
      return yield* Effect.ensuring(Effect.provide(use, context), passWhile(Scope.close(scope, Exit.void)))
    })

  it.effect.each([0, 7])(
    "has the command's exit code as its outcome (%d), and its pod is ended at once",
    (exitCode) =>
      Effect.gen(function*() {
        const orchestrator = yield* Orchestrator.Orchestrator
        const { compute, id } = yield* passWhile(orchestrator.runTask(wanted))
        yield* wait(20)
        yield* cloud.use(({ endCommand }) => endCommand(compute.id, exitCode))
        yield* wait(10)
        assert.lengthOf((yield* cloud.use(({ ledger }) => ledger)).live, 0)
        const { outcome } = yield* passWhile(orchestrator.awaitEnd(id))
        assert.deepStrictEqual(
          outcome,
          exitCode === 0
            ? { _tag: "Completed", exitCode }
            : { _tag: "Failed", cause: "exit_code", exitCode, fault: null }
        )
      }).pipe(atRunPod)
  )

  it.effect("has none where the host is lost: it has failed, and is never completed", () =>
    Effect.gen(function*() {
      const orchestrator = yield* Orchestrator.Orchestrator
      const { compute, id } = yield* passWhile(orchestrator.runTask(wanted))
      yield* wait(20)
      yield* cloud.use(({ writeLog }) => writeLog(compute.id, `atlas: ${other} exited with 0`))
      yield* cloud.use(({ vanish }) => vanish(compute.id))
      const { outcome } = yield* passWhile(orchestrator.awaitEnd(id))
      assert.deepStrictEqual(outcome, { _tag: "Failed", cause: "lost", exitCode: null, fault: null })
    }).pipe(atRunPod))

  it.effect("learns it although the log could not be read when it was written", () =>
    Effect.gen(function*() {
      const orchestrator = yield* Orchestrator.Orchestrator
      const { compute, id } = yield* passWhile(orchestrator.runTask(wanted))
      yield* cloud.use(({ order }) => order({ _tag: "Refuse", on: "getPodLogs", status: 503, times: 1_000 }))
      yield* wait(20)
      yield* cloud.use(({ endCommand }) => endCommand(compute.id, 7))
      yield* wait(30)
      assert.strictEqual((yield* orchestrator.info(id)).state, "live")
      yield* cloud.use(({ clearFaults }) => clearFaults)
      yield* wait(20)
      const { outcome } = yield* orchestrator.info(id)
      assert.strictEqual(outcome?._tag === "Failed" && outcome.exitCode, 7)
    }).pipe(atRunPod))
})

describe("the command line at RunPod", () => {
  /** The first pod there is; a command that is loaded for the first time takes its time. */
  const runningPod = Effect.gen(function*() {
    while (true) {
      const [pod] = (yield* cloud.use(({ ledger }) => ledger)).live
      if (pod !== undefined) return pod.id
      yield* Effect.sleep("1 second")
    }
  })

  it.effect.each([["task", 0], ["task", 7], ["up", 0], ["up", 7]] as const)(
    "atlas %s exits as its command did: %d",
    ([verb, exitCode]) =>
      Effect.gen(function*() {
        const provider = yield* RunPod.RunPod
        const args = [verb, "--gpu", "h100", "--image", "me/trainer", "--", "train"]
        const running = start(args, { providers: [provider] })
        const ended = yield* Effect.forkChild(running.ended)
        const id = yield* passWhile(runningPod)
        yield* wait(10)
        yield* cloud.use(({ writeLog }) => writeLog(id, "epoch 1"))
        yield* cloud.use(({ endCommand }) => endCommand(id, exitCode))
        const { code, err, out } = yield* passWhile(Fiber.join(ended))
        assert.strictEqual(code, exitCode, err)
        assert.include(out, "epoch 1")
        assert.notInclude(out, "exited with")
        assert.lengthOf((yield* cloud.use(({ ledger }) => ledger)).live, 0)
      }).pipe(Effect.provide(layer()))
  )
})
