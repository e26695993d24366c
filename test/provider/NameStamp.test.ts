/**
 * The name of every rented compute: short enough for every cloud, certainly the library's own, found by what it was made from.
 */
import { assert, describe, it } from "@effect/vitest"
import { Entropy, NameStamp } from "effect-atlas"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"

const owner = NameStamp.Owner.make("team1")

describe("NameStamp", () => {
  it.effect.prop(
    "any name becomes a slug of 1 to 24 of a-z, 0-9 and -, which stays the same",
    [Schema.String],
    ([name]) =>
      Effect.sync(() => {
        const slug = NameStamp.slugify(name)
        assert.match(slug, /^[a-z0-9](?:[a-z0-9-]{0,22}[a-z0-9])?$/)
        assert.strictEqual(NameStamp.slugify(slug), slug)
      })
  )

  it.effect.prop(
    "any stamp survives being written, fits every cloud and matches its name",
    [Schema.String],
    ([name]) =>
      Effect.gen(function*() {
        for (const stamp of [yield* NameStamp.make(owner, name), yield* NameStamp.adhoc(name)]) {
          const rendered = NameStamp.render(stamp)
          assert.isAtMost(rendered.length, 64)
          assert.deepStrictEqual(NameStamp.parse(rendered), stamp)
          assert.isTrue(NameStamp.matches(rendered, rendered))
        }
      })
  )

  it.each([
    ["Alice's GPU!", "alice-s-gpu"],
    ["--a--b--", "a-b"],
    ["", "compute"],
    ["模型", "compute"],
    ["a very long name that goes on and on", "a-very-long-name-that-go"],
    ["twenty-three-characters-and", "twenty-three-characters"]
  ])("the slug of %j is %s", (name, slug) => {
    assert.strictEqual(NameStamp.slugify(name), slug)
  })

  it.each([
    "my-database",
    "atlas-",
    "atlas-adhoc-web",
    "atlas-adhoc-web-abcdefghijk",
    "atlas-adhoc-web-abcdefghijk1",
    "atlas-ADHOC-web-abcdefghijkl",
    "atlas-adhoc--abcdefghijkl",
    "atlas-adhoc-web-abcdefghijkl-x",
    "x-atlas-adhoc-web-abcdefghijkl",
    "atlas-adhoc-web-abcdefghijkl\n",
    `atlas-${"a".repeat(17)}-web-abcdefghijkl`
  ])("%j is not ours", (name) => {
    assert.isNull(NameStamp.parse(name))
  })

  it("a name is matched by the stamped name and by the name it was made from, not by a part of it", () => {
    const name = "atlas-adhoc-web-abcdefghijkl"
    assert.isTrue(NameStamp.matches("web", name))
    assert.isTrue(NameStamp.matches("Web!", name))
    assert.isTrue(NameStamp.matches(name, name))
    assert.isFalse(NameStamp.matches("we", name))
    assert.isFalse(NameStamp.matches("atlas-adhoc-web-bbbbbbbbbbbb", name))
    assert.isFalse(NameStamp.matches("web", null))
    assert.isFalse(NameStamp.matches("web", "web-1"))
    assert.isTrue(NameStamp.matches("my-database", "my-database"))
  })

  it("the owner of spawns without an orchestrator cannot be configured", () => {
    const isOwner = Schema.is(NameStamp.Owner)
    assert.isFalse(isOwner("adhoc"))
    assert.isTrue(isOwner("adhoc2"))
    for (const wrong of ["", "A", "a-b", "a".repeat(17)]) assert.isFalse(isOwner(wrong))
  })

  it.effect("no two attempts are alike, and a seed repeats them", () =>
    Effect.gen(function*() {
      const many = yield* Effect.replicateEffect(NameStamp.attempt, 1_000)
      assert.strictEqual(new Set(many).size, 1_000)
      const seeded = NameStamp.attempt.pipe(Effect.provide(Entropy.layerPredictable), Random.withSeed("a"))
      assert.strictEqual(yield* seeded, yield* seeded)
    }))
})
