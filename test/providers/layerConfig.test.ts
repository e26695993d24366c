/**
 * Layers that read their options from the environment.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { AtlasError, Provider, Providers } from "effect-atlas"
import type * as Setting from "effect-atlas/domain/Setting"
import { Fly, FlyCli, FlyError, FlyLogSource, FlyTokens, TokenStorage } from "effect-atlas/fly"
import { Orchestrator, SessionEngine, SessionStore } from "effect-atlas/orchestrator"
import * as LocalProvider from "effect-atlas/providers/LocalProvider"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import * as RunPod from "effect-atlas/providers/RunPod"
import * as RunPodClient from "effect-atlas/providers/RunPodClient"
import * as StateDirectory from "effect-atlas/storage/StateDirectory"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

const environment = (env: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromEnv({ env }))

/** An environment in which one variable cannot be read, as where a secret store is out of reach. */
const without = (name: string, env: Record<string, string> = {}) => {
  const all = ConfigProvider.fromEnv({ env: { HOME: "/nowhere", PATH: "/bin", ...env } })
  return ConfigProvider.layer(ConfigProvider.make((path) =>
    path[0] === name
      ? Effect.fail(new ConfigProvider.SourceError({ message: "the store of secrets does not answer" }))
      : all.load(path)
  ))
}

/** Where a request went, and with which key. */
const listening = Effect.sync(() => {
  const seen: Array<readonly [url: string, key: string | undefined]> = []
  const client = HttpClient.make((request, url) =>
    Effect.sync(() => {
      seen.push([url.origin + url.pathname, request.headers["authorization"]])
      return HttpClientResponse.fromWeb(request, Response.json({ pods: [], pagination: {} }))
    })
  )
  return { seen, http: Layer.succeed(HttpClient.HttpClient, client) }
})

const listed = <E>(layer: Layer.Layer<Provider.Provider, E, HttpClient.HttpClient>, env: Record<string, string>) =>
  Effect.gen(function*() {
    const { http, seen } = yield* listening
    yield* Provider.Provider.use(({ compute }) => Effect.ignore(compute.list())).pipe(
      Effect.provide(layer.pipe(Layer.provide([http, environment(env)])))
    )
    return seen[0]
  })

const variables = {
  RUNPOD_API_KEY: "key-of-runpod",
  RUNPOD_BASE_URL: "https://runpod.example/v2",
  RUNPOD_EU_API_KEY: "key-of-eu",
  RUNPOD_EU_BASE_URL: "https://eu.example/v2",
  MY_KEY: "key-of-mine",
  MY_URL: "https://mine.example/v2"
}

