import { assert, it } from "@effect/vitest"
import { Entropy } from "effect-atlas"
import * as Effect from "effect/Effect"

it.effect("no short draw is given out twice, and each has its length", () =>
  Effect.gen(function*() {
    const lengths = Array.from({ length: 2000 }, (_, index) => 8 + index % 9)
    const drawn = yield* Effect.forEach(lengths, (length) => Entropy.word(length))
    assert.deepStrictEqual(drawn.map((word) => word.length), lengths)
    // words of eight digits and more: none begins like another, as words cut from the same bytes would
    assert.strictEqual(new Set(drawn.map((word) => word.slice(0, 8))).size, drawn.length)
    assert.deepStrictEqual([...yield* Entropy.bytes(0)], [])
  }))
