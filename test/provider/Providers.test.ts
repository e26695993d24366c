/**
 * Which provider a call goes to.
 */
import { assert, describe, it } from "@effect/vitest"
import { Atlas, AtlasError, Provider, Providers } from "effect-atlas"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const nowhere = Effect.fail(new AtlasError.NotFound({}))

const make = (id: string) =>
  Provider.make({
    id,
    compute: { spawn: () => nowhere, get: () => nowhere, list: () => Effect.succeed([]), terminate: () => nowhere }
  })

const layerOf = (id: string) => Layer.succeed(Provider.Provider, Provider.neutral(make(id)))

const environment = (variables: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromEnvRecord(variables))

const asked = (options?: Atlas.Options) => Effect.map(Atlas.capabilities(options), (answer) => answer.provider)

const messageOf = <A>(self: Effect.Effect<A, AtlasError.AtlasError, Providers.Providers>) =>
  Effect.map(Effect.flip(self), (error) => {
    assert.strictEqual(error.kind, "validation")
    return error.message
  })

describe("the provider of a call", () => {
  it.effect("is the call's own, also when there is a default", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* asked({ provider: "two" }), "two")
      assert.strictEqual(yield* asked(), "one")
    }).pipe(Effect.provide(Providers.layerDefault("one", layerOf("one"), layerOf("two")))))

  it.effect("is the first one of the registry where nothing else is said", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* asked(), "one")
    }).pipe(Effect.provide(Layer.provide(Providers.layer(layerOf("one"), layerOf("two")), environment({})))))

  it.effect("is what ATLAS_PROVIDER says, below the default given to the layer", () =>
    Effect.gen(function*() {
      const both = [layerOf("one"), layerOf("two")] as const
      const named = yield* Effect.provide(asked(), Providers.layer(...both))
      const above = yield* Effect.provide(asked(), Providers.layerDefault("one", ...both))
      assert.deepStrictEqual([named, above], ["two", "one"])
    }).pipe(Effect.provide(environment({ ATLAS_PROVIDER: "two" }))))

  it.effect("an empty ATLAS_PROVIDER counts as not set", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* asked(), "one")
    }).pipe(Effect.provide(Layer.provide(Providers.layer(layerOf("one")), environment({ ATLAS_PROVIDER: "" })))))

  it.effect("an unknown one is refused with the names of those that are known", () =>
    Effect.gen(function*() {
      assert.include(yield* messageOf(asked({ provider: "three" })), "one, two")
      assert.notInclude(yield* messageOf(asked({ provider: "three" })), "three")
    }).pipe(Effect.provide(Providers.layer(layerOf("one"), layerOf("two")))))

  it.effect("an unknown ATLAS_PROVIDER fails the calls that rely on it, not the others", () =>
    Effect.gen(function*() {
      assert.include(yield* messageOf(asked()), "known here: one")
      assert.strictEqual(yield* asked({ provider: "one" }), "one")
    }).pipe(
      Effect.provide(Layer.provide(Providers.layer(layerOf("one")), environment({ ATLAS_PROVIDER: "three" })))
    ))

  it.effect("none at all is refused with both ways to set one", () =>
    Effect.gen(function*() {
      const message = yield* messageOf(asked())
      assert.include(message, "with the call")
      assert.include(message, "ATLAS_PROVIDER")
    }).pipe(Effect.provide(Layer.provide(Providers.layer(), environment({})))))

  it.effect("may be a value that is not in the registry", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* asked({ provider: make("mine") }), "mine")
      assert.deepStrictEqual(yield* Atlas.listCompute({}, { provider: make("mine") }), [])
    }).pipe(Effect.provide(Providers.layer())))

  it.effect("a value that was not made by Provider.make is refused, not a crash", () =>
    Effect.gen(function*() {
      const half = { ...make("mine") }
      Reflect.deleteProperty(half, "power")
      assert.include(yield* messageOf(asked({ provider: half })), "Provider.make")
    }).pipe(Effect.provide(Providers.layer())))
})

describe("two registries", () => {
  it.effect("in one process do not see each other's providers", () =>
    Effect.gen(function*() {
      const names = Effect.map(Providers.Providers, ({ all }) => all.map((provider) => provider.id))
      const one = yield* Effect.provide(names, Providers.layer(layerOf("one")), { local: true })
      const two = yield* Effect.provide(names, Providers.layer(layerOf("two")), { local: true })
      assert.deepStrictEqual([one, two], [["one"], ["two"]])
    }))
})

describe("two providers of one name", () => {
  it.effect("neither is guessed: the call says so, and a value still works", () =>
    Effect.gen(function*() {
      const [one, two] = [make("acme"), make("acme")]
      const providers = Providers.make([one, two], { default: "acme" })
      const error = yield* Effect.flip(providers.get("acme", "getCompute"))
      assert.include(error.message, "two providers here are called acme")
      assert.strictEqual((yield* providers.get(two, "getCompute")).compute, two.compute)
    }))
})
