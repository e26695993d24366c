/**
 * Whatever clouds, clocks, callers and crashes do to a session, the checks of its world hold. A failing seed is in the message;
 * `play({ seed })` plays it again. `npm run mutants` shows that the checks can fail.
 */
import { assert, describe, it } from "@effect/vitest"
import { play } from "./world.ts"

describe("a session in a world with faults", () => {
  it("holds every check, seed after seed", { timeout: 120_000 }, () => {
    for (let seed = 1; seed <= 400; seed++) assert.strictEqual(play({ seed }).phase._tag, "Ended")
  })

  it("plays a seed the same way twice", () => {
    for (const seed of [3, 5, 7]) assert.deepStrictEqual(play({ seed }), play({ seed }))
  })
})
