import { assert, describe, it } from "@effect/vitest"
import { type Bound, exactly, isKept, spreadOf, table } from "./bounds.ts"

const bound = (fields: Partial<Bound>): Bound => ({
  path: "Atlas.getCompute",
  against: "plain Effect",
  unit: "x",
  limit: 1.3,
  aim: 1.15,
  rounds: spreadOf([1.5, 1.2, 1.4, 1.3, 1.6]),
  ...fields
})

describe("bounds of the benchmarks", () => {
  it("the best round decides", () => {
    assert.isTrue(isKept(bound({})))
    assert.isFalse(isKept(bound({ limit: 1.19 })))
  })

  it("of a share, more is better", () => {
    const rounds = spreadOf([40, 55, 48], "more")
    assert.strictEqual(rounds.best, 55)
    assert.isTrue(isKept(bound({ unit: "%", limit: 50, rounds })))
    assert.isFalse(isKept(bound({ unit: "%", limit: 56, rounds })))
  })

  it("what was not measured keeps no bound", () => {
    assert.isFalse(isKept(bound({ rounds: spreadOf([]) })))
    assert.isFalse(isKept(bound({ unit: "%", rounds: exactly(Number.NaN) })))
  })

  it("a missed bound stands out in the table", () => {
    const text = table([
      bound({}),
      bound({ path: "bundle", against: null, unit: "kB", limit: 70, aim: 60, rounds: exactly(88.6) })
    ])
    assert.deepStrictEqual(
      text.split("\n").map((line) => line.split("|").map((cell) => cell.trim()).filter(Boolean)).slice(2),
      [
        ["Atlas.getCompute", "plain Effect", "1.2x", "1.4x", "1.3x to 1.5x", "1.3x", "1.15x", "yes"],
        ["bundle", "88.6 kB", "88.6 kB", "70 kB", "60 kB", "MISSED"]
      ]
    )
  })
})
