import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { ProviderFault, Uncertain } from "../../src/domain/AtlasError.ts"
import * as Listing from "../../src/provider/Listing.ts"
import * as Provider from "../../src/provider/Provider.ts"

const odd = (body: unknown) => Listing.unaddressable(body, "odd")
const pod = { id: "pod-1", name: "web" }

describe("an entry that cannot be addressed", () => {
  it.each<readonly [unknown, boolean]>([
    // its own id, whatever it is called now
    [{ id: "pod-1", name: "renamed" }, false],
    [{ id: "a/b", name: "web" }, true],
    [{ id: "a/b" }, true],
    // without a readable id only the name can tell them apart
    [{ id: 7, name: "web" }, false],
    [{ id: 7, name: "batch" }, true],
    [{ id: "" }, false],
    [null, false],
    ["pod-1", false],
    [[], false]
  ])("proves no absence of what it may be, and of that alone: %j", (body, isProven) => {
    assert.strictEqual(Listing.provesAbsence([odd({ id: "z/z", name: "z" }), odd(body)], pod), isProven)
  })

  it.each<readonly [unknown, boolean]>([
    [{ id: "a/b", name: "web" }, false],
    [{ id: "a/b" }, false],
    [null, false],
    [{ id: 7, name: "batch" }, true]
  ])("is in doubt the machine of a name, whose id nobody knows yet: %j", (body, isProven) => {
    assert.strictEqual(Listing.provesAbsence([odd(body)], { name: "web" }), isProven)
  })

  it("is described with the cloud's own text quoted, and no more of it than an id has", () => {
    const text = Listing.describe(odd({ id: `\u001b]0;x\u0007${"y".repeat(10_000)}`, name: null }))
    assert.isTrue([...text].every((character) => character >= " "))
    assert.isBelow(text.length, 600)
  })

  it.effect("leaves a create whose answer was lost uncertain, where it may be what was made", () =>
    Effect.gen(function*() {
      for (const [body, tag] of [[{ id: 7 }, "looking"], [{ id: 7, name: "another" }, "did not appear"]] as const) {
        const acme = Provider.make({
          id: "acme",
          compute: {
            spawn: () => Effect.fail(new Uncertain({ message: "lost" })),
            get: () => Effect.fail(new ProviderFault({})),
            list: () => Effect.succeed([odd(body)]),
            terminate: () => Effect.fail(new ProviderFault({}))
          }
        })
        const spawned = yield* Effect.forkChild(Effect.flip(acme.compute.spawn({ image: "i" })), {
          startImmediately: true
        })
        yield* TestClock.adjust("2 minutes")
        const { kind, message } = yield* Fiber.join(spawned)
        assert.strictEqual(kind, "uncertain")
        assert.include(message, tag)
      }
    }))
})
