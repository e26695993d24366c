/**
 * What holds for the owner's lock in any database that processes share.
 */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { hostname } from "node:os"
import * as harness from "./harness.ts"
import * as processes from "./processes.ts"

/** What holds for the seat in any database that processes share. */
export const seats = (database: Effect.Effect<string, unknown, Scope.Scope>) => {
  it.live(
    "a second process is refused and told who sits there, and gets the seat when that one is killed",
    () =>
      Effect.gen(function*() {
        const where = yield* database
        const first = yield* processes.worker(where, "hold")
        assert.strictEqual(yield* processes.word(first), "held")
        const second = yield* processes.worker(where, "hold")
        const refusal = (yield* processes.word(second)) ?? ""
        assert.include(
          refusal,
          `the owner ${harness.team} is running already: process ${first.pid} on ${hostname()} since 20`
        )
        yield* processes.kill(first)
        // a server may take a moment to see that its client is gone
        const third = yield* Effect.gen(function*() {
          const child = yield* processes.worker(where, "hold")
          return (yield* processes.word(child)) === "held" ? child : yield* Effect.fail("still refused")
        }).pipe(Effect.eventually)
        const fourth = yield* processes.worker(where, "hold")
        assert.include((yield* processes.word(fourth)) ?? "", `process ${third.pid} `)
      }).pipe(Effect.scoped),
    60_000
  )

  it.live("of six processes that start at once one gets the seat", () =>
    Effect.gen(function*() {
      const where = yield* database
      const words = yield* Effect.forEach(
        Array.from({ length: 6 }),
        () => Effect.flatMap(processes.worker(where, "hold"), processes.word),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(words.filter((one) => one === "held").length, 1, words.join("\n"))
      assert.strictEqual(words.filter((one) => one?.startsWith("refused: an orchestrator of the owner")).length, 5)
    }).pipe(Effect.scoped), 60_000)
}
