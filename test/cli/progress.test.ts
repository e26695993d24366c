/**
 * What a person who waits is told: for what, and for how long already; nothing of it where stderr is no terminal.
 */
import { assert, describe, it } from "@effect/vitest"
import { AtlasError } from "effect-atlas"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { passWhile } from "../../src/testing/TestTime.ts"
import { mock, pass, run, start, type Surroundings } from "./harness.ts"

const saidWhile = (args: ReadonlyArray<string>, surroundings: Surroundings, seconds: number) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(run(args, surroundings), { startImmediately: true })
    yield* pass(seconds)
    return (yield* passWhile(Fiber.join(fiber))).err.split("\n")
  })

describe("a wait at a terminal", () => {
  it.effect("for the answer to a create shows how long it has lasted", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      yield* controls.delay("spawnCompute", { answer: "22 seconds" })
      const said = yield* saidWhile(["up", "--image", "x", "-d"], { providers: [provider], colour: true }, 23)
      assert.deepStrictEqual(
        said.filter((line) => line.includes("waiting for")),
        ["5s", "10s", "20s"].map((time) => `... waiting for mock to answer the create (${time})`)
      )
    }))

  it.effect("is told no more once it is over", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      yield* controls.delay("spawnCompute", { answer: "7 seconds" })
      const running = start(["up", "--image", "x"], { providers: [provider], colour: true })
      const fiber = yield* Effect.forkDetach(running.ended, { startImmediately: true })
      yield* pass(60)
      const [{ id } = { id: "" }] = (yield* controls.ledger).live
      yield* controls.setStatus(id, "failed", { exitCode: 0 })
      yield* pass(60)
      assert.isDefined(fiber.pollUnsafe())
      assert.deepStrictEqual(
        running.err.filter((line) => line.includes("waiting for")),
        ["... waiting for mock to answer the create (5s)"]
      )
    }))

  it.effect("for what a lost create may have made says what is looked for", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      yield* controls.failNext("spawnCompute", new AtlasError.Transport({ message: "reset" }))
      const { code, err } = yield* passWhile(run(["up", "--image", "x"], { providers: [provider], colour: true }))
      assert.strictEqual(code, 1)
      assert.match(err, /^\.\.\. the create was not answered; looking for atlas-adhoc-compute-\w+$/m)
    }))

  it.effect.each([{ colour: true, times: ["5s", "10s"] }, { colour: false, times: [] }])(
    "for a compute to be ready is told at a terminal and nowhere else: $colour",
    ({ colour, times }) =>
      Effect.gen(function*() {
        const { controls, provider } = yield* mock
        const { id } = yield* provider.compute.spawn({ image: "x" })
        yield* controls.setStatus(id, "provisioning")
        const args = ["await", id, "--timeout", "12s"]
        const said = yield* saidWhile(args, { providers: [provider], colour }, 13)
        const waits = said.filter((line) => /\(\d+s\)$/.test(line))
        assert.deepStrictEqual(waits, times.map((time) => `... waiting for ${id} to be ready (${time})`))
      })
  )
})
