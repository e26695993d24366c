/**
 * Adapters that do not call a lost answer by its name: what they may have rented is looked for all the same.
 */
import { assert, describe, it } from "@effect/vitest"
import { AtlasError, Compute, Ids, Provider } from "effect-atlas"
import type { Rent } from "effect-atlas/provider/Adapter"
import { SpanRecorder } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"

const computeOf = ({ name }: Rent) =>
  new Compute.Compute({
    id: Ids.ComputeId.make("acme-1"),
    provider: Ids.ProviderId.make("acme"),
    status: "running",
    name,
    publicIp: null,
    ports: [],
    gpuType: null,
    gpuCount: 1,
    costPerHour: null,
    region: null,
    image: null,
    auth: null,
    createdAt: null,
    exitCode: null,
    failure: null,
    raw: null
  })

/** Makes the machine, unless told not to, and then fails its create with this reason. */
const careless = (reason: AtlasError.AtlasErrorReason, makes = true) => {
  const made: Array<Compute.Compute> = []
  const nothing = Effect.fail(new AtlasError.NotFound({}))
  const provider = Provider.make({
    id: "acme",
    compute: {
      spawn: (rent) =>
        Effect.suspend(() => {
          if (makes) made.push(computeOf(rent))
          return Effect.fail(reason)
        }),
      get: () => nothing,
      list: () => Effect.sync(() => [...made]),
      terminate: () => nothing
    }
  })
  return { made, provider }
}

describe("a create that was cut off under another name", () => {
  const open: ReadonlyArray<readonly [string, AtlasError.AtlasErrorReason]> = [
    ["a server error", new AtlasError.ProviderFault({ status: 502, message: "bad gateway" })],
    ["a time limit", new AtlasError.Timeout({ message: "too slow" })],
    ["an answer nobody expected", new AtlasError.Unknown({ status: 302 })]
  ]
  it.effect.each(open)(
    "%s does not hide the machine it made, and nothing is sent twice",
    ([, reason]) =>
      Effect.gen(function*() {
        const { made, provider } = careless(reason)
        const found = yield* provider.compute.spawn({ auth: "bearer" })
        assert.strictEqual(found.id, "acme-1")
        assert.isNotNull(found.auth)
        assert.strictEqual(made.length, 1)
      })
  )

  it.effect("a refusal stays what it is, at once", () =>
    Effect.gen(function*() {
      const { provider } = careless(new AtlasError.ProviderFault({ status: 402, message: "no money" }))
      const error = yield* Effect.flip(provider.compute.spawn({}))
      assert.deepInclude(error.reason, { _tag: "ProviderFault", status: 402 })
    }))

  it.effect("what is nowhere to be found is uncertain, with the name to look for and what was said", () =>
    Effect.gen(function*() {
      const { provider } = careless(new AtlasError.ProviderFault({ status: 500, message: "oops" }), false)
      const fiber = yield* Effect.forkChild(Effect.flip(provider.compute.spawn({ name: "job" })))
      yield* TestClock.adjust("20 seconds")
      const { reason } = yield* Fiber.join(fiber)
      assert.strictEqual(reason._tag, "Uncertain")
      assert.include(reason.message, "oops")
      assert.match(reason._tag === "Uncertain" ? reason.computeName ?? "" : "", /^atlas-adhoc-job-[a-z2-7]{12}$/)
    }))
})

describe("an id that is none", () => {
  it.effect("never stands in a span: it may be a secret given by mistake", () =>
    Effect.gen(function*() {
      const { provider } = careless(new AtlasError.Timeout({}))
      yield* Effect.flip(provider.compute.get("sk/canary secret"))
      yield* Effect.flip(provider.compute.get("acme-2"))
      const recorder = yield* SpanRecorder.SpanRecorder
      assert.notInclude(recorder.dump(), "canary")
      assert.include(recorder.dump(), "acme-2")
    }).pipe(Effect.provide(SpanRecorder.layer)))
})
