import { type AtlasError, type Provider, Providers } from "effect-atlas"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import { ProviderConformance, type SpanRecorder } from "effect-atlas/testing"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { describe, expect, it } from "tstyche"

declare const recorder: typeof SpanRecorder.layer
declare const framework: ProviderConformance.Framework

const controls = MockProvider.MockControls

describe("MockProvider", () => {
  it("is given with its controls and as the provider, and needs nothing", () => {
    expect(MockProvider.layer()).type.toBe<
      Layer.Layer<MockProvider.MockProvider | MockProvider.MockControls | Provider.Provider, AtlasError.AtlasError>
    >()
  })

  it("has exactly the facets it has", () => {
    expect<keyof MockProvider.MockProvider["Service"]>().type.toBe<
      | keyof Provider.Identity
      | "compute"
      | "power"
      | "gpus"
      | "logs"
      | "jobs"
      | "volumes"
      | "templates"
      | "endpoints"
      | "billing"
    >()
  })

  it("may stand in a registry and be given with a call", () => {
    expect(Providers.layer(MockProvider.layer())).type.toBe<
      Layer.Layer<Providers.Providers, AtlasError.AtlasError>
    >()
    expect<MockProvider.MockProvider["Service"]>().type.toBeAssignableTo<Providers.Which>()
  })

  it("takes only the operations there are", () => {
    expect<MockProvider.Controls["failNext"]>().type.not.toBeCallableWith("fly", null)
    expect<MockProvider.Controls["delay"]>().type.toBeCallableWith("spawnCompute", { answer: "1 second" })
    expect<MockProvider.Controls["delay"]>().type.not.toBeCallableWith("spawnCompute", { both: "1 second" })
  })
})

describe("ProviderConformance", () => {
  it("a case needs the provider, and what the hooks need", () => {
    expect(ProviderConformance.run()).type.toBe<
      Effect.Effect<ProviderConformance.Report, never, Provider.Provider>
    >()
    expect(ProviderConformance.run({ reset: controls.use((mock) => mock.reset) })).type.toBe<
      Effect.Effect<ProviderConformance.Report, never, Provider.Provider | MockProvider.MockControls>
    >()
    expect<ProviderConformance.Case["run"]>().type.toBe<
      Effect.Effect<void, ProviderConformance.ConformanceFailure | AtlasError.AtlasError, Provider.Provider>
    >()
  })

  it("a layer without what the hooks need does not compile", () => {
    const options = { reset: controls.use((mock) => mock.reset) }
    expect(ProviderConformance.suite).type.toBeCallableWith(framework, "mock", MockProvider.layer(), options)
    expect(ProviderConformance.suite).type.not.toBeCallableWith(framework, "nothing", recorder)
  })
})
