/**
 * Exit codes that only the logs of machines tell: they are asked for before the loss of a machine is recorded.
 */
import { assert, describe, it } from "@effect/vitest"
import * as AtlasError from "effect-atlas/domain/AtlasError"
import { Compute } from "effect-atlas/domain/Compute"
import { ComputeId, ProviderId } from "effect-atlas/domain/Ids"
import * as Provider from "effect-atlas/provider/Provider"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { open, pass } from "./harness.ts"

const id = ProviderId.make("telling")
const nowhere = Effect.fail(new AtlasError.NotFound({ message: "there is nothing here" }))

/** One machine whose log can be asked, and is never read to its end by who follows it. */
const makeCloud = () => {
  const machine: { seen: Compute | null; exitCode: number | null; asked: number } = {
    seen: null,
    exitCode: null,
    asked: 0
  }
  const provider = Provider.make({
    id,
    flags: ["self_terminate"],
    pollInterval: "5 seconds",
    settleWindow: "5 seconds",
    compute: {
      spawn: ({ name }) =>
        Effect.sync(() =>
          machine.seen = new Compute({ id: ComputeId.make("m1"), provider: id, name, status: "running" })
        ),
      get: () => machine.seen === null ? nowhere : Effect.succeed(machine.seen),
      list: () => Effect.succeed(machine.seen === null ? [] : [machine.seen]),
      terminate: () =>
        Effect.sync(() => {
          machine.seen = null
        })
    },
    logs: {
      stream: () => Stream.empty,
      exit: (_id, { follow, name }) =>
        Effect.suspend(() => {
          if (follow) return Effect.never
          machine.asked += 1
          assert.match(name, /^atlas-/)
          return machine.exitCode === null ? nowhere : Effect.succeed(machine.exitCode)
        })
    }
  })
  return { machine, provider }
}

describe("a task's machine that does not run any more", () => {
  it.effect.each([["is gone", 0], ["is gone", 7], ["is stopped", 0], ["is stopped", 7]] as const)(
    "%s: its log is asked once more before it counts as lost, and says %d",
    ([how, exitCode]) =>
      Effect.gen(function*() {
        const { machine, provider } = makeCloud()
        const { orchestrator } = yield* open({ more: [provider], reapProviders: [] })
        const { id: session } = yield* orchestrator.runTask({ command: ["train"] }, { provider: "telling" })
        yield* pass(20)
        machine.exitCode = exitCode
        machine.seen = how === "is gone" || machine.seen === null
          ? null
          : new Compute({ ...machine.seen, status: "stopped" })
        yield* pass(150)
        assert.strictEqual(machine.asked, 1)
        const { outcome, state } = yield* orchestrator.info(session)
        assert.strictEqual(state, "ended")
        assert.deepStrictEqual(
          outcome,
          exitCode === 0
            ? { _tag: "Completed", exitCode }
            : { _tag: "Failed", cause: "exit_code", exitCode, fault: null }
        )
      })
  )

  it.effect("counts as lost where its log says nothing, or cannot be read any more", () =>
    Effect.gen(function*() {
      const { machine, provider } = makeCloud()
      const { orchestrator } = yield* open({ more: [provider], reapProviders: [] })
      const { id: session } = yield* orchestrator.runTask({ command: ["train"] }, { provider: "telling" })
      yield* pass(20)
      machine.seen = null
      yield* pass(150)
      const { outcome } = yield* orchestrator.info(session)
      assert.deepStrictEqual(outcome, { _tag: "Failed", cause: "lost", exitCode: null, fault: null })
    }))
})
