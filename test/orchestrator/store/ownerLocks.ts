/**
 * Cases of the owner lock in a database that processes share.
 */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { hostname } from "node:os"
import * as harness from "./harness.ts"
import * as processes from "./processes.ts"

/** Tests of the owner lock in such a database. */
export const ownerLockCases = (database: Effect.Effect<string, unknown, Scope.Scope>) => {
  it.live(
    "a second process is refused with the name of the holder, and gets the lock when that one is killed",
    () =>
      Effect.gen(function*() {
        const where = yield* database
        const first = yield* processes.worker(where, "hold")
        assert.strictEqual(yield* processes.firstLine(first), "held")
        const second = yield* processes.worker(where, "hold")
        const refusal = (yield* processes.firstLine(second)) ?? ""
        assert.include(
          refusal,
          `the owner ${harness.team} is running already: process ${first.pid} on ${hostname()} since 20`
        )
        yield* processes.kill(first)
        // a server may take a moment to see that its client is gone
        const third = yield* Effect.gen(function*() {
          const child = yield* processes.worker(where, "hold")
          return (yield* processes.firstLine(child)) === "held" ? child : yield* Effect.fail("still refused")
        }).pipe(Effect.eventually)
        const fourth = yield* processes.worker(where, "hold")
        assert.include((yield* processes.firstLine(fourth)) ?? "", `process ${third.pid} `)
      }).pipe(Effect.scoped),
    60_000
  )

  it.live("of six processes that start at once one gets the lock", () =>
    Effect.gen(function*() {
      const where = yield* database
      const lines = yield* Effect.forEach(
        Array.from({ length: 6 }),
        () => Effect.flatMap(processes.worker(where, "hold"), processes.firstLine),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(lines.filter((line) => line === "held").length, 1, lines.join("\n"))
      assert.strictEqual(lines.filter((line) => line?.startsWith("refused: an orchestrator of the owner")).length, 5)
    }).pipe(Effect.scoped), 60_000)
}
