/**
 * Whatever clouds, clocks, callers and crashes do to a session, the checks of the world hold; and each planted fault breaks
 * one. A failing seed is in the message; `play({ seed })` plays it again.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Session from "../../../src/orchestrator/Session.ts"
import { play } from "./world.ts"
import { type Check, Violation } from "./world/check.ts"

describe("a session in a world of troubles", () => {
  it("holds every check, seed after seed", { timeout: 120_000 }, () => {
    for (let seed = 1; seed <= 400; seed++) assert.strictEqual(play({ seed }).phase._tag, "Ended")
  })

  it("plays a seed twice alike", () => {
    for (const seed of [3, 5, 7]) assert.deepStrictEqual(play({ seed }), play({ seed }))
  })
})

/** Which check catches which fault. */
const catches: Readonly<Record<Session.Mutation, Check>> = {
  "retry-create": "one create for an attempt",
  "forget-twin": "a machine that is seen is known",
  "terminate-answered-means-gone": "a machine once known is known until it is gone",
  "one-terminate-try": "a session past its limits ends, and nothing of it is left",
  "missed-means-gone": "a machine once known is known until it is gone",
  "respawn-before-residual": "a machine once known is known until it is gone",
  "renting-adopted-as-never-sent": "no second rent beside a machine that is not being ended",
  "drop-stray-after-ended": "a machine that is seen is known",
  "idle-on-wall-clock": "a session past its limits ends, and nothing of it is left",
  "cap-on-monotonic": "a capped session does not live past its cap",
  "downtime-free": "the spend is never below the ledger",
  "unknown-price-is-zero": "a capped session lives on no unknown price",
  "stale-report-accepted": "only reports of the current attempt count",
  "stop-during-renting-forgotten": "a stop is kept",
  "close-kills-persisted": "closing keeps what persists",
  "settle-window-once": "no second rent beside a machine that is not being ended",
  "meter-stops-at-terminate": "the spend is never below the ledger"
}

/** The first seed whose play breaks this check; undefined when none does. */
const seedThatBreaks = (check: Check, mutation: Session.Mutation): number | undefined => {
  for (let seed = 1; seed <= 2_000; seed++) {
    try {
      play({ seed, mutation })
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      if (error.check === check) return seed
    }
  }
  return undefined
}

describe("a planted fault is caught", () => {
  it.each(Session.mutations)("%s", { timeout: 120_000 }, (mutation) => {
    const check = catches[mutation]
    assert.isDefined(seedThatBreaks(check, mutation), `no seed broke "${check}"`)
  })
})
