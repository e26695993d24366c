/**
 * Lists in pages: whole or a failure.
 */
import { assert, describe, it } from "@effect/vitest"
import { AtlasError } from "effect-atlas"
import * as Call from "effect-atlas/provider/Call"
import * as Pages from "effect-atlas/provider/Pages"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"

const callOf = (options: Call.CallOptions = {}) => Call.decode(options, "listCompute")

/** Pages by the cursor they are asked with; the first one has none. */
const listed = (pages: Readonly<Record<string, Pages.Page<number>>>, takes: Duration.Input = 0) => {
  const asked: Array<{ readonly cursor: string | null; readonly timeout: Call.Call["timeout"] }> = []
  const read = (cursor: string | null, { timeout }: Call.Call) =>
    Effect.suspend(() => {
      asked.push({ cursor, timeout })
      const page = pages[cursor ?? ""]
      const answer: Effect.Effect<Pages.Page<number>, AtlasError.AtlasErrorReason> = page === undefined
        ? Effect.fail(new AtlasError.ProviderFault({ message: "no such page" }))
        : Effect.succeed(page)
      return Effect.delay(answer, takes)
    })
  return { asked, read }
}

describe("a list in pages", () => {
  it.effect("is read to its end, in order, with the cursor that each page named", () =>
    Effect.gen(function*() {
      const { asked, read } = listed({
        "": { items: [1, 2], next: "b" },
        b: { items: [], next: "c" },
        c: { items: [3], next: null }
      })
      assert.deepStrictEqual(yield* Pages.all(read, yield* callOf()), [1, 2, 3])
      assert.deepStrictEqual(asked.map(({ cursor }) => cursor), [null, "b", "c"])
    }))

  it.effect("of which one page fails is a failure, never a part", () =>
    Effect.gen(function*() {
      const { read } = listed({ "": { items: [1], next: "lost" } })
      assert.strictEqual((yield* Effect.flip(Pages.all(read, yield* callOf()))).message, "no such page")
    }))

  it.effect("whose cursor comes back is a failure, since it would never end", () =>
    Effect.gen(function*() {
      const { read } = listed({
        "": { items: [1], next: "b" },
        b: { items: [2], next: "c" },
        c: { items: [], next: "b" }
      })
      const { message } = yield* Effect.flip(Pages.all(read, yield* callOf()))
      assert.strictEqual(message, "the list is not complete: its cursor does not advance")
    }))

  it.effect("with more pages than any account has is a failure", () =>
    Effect.gen(function*() {
      const read = (cursor: string | null) => Effect.succeed({ items: [1], next: `${Number(cursor ?? 0) + 1}` })
      const call = yield* callOf()
      assert.include((yield* Effect.flip(Pages.all(read, call))).message, "it has more than 100 pages")
      assert.include((yield* Effect.flip(Pages.all(read, call, { mostPages: 3 }))).message, "it has more than 3 pages")
    }))

  it.effect("has one time limit, the call's, for all of its pages together", () =>
    Effect.gen(function*() {
      const { asked, read } = listed({ "": { items: [1], next: "b" }, b: { items: [2], next: null } }, "2 seconds")
      const call = yield* callOf({ timeout: "3 seconds" })
      const fiber = yield* Effect.forkChild(Effect.flip(Pages.all(read, call)), { startImmediately: true })
      yield* TestClock.adjust("3 seconds")
      const reason = yield* Fiber.join(fiber)
      assert.deepInclude(reason, { _tag: "Timeout", message: "the list was not read within 3s" })
      assert.deepStrictEqual(asked, [{ cursor: null, timeout: null }, { cursor: "b", timeout: null }])
    }))
})
