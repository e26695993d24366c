import { assert, it } from "@effect/vitest"
import * as LatestCreates from "../../src/provider/internal/latestCreates.ts"

const known = (latest: ReturnType<typeof LatestCreates.make>) =>
  ["a", "b", "c", "d"].filter((id) => latest.get(id) !== undefined)

it("creates are remembered for their time and no longer, one that is told again from then on", () => {
  const latest = LatestCreates.make(10n)
  latest.remember("a", "name-a", 0n)
  latest.remember("b", "name-b", 5n)
  latest.remember("a", "name-a", 9n)
  latest.remember("c", "name-c", 15n)
  assert.deepStrictEqual(known(latest), ["a", "b", "c"])
  latest.remember("d", "name-d", 16n)
  // b is the oldest now, although it was told after a
  assert.deepStrictEqual(known(latest), ["a", "c", "d"])
  assert.deepStrictEqual(latest.get("a"), { at: 9n, name: "name-a", rentedAs: null })
})

it("a create looks at one of its young neighbours, however many there are", () => {
  const latest = LatestCreates.make(10n)
  for (let index = 0; index < 100; index++) latest.remember(`id-${index}`, "name", 0n)
  let looks = 0
  const at = { [Symbol.toPrimitive]: () => (looks += 1, 1n) }
  // every comparison with a neighbour turns this moment into a number
  latest.remember("id-100", "name", at as unknown as bigint)
  assert.strictEqual(looks, 1)
})
