/**
 * Whatever clouds, clocks, callers and crashes do to a session, the checks of the world hold; and each planted fault breaks one.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Session from "../../../src/orchestrator/Session.ts"
import { play, Violation } from "./world.ts"

const seeds = 400

describe("a session in a world of troubles", () => {
  it("holds every check, seed after seed", () => {
    for (let seed = 1; seed <= seeds; seed++) play({ seed })
  })

  it("plays a seed twice alike", () => {
    for (const seed of [3, 5, 7]) assert.deepStrictEqual(play({ seed }), play({ seed }))
  })
})

describe("every planted fault breaks a check", () => {
  it.each(Session.mutations)("%s", (mutation) => {
    const found: Record<string, number> = {}
    for (let seed = 1; seed <= seeds; seed++) {
      try {
        play({ seed, mutation })
      } catch (error) {
        if (!(error instanceof Violation)) throw error
        found[error.check] = (found[error.check] ?? 0) + 1
      }
    }
    console.log(mutation, JSON.stringify(found))
  })
})