describe("RunPod.layerConfig", () => {
  it.effect("reads a field that is left out from its own variable, and any other from where the caller says", () =>
    Effect.gen(function*() {
      const at = (options?: Setting.Wrap<RunPod.Options>) => listed(RunPod.layerConfig(options), variables)
      assert.deepStrictEqual(yield* at(), ["https://runpod.example/v2/pods", "Bearer key-of-runpod"])
      assert.deepStrictEqual(yield* at({ apiKey: Config.Redacted("MY_KEY") }), [
        "https://runpod.example/v2/pods",
        "Bearer key-of-mine"
      ])
      assert.deepStrictEqual(yield* at({ apiKey: "plain", baseUrl: Config.String("MY_URL") }), [
        "https://mine.example/v2/pods",
        "Bearer plain"
      ])
      assert.deepStrictEqual(yield* at(Config.all({ baseUrl: Config.String("MY_URL") })), [
        "https://mine.example/v2/pods",
        "Bearer key-of-runpod"
      ])
    }))

  it.effect("of an account with an id reads that account's variables, and never those of another", () =>
    Effect.gen(function*() {
      const own = yield* listed(RunPod.layerConfig({ id: "runpod-eu" }), variables)
      assert.deepStrictEqual(own, ["https://eu.example/v2/pods", "Bearer key-of-eu"])
      const { RUNPOD_EU_API_KEY: _, ...rest } = variables
      for (const layer of [RunPod.layerConfig({ id: "runpod-eu" }), RunPod.layer({ id: "runpod-eu" })]) {
        assert.isUndefined(yield* listed(layer, rest), "without a key of its own it sends nothing")
      }
      const other = yield* listed(RunPod.layerConfig({ id: "runpod-us" }), { ...variables, RUNPOD_US_API_KEY: "us" })
      assert.deepStrictEqual(other, ["https://api.runpod.io/v2/pods", "Bearer us"])
    }))

  it.effect("takes what Config.Wrap takes, and a key stays redacted", () =>
    Effect.gen(function*() {
      const wrapped: Config.Wrap<RunPodClient.Options> = { apiKey: Config.Redacted("MY_KEY"), retries: Config.Int("N") }
      const layers = [RunPod.layerConfig(wrapped), RunPodClient.layerConfigWithRunPod(wrapped)]
      for (const layer of layers) {
        assert.deepStrictEqual(yield* listed(layer, { MY_KEY: "canary", N: "0" }), [
          "https://api.runpod.io/v2/pods",
          "Bearer canary"
        ])
        const error = yield* Effect.flip(listed(layer, { MY_KEY: "canary", N: "many" }))
        assert.strictEqual(error._tag, "ConfigError")
        assert.include(String(error), "N")
        assert.notInclude(String(error), "canary")
      }
    }))
})

const platform = Layer.merge(
  NodeServices.layer,
  Layer.succeed(HttpClient.HttpClient, HttpClient.make(() => Effect.die("sent")))
)

const tokens = (options?: Setting.Wrap<FlyTokens.Options>) =>
  FlyTokens.layerConfig(options).pipe(Layer.provide([FlyCli.layer(), TokenStorage.layerMemory]))

const orchestrator = (options?: Setting.Wrap<Partial<Orchestrator.Options>>) =>
  Orchestrator.layerConfig(options).pipe(
    Layer.provide([SessionStore.layerMemory, Providers.layer(MockProvider.layer())])
  )

describe("layerConfig", () => {
  it.effect("of an orchestrator takes a field as it is, reads it where it is told to, and else from its variable", () =>
    Effect.gen(function*() {
      const engine = (options: Setting.Wrap<Partial<Orchestrator.Options>>) =>
        SessionEngine.SessionEngine.use(({ config, owner }) => Effect.succeed([owner, config.retention])).pipe(
          Effect.provide(
            Layer.provide(orchestrator(options), environment({ SHOP: "shop1", ATLAS_RETENTION: "1 hour" }))
          )
        )
      assert.deepStrictEqual(yield* engine({ owner: Config.String("SHOP") }), ["shop1", 3_600_000])
      assert.deepStrictEqual(yield* engine({ owner: "shop2", retention: Duration.minutes(1) }), ["shop2", 60_000])
    }))

  it.effect("of the local provider and of Fly likewise", () =>
    Effect.gen(function*() {
      const env = environment({ PRICE: "1.5", ATLAS_STATE_DIR: "/state", FLY_OFF: "false", OTHER: "/other" })
      const directory = (options: Setting.Wrap<LocalProvider.Options>) =>
        LocalProvider.LocalProvider.use(({ compute }) => Effect.flip(compute.get("local-x"))).pipe(
          Effect.map(({ message }) => message),
          Effect.provide(LocalProvider.layerConfig(options).pipe(Layer.provide([platform, env])))
        )
      assert.include(yield* directory({}), "/state")
      assert.include(
        yield* directory({ stateDir: Config.String("OTHER"), pricePerHour: Config.Number("PRICE") }),
        "/other"
      )
      const off = Fly.layerConfig({ enabled: Config.Boolean("FLY_OFF") }).pipe(Layer.provide([platform, env]))
      const error = yield* Effect.flip(Fly.Fly.use(({ tokens }) => tokens.get("app")).pipe(Effect.provide(off)))
      assert.include(error.message, "switched off")
    }))

  it.effect.each<readonly [name: string, layer: Layer.Layer<never, unknown>]>([
    ["ATLAS_LOCAL_PRICE_PER_HOUR", LocalProvider.layerConfig().pipe(Layer.provide(platform))],
    ["ATLAS_FLY_ENABLED", Fly.layerConfig().pipe(Layer.provide(platform))],
    ["ATLAS_FLY_CLI", Fly.layerConfig().pipe(Layer.provide(platform))],
    ["ATLAS_FLY_TOKEN_TTL", tokens().pipe(Layer.provide(platform))],
    ["ATLAS_POLL_INTERVAL", orchestrator({ owner: "shop" })],
    ["ATLAS_CONCURRENCY", orchestrator({ owner: "shop" })]
  ])("refuses a value of %s that is none, as a ConfigError that names it", ([name, layer]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Layer.build(Layer.provide(layer, environment({ [name]: "rubbish" }))))
      assert.instanceOf(error, Config.ConfigError)
      assert.include(String(error), name)
    }).pipe(Effect.scoped))
})

