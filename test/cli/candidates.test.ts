/**
 * Which answer to a create lets the next candidate be asked: one table, for `up` and for a session alike.
 */
import { assert, describe, it } from "@effect/vitest"
import { AtlasError, Provider, Refusal } from "effect-atlas"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { open, pass } from "../orchestrator/harness.ts"
import { begin, pass as passHere } from "./harness.ts"

const message = "no"

/** Each refusal, and whether the next candidate is asked after it. */
const refusals: ReadonlyArray<readonly [name: string, reason: AtlasError.AtlasErrorReason, goesOn: boolean]> = [
  ["Forbidden", new AtlasError.Forbidden({ message, status: 403 }), true],
  ["NoCapacity", new AtlasError.NoCapacity({ message }), true],
  ["NotFound", new AtlasError.NotFound({ message }), true],
  ["Unsupported", new AtlasError.Unsupported({ capability: "compute", message }), true],
  ["StorageFault", new AtlasError.StorageFault({ message }), true],
  ["ProviderFault 409", new AtlasError.ProviderFault({ message, status: 409 }), true],
  ["Transport before anything was sent", new AtlasError.Transport({ message, neverSent: true }), true],
  ["RateLimited", new AtlasError.RateLimited({ message, retryAfter: null }), true],
  ["Unauthorized", new AtlasError.Unauthorized({ message }), false],
  ["Validation", new AtlasError.Validation({ issues: [{ path: "gpu", message }] }), false],
  ["BudgetExceeded", new AtlasError.BudgetExceeded({ message }), false]
]

/** What says nothing of whether a machine was made. */
const unanswered: ReadonlyArray<readonly [name: string, reason: AtlasError.AtlasErrorReason]> = [
  ["Uncertain", new AtlasError.Uncertain({ message })],
  ["ProviderFault 500", new AtlasError.ProviderFault({ message, status: 500 })],
  ["ProviderFault 408", new AtlasError.ProviderFault({ message, status: 408 })],
  ["Transport", new AtlasError.Transport({ message })],
  ["Timeout", new AtlasError.Timeout({ message })],
  ["Unknown", new AtlasError.Unknown({ message })]
]

/** A provider that answers every create for the first GPU like this, and the second one with its budget. */
const answering = (reason: AtlasError.AtlasErrorReason, settleWindow: Duration.Input = 0) => {
  const asked = new Set<string>()
  const nowhere = Effect.fail(new AtlasError.NotFound({ message: "there is nothing here" }))
  const provider = Provider.make({
    id: "picky",
    settleWindow,
    pollInterval: "100 millis",
    compute: {
      spawn: ({ request }) =>
        Effect.suspend(() => {
          asked.add(request.gpu ?? "")
          return Effect.fail(request.gpu === "h100" ? reason : new AtlasError.BudgetExceeded({ message: "spent" }))
        }),
      get: () => nowhere,
      list: () => Effect.succeed([]),
      terminate: () => nowhere
    }
  })
  return { asked, provider }
}

describe("the next candidate", () => {
  it.effect.each(refusals)(
    "after %s: is asked by up as the table says",
    ([, reason, goesOn]) =>
      Effect.gen(function*() {
        const { asked, provider } = answering(reason)
        const { ended } = yield* begin(["up", "--gpu", "h100,l4", "--image", "x", "-d"], { providers: [provider] })
        yield* passHere(5)
        assert.strictEqual((yield* ended).code, 1)
        assert.deepStrictEqual([...asked], goesOn ? ["h100", "l4"] : ["h100"])
      })
  )

  it.effect.each(refusals)(
    "after %s: is asked by a session as the table says",
    ([, reason, goesOn]) =>
      Effect.gen(function*() {
        const { asked, provider } = answering(reason)
        const { orchestrator } = yield* open({ more: [provider] })
        yield* Effect.forkScoped(
          Effect.exit(orchestrator.spawn({ gpu: ["h100", "l4"], image: "x" }, { provider: "picky" }))
        )
        // one that is asked too fast is asked again before the next one is
        yield* pass(reason._tag === "RateLimited" ? 3_600 : 5)
        assert.deepStrictEqual([...asked], goesOn ? ["h100", "l4"] : ["h100"])
      })
  )

  it.each(refusals)("after %s: may be asked as the rule itself says", (_, reason, goesOn) => {
    assert.strictEqual(Refusal.mayTryNext(reason), goesOn)
  })

  it.effect.each(unanswered)(
    "after %s is asked by neither while the first may have been made",
    ([, reason]) =>
      Effect.gen(function*() {
        assert.isFalse(Refusal.mayTryNext(reason))
        const one = answering(reason)
        const { ended } = yield* begin(["up", "--gpu", "h100,l4", "--image", "x", "-d"], { providers: [one.provider] })
        yield* passHere(60)
        assert.strictEqual((yield* ended).code, 1)
        assert.deepStrictEqual([...one.asked], ["h100"])
        // here no listing proves yet that nothing was made
        const other = answering(reason, "1 hour")
        const { orchestrator } = yield* open({ more: [other.provider] })
        const request = { gpu: ["h100", "l4"], image: "x" } as const
        yield* Effect.forkScoped(Effect.exit(orchestrator.spawn(request, { provider: "picky" })))
        yield* pass(60)
        assert.deepStrictEqual([...other.asked], ["h100"])
      })
  )
})
