/**
 * The id of an account: what may be one, and that everything a provider says bears it.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Atlas, AtlasError, GpuCatalog, Ids, Provider, Providers } from "effect-atlas"
import * as AccountId from "effect-atlas/provider/AccountId"
import type { Adapter } from "effect-atlas/provider/Adapter"
import * as LocalProvider from "effect-atlas/providers/LocalProvider"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import * as RunPod from "effect-atlas/providers/RunPod"
import * as RunPodClient from "effect-atlas/providers/RunPodClient"
import * as Attributes from "effect-atlas/telemetry/Attributes"
import { FakeRunPod, SpanRecorder } from "effect-atlas/testing"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import { passWhile } from "../../src/testing/TestTime.ts"

const http = Layer.succeed(HttpClient.HttpClient, HttpClient.make(() => Effect.die("sent")))

const nowhere = Effect.fail(new AtlasError.NotFound({}))
const adapterOf = (id: string) => ({
  id,
  compute: { spawn: () => nowhere, get: () => nowhere, list: () => Effect.succeed([]), terminate: () => nowhere }
})
class Acme extends Context.Service<Acme, Provider.Of<"compute">>()("test/Acme") {}

describe("an id that cannot be one", () => {
  it.effect.each<readonly [layer: string, of: (id: string) => Layer.Layer<never, unknown>]>([
    ["RunPod.layer", (id) => Layer.provide(RunPod.layer({ id }), http)],
    ["RunPod.layerConfig", (id) => Layer.provide(RunPod.layerConfig({ id }), http)],
    ["RunPodClient.layer", (id) => Layer.provide(RunPodClient.layer({ id }), http)],
    ["RunPodClient.layerWithRunPod", (id) => Layer.provide(RunPodClient.layerWithRunPod({ id }), http)],
    ["LocalProvider.layer", (id) => Layer.provide(LocalProvider.layer({ id }), NodeServices.layer)],
    ["MockProvider.layer", (id) => MockProvider.layer({ id })],
    ["Provider.layer", (id) => Provider.layer(Acme, Effect.succeed(adapterOf(id)))]
  ])("fails %s as Validation that names the field", ([, of]) =>
    Effect.gen(function*() {
      for (const id of ["", "EU", "1st", "a b", "a.b", "-a", "a".repeat(33), "é"]) {
        const error = yield* Effect.flip(Layer.build(of(id)))
        assert.instanceOf(error, AtlasError.AtlasError)
        const { reason } = error
        assert.deepStrictEqual(reason._tag === "Validation" ? reason.issues.map(({ path }) => path) : [], ["id"], id)
      }
      yield* Layer.build(of(`a-b_c1${"z".repeat(26)}`))
    }).pipe(Effect.scoped))
})

describe("a setting that cannot be one", () => {
  const runpod = (options: RunPod.Options) => Layer.provide(RunPod.layer({ apiKey: "rpa_key", ...options }), http)
  const own = (settings: Pick<Adapter, "settleWindow" | "pollInterval" | "concurrency">) =>
    Provider.layer(Acme, Effect.succeed({ ...adapterOf("acme"), ...settings }))
  it.effect.each<readonly [field: string, layer: string, of: Layer.Layer<never, unknown>]>([
    ["settleWindow", "RunPod.layer", runpod({ settleWindow: "-1 second" })],
    ["settleWindow", "RunPod.layer", runpod({ settleWindow: Duration.infinity })],
    ["pollInterval", "RunPod.layer", runpod({ pollInterval: 0 })],
    ["logSilence", "RunPod.layer", runpod({ logSilence: Number.NaN })],
    ["retries", "RunPod.layer", runpod({ retries: -1 })],
    ["retries", "RunPodClient.layer", Layer.provide(RunPodClient.layer({ retries: 1.5 }), http)],
    [
      "settleWindow",
      "RunPod.layerConfig",
      Layer.provide(RunPod.layerConfig({ settleWindow: Config.succeed(Duration.infinity) }), http)
    ],
    ["provisioning", "MockProvider.layer", MockProvider.layer({ provisioning: Duration.infinity })],
    ["settleWindow", "MockProvider.layer", MockProvider.layer({ settleWindow: Duration.infinity })],
    ["settleWindow", "Provider.layer", own({ settleWindow: Duration.infinity })],
    ["pollInterval", "Provider.layer", own({ pollInterval: -5 })],
    ["concurrency", "Provider.layer", own({ concurrency: 0.5 })]
  ])("%s fails %s as Validation that names it", ([field, , of]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Layer.build(of))
      assert.instanceOf(error, AtlasError.AtlasError)
      const { reason } = error
      assert.deepStrictEqual(reason._tag === "Validation" ? reason.issues.map(({ path }) => path) : [], [field])
    }).pipe(Effect.scoped))
})

it.effect("two providers of one id are refused with a Validation that names it, and others stand side by side", () =>
  Effect.gen(function*() {
    const of = (...ids: ReadonlyArray<string>) =>
      Layer.build(Providers.layer(...ids.map((id) => MockProvider.layer({ id }))))
    const { kind, message } = yield* Effect.flip(Effect.mapError(of("eu", "us", "eu"), (error) => error))
    assert.strictEqual(kind, "validation")
    assert.include(message, "called eu")
    assert.deepStrictEqual(Context.get(yield* of("eu", "us"), Providers.Providers).all.map(({ id }) => String(id)), [
      "eu",
      "us"
    ])
  }).pipe(Effect.scoped))

it("two accounts read no variable of each other", () => {
  const names = ["runpod", "runpod-eu", "runpod-us"].map((id) => AccountId.variable(id, "API_KEY"))
  assert.deepStrictEqual(names, ["RUNPOD_API_KEY", "RUNPOD_EU_API_KEY", "RUNPOD_US_API_KEY"])
})

const eu = RunPod.layer({ id: "runpod-eu", apiKey: "k" }).pipe(
  Layer.provide(FakeRunPod.layerClient),
  Layer.provideMerge(FakeRunPod.layer({ endpoints: ["demo"] }))
)

describe("everything that an account says bears its id", () => {
  it.effect("machines, GPUs, volumes, templates, endpoints, jobs, bills and failures", () =>
    passWhile(Effect.gen(function*() {
      const on = { provider: "runpod-eu" } as const
      const spawned = yield* Atlas.spawnCompute({ gpu: "h100", image: "x" }, on)
      const said = [
        spawned,
        yield* Atlas.getCompute(spawned.id, on),
        ...yield* Atlas.listCompute({ gpu: "h100" }, on),
        ...(yield* Atlas.listGpuTypes(on)).slice(0, 1),
        yield* Atlas.createNetworkVolume({ name: "v", sizeGb: 10, region: "EU-RO-1" }, on),
        ...yield* Atlas.listNetworkVolumes(on),
        yield* Atlas.createTemplate({ name: "t", image: "x" }, on),
        ...yield* Atlas.listTemplates(on),
        ...yield* Atlas.listEndpoints(on),
        yield* Atlas.runJob({ endpoint: "demo", input: {} }, on),
        yield* Atlas.computeSpend(spawned.id, {}, on),
        yield* Effect.flip(Atlas.getCompute("nothing", on))
      ]
      assert.isAtLeast(said.length, 12)
      assert.deepStrictEqual([...new Set(said.map(({ provider }) => String(provider)))], ["runpod-eu"])
      // a filter by the canonical name finds what the cloud calls otherwise, whatever the account is called
      assert.lengthOf(yield* Atlas.listCompute({ gpu: "h100" }, on), 1)
    })).pipe(Effect.provide(Providers.layerDefault(null, eu))))

  it.effect("and the failures of its native client", () =>
    Effect.gen(function*() {
      const native = yield* RunPodClient.make({ id: "runpod-eu", apiKey: "" })
      const { kind, provider } = yield* Effect.flip(native.getPod({ id: "p" }))
      assert.deepStrictEqual([kind, String(provider)], ["unauthorized", "runpod-eu"])
    }).pipe(Effect.provide(http)))

  it.effect("spans, with the kind of cloud beside it, and metrics", () =>
    Effect.gen(function*() {
      yield* Atlas.listCompute({}, { provider: "mock-eu" })
      yield* Atlas.listCompute({}, { provider: "mock" })
      const { spans } = yield* SpanRecorder.SpanRecorder
      const told = spans.flatMap(({ attributes, name }) =>
        name === "Provider.listCompute" ? [[attributes.get(Attributes.provider), attributes.get(Attributes.cloud)]] : []
      )
      assert.deepStrictEqual(told, [["mock-eu", "mock"], ["mock", "mock"]])
      const counted = (yield* Metric.snapshot).flatMap(({ attributes, id }) =>
        id === "atlas_provider_calls" && attributes?.["provider"] === "mock-eu" ? [attributes["operation"]] : []
      )
      assert.deepStrictEqual(counted, ["listCompute"])
    }).pipe(
      Effect.provide(
        Layer.merge(Providers.layer(MockProvider.layer({ id: "mock-eu" }), MockProvider.layer()), SpanRecorder.layer)
      )
    ))

  it.effect("and GPUs that a program adds for the cloud are known to each of its accounts", () =>
    passWhile(Effect.gen(function*() {
      const catalog = GpuCatalog.extend(GpuCatalog.builtIn, "runpod", [{ canonical: "mine", ids: ["NVIDIA L4"] }])
      const { gpuType, provider } = yield* Effect.provideService(
        Atlas.spawnCompute({ gpu: "mine", image: "x" }, { provider: "runpod-eu" }),
        GpuCatalog.CurrentGpuCatalog,
        catalog
      )
      assert.deepStrictEqual([gpuType, provider], ["NVIDIA L4", Ids.ProviderId.make("runpod-eu")])
    })).pipe(Effect.provide(Providers.layerDefault(null, eu))))
})

it.effect("the limits that one account is told of hold up no other, also with one key at one address", () =>
  Effect.gen(function*() {
    const seen: Array<string> = []
    let isLimited = true
    const client = HttpClient.make((request) =>
      Effect.sync(() => {
        seen.push(request.url)
        const limited = isLimited
        isLimited = false
        return HttpClientResponse.fromWeb(
          request,
          limited
            ? Response.json({}, { status: 429, headers: { "retry-after": "600" } })
            : Response.json({ pods: [], pagination: {} })
        )
      })
    )
    const layer = (id: string) =>
      RunPod.layer({ id, apiKey: "k", retries: 0 }).pipe(Layer.provide(Layer.succeed(HttpClient.HttpClient, client)))
    yield* Effect.gen(function*() {
      const first = yield* Effect.flip(Atlas.listCompute({}, { provider: "a" }))
      assert.deepStrictEqual([first.kind, String(first.provider)], ["rate_limited", "a"])
      assert.deepStrictEqual(yield* Atlas.listCompute({}, { provider: "b" }), [])
    }).pipe(Effect.provide(Providers.layer(layer("a"), layer("b"))))
    assert.lengthOf(seen, 2)
  }))
