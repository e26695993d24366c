/**
 * A create whose answer is lost: what may count as its own, by the lists before and after it.
 */
import { assert, describe, it } from "@effect/vitest"
import { AtlasError } from "effect-atlas"
import * as LostCreate from "effect-atlas/provider/LostCreate"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { passWhile } from "../../src/testing/TestTime.ts"

const unread = Effect.fail(new AtlasError.ProviderFault({ status: 403, message: "no right to list" }))
const lost = Effect.fail(new AtlasError.Uncertain({ message: "the answer is lost" }))

/** A create whose answer is lost, with these answers to each listing, the last of them again and again. */
const create = (...answers: ReadonlyArray<ReadonlyArray<string> | null>) => {
  const left = [...answers]
  let last: ReadonlyArray<string> | null = null
  const list = Effect.suspend(() => {
    const next = left.shift()
    if (next !== undefined) last = next
    return last === null ? unread : Effect.succeed(last)
  })
  const search = { what: "a disk", list, isWanted: () => true, idOf: (id: string) => id }
  return passWhile(Effect.result(LostCreate.once({ ...search, settleWindow: Duration.seconds(1) }, lost)))
}

describe("what appears after a create whose answer is lost", () => {
  it.effect("is its own where nothing like it was there before", () =>
    Effect.map(create([], [], ["d-1"]), (made) => assert.strictEqual(made._tag === "Success" && made.success, "d-1")))

  it.effect.each<readonly [string, ReadonlyArray<ReadonlyArray<string> | null>, string]>([
    ["where the list before could not be read", [null, ["d-1"]], "d-1, which may have been there before"],
    ["where there was one like it", [["d-0"], ["d-0", "d-1"]], "d-1, and as d-0 before"],
    ["where there are two", [[], ["d-1", "d-2"]], "d-1, d-2"],
    ["where nothing new appears", [["d-0"]], "there is none but d-0 of before"],
    ["where the list cannot be read after it", [[], null], "looking for a disk failed: no right to list"]
  ])("stays uncertain %s", ([, answers, words]) =>
    Effect.map(create(...answers), (made) => {
      const reason = made._tag === "Failure" ? made.failure : null
      assert.strictEqual(reason?._tag, "Uncertain")
      assert.include(reason?.message, words)
    }))
})
