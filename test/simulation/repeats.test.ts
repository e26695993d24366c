/** The invariant `steady`: what counts as asking for the same without a pause. */
import { assert, describe, it } from "@effect/vitest"
import * as Repeats from "../../src/testing/simulation/Repeats.ts"

/** How many requests pass, one in so many milliseconds, before they count as a loop; null when all of a hundred do. */
const passed = (every: number): number | null => {
  const repeats = Repeats.make()
  const process = {}
  for (let sent = 0; sent < 100; sent++) if (repeats(process, "list", sent * every) !== null) return sent
  return null
}

describe("Repeats", () => {
  it("a request every half second is a loop, one every second is not", () => {
    assert.strictEqual(passed(500), 40)
    assert.isNull(passed(1_000))
  })

  it("two callers of a process that know nothing of each other may each ask as often", () => {
    const repeats = Repeats.make()
    const process = {}
    for (let sent = 0; sent < 80; sent++) assert.isNull(repeats(process, "list", 0, 2))
    assert.strictEqual(repeats(process, "list", 0, 2), 80)
    assert.strictEqual(repeats(process, "list", 0, 1), 40, "one of them is gone")
  })

  it("requests of other processes, and other requests, do not count", () => {
    const repeats = Repeats.make()
    for (let sent = 0; sent < 100; sent++) assert.isNull(repeats({}, "list", 0))
    const process = {}
    for (let sent = 0; sent < 100; sent++) assert.isNull(repeats(process, `get m${sent}`, 0))
  })
})
