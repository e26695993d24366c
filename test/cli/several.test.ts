/**
 * `up --count N`: N computes, each rented once, or none at all.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { begin, pass, start } from "./harness.ts"
import { account, accountWith } from "./rentingHarness.ts"

// loaded before, since the test's clock does not wait for a module
beforeAll(() => import("../../src/cli/actions/up.ts"))

const up = ["up", "--gpu", "l4", "--image", "x", "--detach"]

/** Runs a command while time passes. */
const inTime = <A, E, R>(self: Effect.Effect<A, E, R>, seconds = 40) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(self, { startImmediately: true })
    yield* pass(seconds)
    return yield* Fiber.join(fiber)
  })

describe("up --count", () => {
  it.effect("prints an array of computes, each with a name and a credential of its own, also for one", () =>
    Effect.gen(function*() {
      const { atlas, controls } = yield* account
      for (const count of [3, 1]) {
        const { code, err, out } = yield* atlas(
          [...up, "--count", String(count), "--name", "web", "--port", "80/http", "--auth", "bearer", "--json"]
        )
        assert.deepStrictEqual({ code, err }, { code: 0, err: "" })
        const computes: ReadonlyArray<{ id: string; name: string; auth: { token: string } }> = JSON.parse(out)
        assert.strictEqual(computes.length, count)
        for (const [index, { name }] of computes.entries()) assert.include(name, `-web-${index + 1}-`)
        for (const values of [computes.map(({ id }) => id), computes.map(({ auth }) => auth.token)]) {
          assert.strictEqual(new Set(values).size, count)
        }
      }
      assert.strictEqual((yield* controls.ledger).live.length, 4)
      const text = (yield* atlas([...up, "--count", "2"])).out
      assert.lengthOf(text.match(/^id {5}/gm) ?? [], 2)
    }).pipe(Effect.scoped))

  it.effect.each([0, 2, 7])(
    "when one is refused after %i others, the others are ended again and named",
    (skip) =>
      Effect.gen(function*() {
        const { atlas, controls } = yield* account
        yield* controls.order({
          _tag: "NoCapacity",
          on: "createPod",
          detail: "There are no instances currently available.",
          skip
        })
        const { code, err, out } = yield* inTime(atlas([...up, "--count", "8", "--json"]))
        const { error } = JSON.parse(err)
        assert.deepStrictEqual([code, out, error.kind], [1, "", "no_capacity"])
        const { live, made } = yield* controls.ledger
        assert.deepStrictEqual(live, [])
        for (const { id } of made) assert.include(error.message, id)
      }).pipe(Effect.scoped)
  )

  it.effect("a create whose answer is lost is found again, and none is rented twice", () =>
    Effect.gen(function*() {
      const { atlas, controls } = yield* account
      yield* controls.order({ _tag: "LoseAnswer", on: "createPod", acted: true, skip: 1 })
      const { code, out } = yield* inTime(atlas([...up, "--count", "3", "--json"]))
      assert.strictEqual(code, 0)
      const { live } = yield* controls.ledger
      const ids = JSON.parse(out).map(({ id }: { readonly id: string }) => id)
      assert.sameMembers(ids, live.map(({ id }) => id))
      assert.lengthOf(ids, 3)
    }).pipe(Effect.scoped))

  it.effect("one that may exist all the same is looked for and ended with the others", () =>
    Effect.gen(function*() {
      const { atlas, controls } = yield* accountWith("5 seconds")
      // made late, and neither answered nor listed while it is looked for
      yield* controls.order({ _tag: "Hang", on: "createPod", acted: true, skip: 1 })
      yield* controls.setListingLag("9 seconds")
      const { code, out } = yield* inTime(atlas([...up, "--count", "3", "--json"]), 300)
      const { live, made } = yield* controls.ledger
      assert.lengthOf(made, 3)
      // found after all, or handed back with the others
      assert.deepStrictEqual([code, live.length], code === 0 ? [0, JSON.parse(out).length] : [1, 0])
    }).pipe(Effect.scoped))

  it.effect("an interrupt at any time leaves nothing", () =>
    Effect.gen(function*() {
      for (const seconds of [0, 1, 2, 3]) {
        const { controls, provider } = yield* accountWith("5 seconds")
        yield* controls.order({ _tag: "Delay", on: "createPod", answer: "1 second" }, {
          _tag: "Delay",
          on: "createPod",
          answer: "2 seconds"
        }, { _tag: "Delay", on: "createPod", request: "2 seconds", answer: "2 seconds" })
        const { fiber } = yield* begin([...up, "--count", "4", "--json"], { providers: [provider] })
        yield* pass(seconds)
        yield* inTime(Fiber.interrupt(fiber))
        const { live, made } = yield* controls.ledger
        assert.deepStrictEqual(live, [], `after ${seconds} seconds, of ${made.length}`)
      }
    }).pipe(Effect.scoped))

  it.effect("one that cannot be ended is told with its id", () =>
    Effect.gen(function*() {
      const { atlas, controls } = yield* account
      yield* controls.ignoreDeletes(10_000)
      yield* controls.order({
        _tag: "NoCapacity",
        on: "createPod",
        detail: "There are no instances currently available.",
        skip: 2
      })
      const { code, err } = yield* inTime(atlas([...up, "--count", "3", "--json"]))
      assert.strictEqual(code, 1)
      const { live } = yield* controls.ledger
      assert.lengthOf(live, 2)
      for (const { id } of live) assert.include(JSON.parse(err).error.message, id)
    }).pipe(Effect.scoped))

  it.effect.each(
    [
      [["up", "--count", "2", "--image", "x"], 1],
      [["up", "--count", "2", "--image", "x", "--max-runtime", "5m"], 1],
      [["task", "--count", "2", "--image", "x"], 2]
    ] as const
  )("%j is refused: what is rented so is left running", ([args, code]) =>
    Effect.gen(function*() {
      const { controls, provider } = yield* account
      const ended = yield* start([...args, "--gpu", "l4", "--json"], { providers: [provider] }).ended
      const { error } = JSON.parse(ended.err)
      assert.deepStrictEqual([ended.code, error.kind, error.issues[0].path], [code, "validation", "--count"])
      assert.deepStrictEqual((yield* controls.ledger).made, [])
    }).pipe(Effect.scoped))
})