const local = LocalProvider.layer().pipe(Layer.provide(platform))
const flyTokens = FlyTokens.layer().pipe(
  Layer.provide([FlyCli.layer(), TokenStorage.layerMemory]),
  Layer.provide(platform)
)
const runpod = RunPod.layer().pipe(Layer.provide(platform))

describe("a variable that cannot be read", () => {
  it.effect.each<readonly [name: string, layer: Layer.Layer<never, unknown>]>([
    ["ATLAS_PROVIDER", Providers.layer(MockProvider.layer())],
    ["RUNPOD_API_KEY", runpod],
    ["RUNPOD_API_KEY", RunPod.layerConfig().pipe(Layer.provide(platform))],
    ["RUNPOD_BASE_URL", RunPod.layerConfig().pipe(Layer.provide(platform))],
    ["RUNPOD_RUNTIME_BASE_URL", RunPodClient.layerConfig().pipe(Layer.provide(platform))],
    ["ATLAS_STATE_DIR", LocalProvider.layerConfig().pipe(Layer.provide(platform))],
    ["PATH", local],
    ["FLY_API_BASE_URL", FlyLogSource.layerConfig().pipe(Layer.provide(platform))],
    ["ATLAS_FLY_ORG", flyTokens],
    ["FLY_ORG", flyTokens],
    ["FLY_API_TOKEN", flyTokens],
    ["FLY_ACCESS_TOKEN", flyTokens],
    ["FLY_CONFIG_DIR", flyTokens]
  ])("is refused by its name, and never taken for one that is not set: %s", ([name, layer]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Layer.build(Layer.provide(layer, without(name))))
      assert.isTrue(
        error instanceof AtlasError.AtlasError || error instanceof FlyError.FlyError ||
          error instanceof Config.ConfigError
      )
      assert.include(String(error), name)
    }).pipe(Effect.scoped))

  it.effect.each(["ATLAS_STATE_DIR", "XDG_STATE_HOME", "HOME"])(
    "puts no state in another place: %s",
    (name) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(StateDirectory.find())
        assert.include(error.message, name)
      }).pipe(Effect.provide(Layer.merge(platform, without(name))))
  )

  it.effect("is not asked for where the layer was given the value", () =>
    Effect.gen(function*() {
      const layer = RunPod.layer({ apiKey: Redacted.make("k") }).pipe(
        Layer.provide([platform, without("RUNPOD_API_KEY")])
      )
      const { missing } = Context.get(yield* Layer.build(layer), RunPod.RunPod)
      assert.deepStrictEqual(missing, [])
      const all = Providers.layerDefault("mock", MockProvider.layer()).pipe(Layer.provide(without("ATLAS_PROVIDER")))
      assert.lengthOf(Context.get(yield* Layer.build(all), Providers.Providers).all, 1)
    }).pipe(Effect.scoped))
})
