/**
 * The orchestrator in simulated worlds: every invariant holds, faults planted around it break one, and a seed repeats itself.
 */
import { assert, describe, it } from "@effect/vitest"
import * as RunPod from "effect-atlas/providers/RunPod"
import { Simulation } from "effect-atlas/testing"
import { wrapped } from "../mutants/wrapped.ts"
import { isFull } from "../support/full.ts"

const { kinds, seedsOf } = Simulation
const runpod = RunPod.make

const limit = { timeout: 120_000 }

describe("Simulation", () => {
  it.each(kinds)("every invariant holds in worlds of the kind %s", limit, (kind) => {
    // one of each; .ci/run plays a thousand with `npm run sim`
    const [seed = 0] = seedsOf(kind, 1)
    const { sessions, violation } = Simulation.play({ seed, runpod })
    assert.isNull(violation, `npm run sim -- --seed ${seed} --trace: ${violation?.message}`)
    assert.isAbove(sessions, 0)
  })

  it.each(wrapped)("the planted fault $name is caught", limit, ({ fault, noticedBy }) => {
    for (const witness of noticedBy) {
      if ("tests" in witness) continue
      const { invariants, kind, seeds } = witness
      let violation: Simulation.Violation | null = null
      for (const seed of seedsOf(kind, seeds)) violation ??= Simulation.play({ seed, fault, runpod }).violation
      assert.include(invariants, violation?.invariant, violation?.message)
    }
  })

  it("worlds of the kind runpod rent through RunPod's adapter where it is handed in, else from the clouds of the others", () => {
    const [seed = 0] = seedsOf("runpod", 1)
    const { clouds, machines } = Simulation.play({ seed, runpod })
    assert.include(clouds, "runpod")
    assert.isAbove(machines, 0)
    assert.notInclude(Simulation.play({ seed }).clouds, "runpod")
  })

  it("a seed keeps its kind of world: of four rounds of twelve the first and the last are of the first twelve kinds", () => {
    // a world in which a cloud's clock was wrong by half an hour
    assert.strictEqual(Simulation.kindOf(9_170_063), "runpod")
    for (const seed of [0, 11, 36, 59]) assert.strictEqual(Simulation.kindOf(seed), kinds[seed % 12])
    for (const seed of [12, 35]) assert.strictEqual(Simulation.kindOf(seed), kinds[12 + seed % 12])
    assert.deepStrictEqual(seedsOf("burst", 3), [12, 24, 60])
    assert.deepStrictEqual(seedsOf("mixed", 2, 1), [36, 48])
  })

  it.each(isFull ? [0, 3, 7, 13, 19, 21, 35] : [0, 3])("seed %s repeats itself, line for line", limit, (seed) => {
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
