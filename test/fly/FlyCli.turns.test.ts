/**
 * How many fly commands run at once, and whose time passes while one waits for its turn.
 */
import { assert, it } from "@effect/vitest"
import { FlyCli, type FlyError } from "effect-atlas/fly"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"

/** A command whose runs take so long; `most` is how many there were at once. */
const taking = (duration: Parameters<typeof Effect.sleep>[0]) => {
  const state = { now: 0, most: 0, started: 0 }
  const cli = FlyCli.make(() =>
    Effect.as(
      Effect.acquireRelease(
        Effect.sync(() => {
          state.started += 1
          state.most = Math.max(state.most, ++state.now)
        }),
        () => Effect.sync(() => void (state.now -= 1))
      ),
      { pid: 1, stdout: Stream.empty, stderr: Stream.empty, exitCode: Effect.as(Effect.sleep(duration), 0) }
    )
  )
  return { state, cli }
}

const started = <A, E>(count: number, effect: Effect.Effect<A, E>) =>
  Effect.forkChild(
    Effect.forEach(Array.from({ length: count }), () => Effect.exit(effect), { concurrency: "unbounded" }),
    { startImmediately: true }
  )

const kindsOf = (exits: ReadonlyArray<Exit.Exit<unknown, FlyError.FlyError>>) =>
  exits.map((exit) => {
    const error = Exit.findErrorOption(exit)
    return error._tag === "None" ? "done" : error.value.kind
  })

it.effect("at most 8 commands run at once, and each has its whole limit from its own start", () =>
  Effect.gen(function*() {
    const { cli, state } = taking("6 seconds")
    const fiber = yield* started(20, cli.run(["version"], { timeout: "13 seconds" }))
    yield* TestClock.adjust("1 second")
    assert.deepStrictEqual([state.started, state.most], [8, 8])
    yield* TestClock.adjust("17 seconds")
    assert.deepStrictEqual(new Set(kindsOf(yield* Fiber.join(fiber))), new Set(["done"]))
    assert.deepStrictEqual([state.started, state.most, state.now], [20, 8, 0])
  }))

it.effect("a command that waits for its turn for its whole limit is not run, and says what it waited for", () =>
  Effect.gen(function*() {
    const { cli, state } = taking("1 hour")
    const long = yield* started(8, cli.run(["version"], { timeout: "1 minute" }))
    const short = yield* started(1, cli.run(["version"], { timeout: "15 seconds", app: "web" }))
    yield* TestClock.adjust("15 seconds")
    const exits = yield* Fiber.join(short)
    assert.deepStrictEqual(kindsOf(exits), ["timeout"])
    assert.include(String(exits), "8 other fly commands were still running after 15s")
    assert.strictEqual(state.started, 8)
    yield* TestClock.adjust("45 seconds")
    assert.deepStrictEqual(new Set(kindsOf(yield* Fiber.join(long))), new Set(["fly_timeout"]))
    // the turns are free again, also after callers who left
    const left = yield* started(8, cli.run(["version"]))
    yield* Fiber.interrupt(left)
    const again = yield* started(1, cli.run(["version"], { timeout: "2 hours" }))
    yield* TestClock.adjust("1 hour")
    assert.deepStrictEqual(kindsOf(yield* Fiber.join(again)), ["done"])
  }))

it.effect("a command past its limit is killed at once; one that is followed has the time to end", () =>
  Effect.gen(function*() {
    const graces: Array<unknown> = []
    const cli = FlyCli.make((_, { killGrace }) =>
      Effect.sync(() => {
        graces.push(killGrace)
        return { pid: 1, stdout: Stream.empty, stderr: Stream.empty, exitCode: Effect.succeed(0) }
      })
    )
    yield* cli.run(["tokens"])
    yield* Effect.scoped(cli.start(["deploy"]))
    assert.deepStrictEqual(graces, [0, undefined])
  }))
