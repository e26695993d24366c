import { Atlas, type AtlasError, type Compute, type ComputeRequest, Provider, Providers } from "effect-atlas"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import { describe, expect, it } from "tstyche"

declare const nowhere: Effect.Effect<never, AtlasError.NotFound>

const bare = Provider.make({
  id: "bare",
  compute: { spawn: () => nowhere, get: () => nowhere, list: () => Effect.succeed([]), terminate: () => nowhere }
})

const powered = Provider.make({
  id: "powered",
  compute: { spawn: () => nowhere, get: () => nowhere, list: () => Effect.succeed([]), terminate: () => nowhere },
  power: { stop: () => Effect.void, start: () => Effect.void }
})

describe("Provider.make", () => {
  it("gives exactly the facets of the adapter", () => {
    expect(bare).type.toHaveProperty("compute")
    expect(bare).type.not.toHaveProperty("power")
    expect(bare).type.not.toHaveProperty("logs")
    expect(bare).type.not.toHaveProperty("gpus")
    expect(powered).type.toHaveProperty("power")
    expect(powered).type.not.toHaveProperty("logs")
  })

  it("an adapter without the compute facet does not compile", () => {
    expect(Provider.make).type.not.toBeCallableWith({ id: "empty" })
  })

  it("capabilities that follow from facets cannot be claimed", () => {
    expect(Provider.make).type.not.toBeCallableWith({
      id: "liar",
      flags: ["power"],
      compute: { spawn: () => nowhere, get: () => nowhere, list: () => Effect.succeed([]), terminate: () => nowhere }
    })
  })

  it("a made provider may be given with a call, a hand-made object may not", () => {
    expect(Atlas.getCompute).type.toBeCallableWith("pod", { provider: bare })
    expect(Atlas.getCompute).type.not.toBeCallableWith("pod", { provider: { id: "x" } })
  })
})

describe("Providers.layer", () => {
  it("unites what its members need and fail with", () => {
    class NeedsA {
      readonly a = 1
    }
    class NeedsB {
      readonly b = 1
    }
    class FailsA {
      readonly _tag = "FailsA"
    }
    const one = {} as Layer.Layer<Provider.Provider, FailsA, NeedsA>
    const two = {} as Layer.Layer<Provider.Provider, never, NeedsB>
    expect(Providers.layer(one, two)).type.toBe<Layer.Layer<Providers.Providers, FailsA, NeedsA | NeedsB>>()
  })

  it("a layer that gives no provider does not compile", () => {
    const other = {} as Layer.Layer<Providers.Providers>
    expect(Providers.layer).type.not.toBeCallableWith(other)
  })
})

describe("secrets", () => {
  it("are redacted in the types", () => {
    expect<Compute.AuthHandle["token"]>().type.toBe<Redacted.Redacted>()
    expect<ComputeRequest.ComputeRequest["env"][string]>().type.toBe<Redacted.Redacted>()
  })
})
