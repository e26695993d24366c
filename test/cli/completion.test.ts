/**
 * What may stand where a command line is typed: the answers of `atlas complete`, which the scripts of the shells ask.
 */
import { assert, describe, it } from "@effect/vitest"
import { AtlasError, Compute, Ids, Provider } from "effect-atlas"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { makeMemory } from "../../src/orchestrator/store/memory.ts"
import { sessionOf } from "../orchestrator/store/harness.ts"
import { owner, reserved, run, settle, type Surroundings } from "./harness.ts"

const computeOf = (id: string, name: string | null, status: Compute.ComputeStatus = "running") =>
  new Compute.Compute({ id: Ids.ComputeId.make(id), provider: Ids.ProviderId.make("acme"), status, name })

const acme = (list: Effect.Effect<ReadonlyArray<Compute.Compute>, AtlasError.AtlasErrorReason>) => {
  const nowhere = Effect.fail(new AtlasError.NotFound({ message: "nothing" }))
  return Provider.neutral(
    Provider.make({
      id: "acme",
      compute: { spawn: () => nowhere, get: () => nowhere, list: () => list, terminate: () => nowhere }
    })
  )
}

const computes = [
  computeOf("pod-a1", "atlas-adhoc-web-abcdefghijkl"),
  computeOf("pod-b2", "atlas-adhoc-job-abcdefghijkl", "stopped"),
  computeOf("pod-c3", "atlas-adhoc-job-bbbbbbbbbbbb"),
  computeOf("pod-d4", "$(reboot) `x`"),
  computeOf("gone", "atlas-adhoc-old-abcdefghijkl", "terminated")
]

const surroundings: Surroundings = { providers: [acme(Effect.succeed(computes)), reserved] }

/** The words that may stand at the end of a line; `_` stands for one of which nothing is typed yet. */
const offered = (line: string, around: Surroundings = surroundings) =>
  Effect.map(run(["complete", "--", ...line.split(" ").map((word) => word === "_" ? "" : word)], around), (ended) => {
    assert.deepStrictEqual([ended.code, ended.err], [0, ""])
    return ended.out === "" ? [] : ended.out.split("\n").map((one) => one.split("\t")[0] ?? "")
  })

describe("what is offered", () => {
  it.effect.each<readonly [string, ReadonlyArray<string>]>([
    ["do", ["down"]],
    ["--js", ["--json"]],
    ["fly tok", ["token"]],
    ["--provider acme fly token re", ["refresh"]],
    ["help fly", ["fly"]],
    ["down _", ["pod-a1", "web", "pod-b2", "pod-c3", "pod-d4"]],
    ["down pod-a1 w", ["web"]],
    ["rm w", ["web"]],
    ["kill pod-b", ["pod-b2"]],
    ["get w", ["web"]],
    ["get web _", []],
    ["logs -f --tail 3 pod-a", ["pod-a1"]],
    ["stop --provider acme pod-b", ["pod-b2"]],
    ["get --provider _", ["acme", "runpod"]],
    ["get --provider = ac", ["acme"]],
    ["get --provider =", ["acme", "runpod"]],
    ["get --provider=ac", ["--provider=acme"]],
    ["check ru", ["runpod"]],
    ["up --gpu h100_", ["h100_nvl", "h100_pcie", "h100_sxm"]],
    ["up --gpu h200,h100_", ["h200,h100_nvl", "h200,h100_pcie", "h200,h100_sxm"]],
    ["ls --status sto", ["stopped"]],
    ["up --image x -- _", [":file"]],
    ["ps _", []],
    ["nonsense _", []],
    ["get --provider nope _", []]
  ])("%s", ([line, words]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* offered(line), words)
    }))

  it.effect("the ids of sessions, but none that a shell would read as something else", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      const state = sessionOf("train1", null, owner)
      yield* store.commit(owner, [{ id: state.spec.id, version: 0, state }])
      const odd: typeof store = {
        ...store,
        load: (...given) =>
          Effect.map(store.load(...given), (page) => ({
            ...page,
            unreadable: ["odd-2", "$(reboot)", "a b", "x;y", "'q'"].map((id) => ({
              id,
              message: "odd",
              version: 1,
              createdAt: 1
            }))
          }))
      }
      assert.deepStrictEqual(yield* offered("sessions forget _", { ...surroundings, store: odd }), ["train1", "odd-2"])
    }))
})

describe("a user who types is not disturbed", () => {
  it.effect("by an account that cannot be listed, nor by a defect", () =>
    Effect.gen(function*() {
      for (
        const list of [
          Effect.fail(new AtlasError.Unauthorized({ message: "no key" })),
          Effect.die(new Error("broken"))
        ]
      ) {
        assert.deepStrictEqual(yield* offered("get _", { providers: [acme(list)] }), [])
      }
    }))

  it.effect("for longer than a second by a cloud that does not answer", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(offered("get _", { providers: [acme(Effect.never)] }), {
        startImmediately: true
      })
      yield* settle
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(fiber), [])
    }))
})
