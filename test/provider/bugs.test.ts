/**
 * A defect of an adapter reaches the caller in full, and a span only as a fact: its text can hold anything.
 */
import { assert, describe, it } from "@effect/vitest"
import { Provider } from "effect-atlas"
import { SpanRecorder } from "effect-atlas/testing"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { acme, call, input, scripted, status } from "./http/harness.ts"

const canary = "canary-of-a-bug"
const bug = new TypeError(`cannot read ${canary}`, { cause: { body: canary } })

const broken = Provider.make({
  id: "acme",
  settleWindow: "10 millis",
  compute: {
    spawn: () => Effect.die(bug),
    get: () => Effect.die(bug),
    list: () => {
      throw bug
    },
    terminate: () => Effect.die({ request: { env: canary } })
  },
  logs: { stream: () => Stream.die(bug) }
})

const isWhole = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Exit.isFailure(exit) && Cause.pretty(exit.cause).includes(canary)

describe("a defect", () => {
  it.effect("of an adapter stands in no span, and reaches the caller as it is", () =>
    Effect.gen(function*() {
      const recorder = yield* SpanRecorder.SpanRecorder
      const spawning = yield* Effect.forkChild(Effect.exit(broken.compute.spawn({})))
      yield* Effect.repeat(TestClock.adjust("10 seconds"), { times: 10 })
      const exits = [
        yield* Fiber.join(spawning),
        yield* Effect.exit(broken.compute.get("a")),
        yield* Effect.exit(broken.compute.list()),
        yield* Effect.exit(Stream.runDrain(broken.logs.stream("a")))
      ]
      assert.deepStrictEqual(exits.map(isWhole), [true, true, true, true])
      yield* Effect.exit(broken.compute.terminate("a"))
      assert.notInclude(recorder.dump(), canary)
      for (const name of ["spawnCompute", "getCompute", "listCompute", "streamLogs", "terminate"]) {
        const ended = recorder.find(`Provider.${name}`)?.status
        assert.isTrue(ended?._tag === "Ended" && Exit.hasDies(ended.exit), name)
      }
    }).pipe(Effect.provide(SpanRecorder.layer)))

  it.effect("of the function that classifies a refusal stands in no span of the request", () =>
    Effect.gen(function*() {
      const http = scripted(status(400, {}, { error: canary }))
      const { get } = yield* http.provide(acme({
        classify: ({ body }) => {
          throw new Error(JSON.stringify(body))
        }
      }))
      assert.isTrue(isWhole(yield* Effect.exit(get(input, call()))))
      const recorder = yield* SpanRecorder.SpanRecorder
      assert.isDefined(recorder.find("Acme.getBox"))
      assert.notInclude(recorder.dump(), canary)
    }).pipe(Effect.provide(SpanRecorder.layer)))
})
