/**
 * The `fly` executable in memory: scripted, on the test's clock, and as bounded as the real one.
 */
import { assert, describe, it } from "@effect/vitest"
import { FlyCli } from "effect-atlas/fly"
import { FakeFlyCli } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"

const run = (...args: ReadonlyArray<string>) => FlyCli.FlyCli.use((cli) => cli.run(args))

const controls = FakeFlyCli.FakeFlyCli

describe("FakeFlyCli", () => {
  it.effect("answers with the first reply that fits and is not used up", () =>
    Effect.gen(function*() {
      const said = (...args: ReadonlyArray<string>) => Effect.map(run(...args), ({ stdout }) => stdout)
      assert.strictEqual(yield* said("tokens", "create", "readonly"), "once")
      assert.strictEqual(yield* said("tokens", "create", "readonly"), "again")
      assert.strictEqual(yield* said("tokens", "list"), "")
      assert.strictEqual(yield* said("version"), "tested")
      yield* controls.use(({ script }) => script({ when: ["version"], steps: [{ stdout: "newer" }] }))
      assert.strictEqual(yield* said("version"), "newer")
      assert.deepStrictEqual(yield* run("nonsense"), {
        exitCode: 1,
        stdout: "",
        stderr: "Error: unknown command\n"
      })
    }).pipe(Effect.provide(FakeFlyCli.layer(
      { when: ["tokens", "create"], steps: [{ stdout: "once" }], times: 1 },
      { when: ["tokens", "create"], steps: [{ stdout: "again" }] },
      { when: ["tokens"], exitCode: 3 },
      { when: ([first]) => first === "version", steps: [{ stdout: new TextEncoder().encode("tested") }] }
    ))))

  it.effect("a run has 15 seconds, and is killed after them", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.flip(run("auth", "token")), { startImmediately: true })
      yield* TestClock.adjust("14 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.strictEqual(
        (yield* Fiber.join(fiber)).message,
        "[fly] fly_timeout: `fly auth` did not finish within 15s and was ended"
      )
      assert.deepStrictEqual((yield* controls.use(({ calls }) => calls)).map(({ state }) => state), ["killed"])
    }).pipe(Effect.provide(FakeFlyCli.layer({ ending: "hang" }))))

  it.effect("steps take the time they say, and a scope that closes ends it", () =>
    Effect.gen(function*() {
      const cli = yield* FlyCli.FlyCli
      const seen: Array<string> = []
      const fiber = yield* cli.start(["deploy"], { directory: "/srv", operation: "deploy" }).pipe(
        Effect.flatMap(({ output }) =>
          Stream.runForEach(output, (bytes) => Effect.sync(() => void seen.push(new TextDecoder().decode(bytes))))
        ),
        Effect.scoped,
        Effect.forkChild({ startImmediately: true })
      )
      yield* TestClock.adjust("59 seconds")
      assert.deepStrictEqual(seen, ["one"])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(seen, ["one", "two"])
      yield* Fiber.interrupt(fiber)
      const [call] = yield* controls.use(({ calls }) => calls)
      assert.deepStrictEqual(
        [call?.args, call?.options.directory, call?.state],
        [["deploy"], "/srv", "killed"]
      )
    }).pipe(Effect.provide(FakeFlyCli.layer({
      steps: [{ stdout: "one" }, { after: "1 minute", stderr: "two" }],
      ending: "hang"
    }))))

  it.effect("can be absent", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* Effect.flip(run("version"))).kind, "fly_not_found")
      assert.deepStrictEqual((yield* controls.use(({ calls }) => calls)).map(({ state }) => state), ["absent"])
    }).pipe(Effect.provide(FakeFlyCli.layer({ ending: "absent" }))))
})
