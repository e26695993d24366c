/**
 * The orchestrator in simulated worlds: every invariant holds, each planted fault breaks one, and a seed repeats itself.
 */
import { assert, describe, it } from "@effect/vitest"
import * as RunPod from "effect-atlas/providers/RunPod"
import { Simulation } from "effect-atlas/testing"

const { kinds } = Simulation
const runpod = RunPod.make

/** The first seeds of one kind of world. */
const seedsOf = (kind: Simulation.Kind, count: number): ReadonlyArray<number> =>
  Array.from({ length: count }, (_, index) => kinds.indexOf(kind) + index * kinds.length)

/** Where each planted fault shows soonest, and which invariants may say so. */
const caught: Readonly<
  Record<Simulation.Mutation, readonly [Simulation.Kind, ...ReadonlyArray<Simulation.Invariant>]>
> = {
  "retry-create": ["rents", "one"],
  "skip-intent": ["mixed", "known", "order"],
  "trust-incomplete-listing": ["rents", "one"],
  "missed-means-gone": ["preemption", "one"],
  "forget-twin": ["deletes", "one"],
  "terminate-answered-means-gone": ["deletes", "ends"],
  "one-terminate-try": ["deletes", "ends", "liveness"],
  "reap-without-store-answer": ["usurpers", "ours"],
  "reap-young": ["owners", "ours"],
  "reap-any-owner": ["owners", "ours"],
  "respawn-before-residual": ["preemption", "one"],
  "renting-adopted-as-never-sent": ["crashes", "one", "ends"],
  "drop-stray-after-ended": ["rents", "ends"],
  "publish-before-commit": ["mixed", "order"],
  "ignore-cas": ["usurpers", "one", "order"],
  "lose-timer": ["deletes", "liveness", "ends"],
  "idle-on-wall-clock": ["clocks", "use", "ends"],
  "cap-on-monotonic": ["clocks", "money"],
  "downtime-free": ["crashes", "money"],
  "unknown-price-is-zero": ["money", "money"],
  "stale-report-accepted": ["preemption", "outcome"],
  "stop-during-renting-forgotten": ["rents", "ends"],
  "close-kills-persisted": ["closing", "adoption"],
  "settle-window-once": ["rents", "one"],
  "meter-stops-at-terminate": ["money", "money"],
  "keep-token": ["mixed", "secrets"],
  "trace-environment": ["rents", "secrets"]
}

const limit = { timeout: 120_000 }

describe("Simulation", () => {
  it.each(kinds)("every invariant holds in worlds of the kind %s", limit, (kind) => {
    // one of each; .ci/run plays a thousand with `npm run sim`
    const [seed = 0] = seedsOf(kind, 1)
    const { sessions, violation } = Simulation.play({ seed, runpod })
    assert.isNull(violation, `npm run sim -- --seed ${seed} --trace: ${violation?.message}`)
    assert.isAbove(sessions, 0)
  })

  it("every fault that can be planted is listed here", () => {
    assert.deepStrictEqual(Object.keys(caught).toSorted(), Simulation.mutations.toSorted())
  })

  it.each(Simulation.mutations)("the planted fault %s is caught", limit, (mutation) => {
    const [kind, ...invariants] = caught[mutation]
    for (const seed of seedsOf(kind, 12)) {
      const { violation } = Simulation.play({ seed, mutation, runpod })
      if (violation === null) continue
      assert.include(invariants, violation.invariant, violation.message)
      return
    }
    assert.fail(`${mutation} was not caught in 12 worlds of the kind ${kind}`)
  })

  it.each(["retry-create", "terminate-answered-means-gone", "downtime-free"] as const)(
    "the planted fault %s is caught through RunPod's adapter too",
    limit,
    (mutation) => {
      const [seed = 0] = seedsOf("runpod", 1)
      const { clouds, violation } = Simulation.play({ seed, mutation, runpod })
      assert.include(clouds, "runpod")
      assert.include(caught[mutation], violation?.invariant)
    }
  )

  it("worlds of the kind runpod rent through RunPod's adapter where it is handed in, else from the clouds of the others", () => {
    const [seed = 0] = seedsOf("runpod", 1)
    const { clouds, machines } = Simulation.play({ seed, runpod })
    assert.include(clouds, "runpod")
    assert.isAbove(machines, 0)
    assert.notInclude(Simulation.play({ seed }).clouds, "runpod")
  })

  it.each([0, 3, 7, 35])("seed %s repeats itself, line for line", limit, (seed) => {
    const trace = (): ReadonlyArray<string> => {
      const lines: Array<string> = []
      Simulation.play({ seed, runpod, trace: (line) => lines.push(line) })
      return lines
    }
    const first = trace()
    assert.isAbove(first.length, 100)
    assert.deepStrictEqual(trace(), first)
  })
})
