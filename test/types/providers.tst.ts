import {
  Atlas,
  AtlasError,
  Compute,
  type ComputeRequest,
  type Credential,
  Gpu,
  HttpErrors,
  Ids,
  Provider,
  Providers
} from "effect-atlas"
import * as Dispatcher from "effect-atlas/events/Dispatcher"
import { Orchestrator, type SessionEngine, type SessionStore } from "effect-atlas/orchestrator"
import * as Adapter from "effect-atlas/provider/Adapter"
import type * as LocalProvider from "effect-atlas/providers/LocalProvider"
import type * as RunPod from "effect-atlas/providers/RunPod"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Redis from "effect/persistence/Redis"
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

  it("what prepare answers is what send gets, and a create has one of the two forms", () => {
    Provider.make({
      id: "acme",
      compute: {
        prepare: () => Effect.succeed({ label: "web" }),
        send: (spawn) => {
          expect(spawn.prepared).type.toBe<{ label: string }>()
          return nowhere
        },
        get: () => nowhere,
        list: () => Effect.succeed([]),
        terminate: () => nowhere
      }
    })
    const look = { get: () => nowhere, list: () => Effect.succeed([]), terminate: () => nowhere }
    const prepare = () => Effect.succeed({ label: "web" })
    const sendNumber = (_: { readonly prepared: number }) => nowhere
    expect(Provider.make).type.not.toBeCallableWith({ id: "acme", compute: { ...look, prepare } })
    expect(Provider.make).type.not.toBeCallableWith({ id: "acme", compute: { ...look, prepare, send: sendNumber } })
    expect(Provider.make).type.not.toBeCallableWith({
      id: "acme",
      compute: { ...look, prepare, send: () => nowhere, spawn: () => nowhere }
    })
  })

  it("a prepared spawn does not show what was prepared", () => {
    expect<Effect.Success<ReturnType<typeof bare.compute.prepare>>["prepared"]>().type.toBe<object>()
  })

  it("an adapter of its own keeps its exact facets, and needs no annotation", () => {
    const adapter = Adapter.make({
      id: "own",
      flags: ["spot"],
      compute: {
        spawn: ({ name }) => {
          expect(name).type.toBe<string>()
          return nowhere
        },
        get: () => nowhere,
        list: () => Effect.succeed([]),
        terminate: () => nowhere
      },
      power: { stop: () => Effect.void, start: () => Effect.void }
    })
    expect(Provider.make(adapter)).type.toBe<Provider.Of<"compute" | "power">>()
    expect(Adapter.make).type.not.toBeCallableWith({ id: "empty" })
  })

  it("a made provider may be given with a call, a hand-made object may not", () => {
    expect(Atlas.getCompute).type.toBeCallableWith("pod", { provider: bare })
    expect(Atlas.getCompute).type.not.toBeCallableWith("pod", { provider: { id: "x" } })
  })
})

describe("the built-in providers", () => {
  it("name their facets", () => {
    type All = "compute" | "power" | "gpus" | "logs" | "jobs" | "volumes" | "templates" | "endpoints" | "billing"
    expect<RunPod.RunPod["Service"]>().type.toBe<Provider.Of<All>>()
    expect<LocalProvider.LocalProvider["Service"]>().type.toBe<Provider.Of<"compute" | "power" | "gpus" | "logs">>()
  })
})

describe("a compute and a GPU type", () => {
  it("are made from what is known of them", () => {
    expect(Compute.Compute).type.toBeConstructableWith({
      id: Ids.ComputeId.make("a"),
      provider: Ids.ProviderId.make("acme"),
      status: "running"
    })
    expect(Compute.Compute).type.not.toBeConstructableWith({ id: Ids.ComputeId.make("a"), status: "running" })
    expect(Gpu.GpuType).type.toBeConstructableWith({
      id: "h100",
      provider: Ids.ProviderId.make("acme"),
      displayName: "H100"
    })
  })
})

describe("Providers.layer", () => {
  it("unites what its members need and fail with, beside its own failure", () => {
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
    expect(Providers.layer(one, two)).type.toBe<
      Layer.Layer<Providers.Providers, FailsA | AtlasError.AtlasError, NeedsA | NeedsB>
    >()
  })

  it("a layer that gives no provider does not compile", () => {
    const other = {} as Layer.Layer<Providers.Providers>
    expect(Providers.layer).type.not.toBeCallableWith(other)
  })
})

describe("a credential", () => {
  it("narrows by its tag, in the answer that rented and beside a session's machine", () => {
    const headerOf = ({ auth }: Compute.Compute) => auth?._tag === "Bearer" ? auth.header : null
    const secretOf = ({ auth }: Orchestrator.Tracked) => auth?._tag === "SignedUrl" ? auth.secret : null
    expect(headerOf).type.toBe<(compute: Compute.Compute) => Redacted.Redacted | null>()
    expect(secretOf).type.toBe<(tracked: Orchestrator.Tracked) => Redacted.Redacted | null>()
    expect<Credential.SignedUrl>().type.not.toHaveProperty("header")
  })

  it("is the errors' own type in an endpoint", () => {
    expect(HttpErrors.of(AtlasError.AtlasError)[0]?.["Type"]).type.toBe<AtlasError.AtlasError | undefined>()
  })
})

describe("an orchestrator's dispatcher", () => {
  it("brings its own requirements and errors into the type of the layer", () => {
    const dispatcher = Dispatcher.layerRedis()
    expect(Orchestrator.layer({ owner: "shop" })).type.toBe<
      Layer.Layer<
        Orchestrator.Orchestrator | SessionEngine.SessionEngine,
        AtlasError.AtlasError,
        SessionStore.SessionStore | Providers.Providers
      >
    >()
    expect(Orchestrator.layer({ owner: "shop", dispatcher })).type.toBe<
      Layer.Layer<
        Orchestrator.Orchestrator | SessionEngine.SessionEngine,
        AtlasError.AtlasError,
        SessionStore.SessionStore | Providers.Providers | Redis.Redis
      >
    >()
  })
})

describe("secrets", () => {
  it("are redacted in the types", () => {
    expect<Credential.Bearer["token"]>().type.toBe<Redacted.Redacted>()
    expect<ComputeRequest.ComputeRequest["env"][string]>().type.toBe<Redacted.Redacted>()
  })
})

describe("a port", () => {
  it("is written as a number and one of two protocols", () => {
    expect<ComputeRequest.Input>().type.toBeAssignableFrom({
      ports: ["8000", "8000/http", "22/tcp", { port: 80 }] as const
    })
    expect<ComputeRequest.Input>().type.not.toBeAssignableFrom({ ports: ["8000/udp"] as const })
    expect<ComputeRequest.Input>().type.not.toBeAssignableFrom({ ports: ["http"] as const })
    expect<ComputeRequest.Input>().type.not.toBeAssignableFrom({ ports: [{ port: 80, protocol: "udp" }] as const })
  })
})
