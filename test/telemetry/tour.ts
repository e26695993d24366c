/**
 * A tour of the library on fakes: every verb is called, sessions live, are replaced and end. What telemetry recorded of it is the
 * answer.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Atlas, Provider, Providers } from "effect-atlas"
import { NoCapacity } from "effect-atlas/domain/AtlasError"
import { Fly, FlyCli, FlyLogs, TokenStorage } from "effect-atlas/fly"
import { Recovery, SessionStore } from "effect-atlas/orchestrator"
import * as NameStamp from "effect-atlas/provider/NameStamp"
import { FakeFly, FakeFlyCli, FakeRunPod, SpanRecorder } from "effect-atlas/testing"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import * as RunPod from "../../src/providers/RunPod.ts"
import { passWhile } from "../../src/testing/TestTime.ts"
import { type Harness, open, pass } from "../orchestrator/harness.ts"
import * as Mock from "../support/mock.ts"

/** Calls by the names that the guide has for verbs, in the order they are made. */
type Calls<R> = Readonly<Record<string, Effect.Effect<unknown, unknown, R>>>

/** Stands before the names of the spans that are the tour's own. */
const mark = "verb "

const isParent = (parent: Tracer.NativeSpan, { parent: held }: Tracer.NativeSpan): boolean =>
  Option.exists(held, ({ spanId }) => spanId === parent.spanId)

/** Makes the calls one after the other, each under a span of its own; the answer is what each has under that. */
const under = Effect.fnUntraced(function*<R>(calls: Calls<R>) {
  const { spans } = yield* SpanRecorder.SpanRecorder
  for (const [verb, call] of Object.entries(calls)) {
    yield* passWhile(Effect.exit(call)).pipe(Effect.withSpan(mark + verb, { root: true }))
  }
  return Object.fromEntries(
    Object.keys(calls).map((verb) => {
      const own = spans.filter(({ name }) => name === mark + verb)
      const names = own.flatMap((one) => spans.filter((span) => isParent(one, span)).map(({ name }) => name))
      return [verb, [...new Set(names)]]
    })
  )
})

const atlas = Effect.gen(function*() {
  const { id } = yield* Atlas.spawnCompute({})
  const job = yield* passWhile(Atlas.runJob({ endpoint: "ep", input: 1 }))
  const volume = yield* Atlas.createNetworkVolume({ name: "models", sizeGb: 10, region: "here" })
  const template = yield* Atlas.createTemplate({ name: "server", image: "me/server" })
  const provider = yield* Provider.Provider
  const other = yield* under({ // not verbs of Atlas
    minCuda: provider.requestOpts.minCuda("12.4"),
    registryAuth: provider.requestOpts.registryAuth("ghcr"),
    logLimit: provider.requestOpts.logLimit("10"),
    readExit: provider.logs.exit(id, { name: "server" }),
    resolve: Effect.flatMap(provider.compute.prepare({}), (spawn) => provider.compute.resolve(spawn)),
    failed: Atlas.getCompute("mock-unknown"),
    left: Effect.timeoutOption(Atlas.awaitReady("mock-unknown"), "1 second")
  })
  const verbs = yield* under({
    "Atlas.spawnCompute": Atlas.spawnCompute({ name: "web" }),
    "Atlas.getCompute": Atlas.getCompute(id),
    "Atlas.listCompute": Atlas.listCompute(),
    "Atlas.awaitReady": Atlas.awaitReady(id),
    "Atlas.streamLogs": Stream.runDrain(Atlas.streamLogs(id)),
    "Atlas.listGpuTypes": Atlas.listGpuTypes(),
    "Atlas.capabilities": Atlas.capabilities(),
    "Atlas.computeSpend": Atlas.computeSpend(id),
    "Atlas.stop": Atlas.stop(id),
    "Atlas.start": Atlas.start(id),
    "Atlas.terminate": Atlas.terminate(id),
    "Atlas.end": Atlas.end(id),
    "Atlas.scoped": Effect.scoped(Atlas.scoped({})),
    "Atlas.withCompute": Atlas.withCompute({}, () => Effect.void),
    "Atlas.runJob": Atlas.runJob({ endpoint: "ep", input: 1 }),
    "Atlas.getJob": Atlas.getJob(job),
    "Atlas.awaitJob": Atlas.awaitJob(job),
    "Atlas.streamJob": Stream.runDrain(Atlas.streamJob(job)),
    "Atlas.cancelJob": Atlas.cancelJob(job),
    "Atlas.listNetworkVolumes": Atlas.listNetworkVolumes(),
    "Atlas.getNetworkVolume": Atlas.getNetworkVolume(volume.id),
    "Atlas.createNetworkVolume": Atlas.createNetworkVolume({ name: "more", sizeGb: 10, region: "here" }),
    "Atlas.deleteNetworkVolume": Atlas.deleteNetworkVolume(volume.id),
    "Atlas.listTemplates": Atlas.listTemplates(),
    "Atlas.getTemplate": Atlas.getTemplate(template.id),
    "Atlas.createTemplate": Atlas.createTemplate({ name: "other", image: "me/server" }),
    "Atlas.deleteTemplate": Atlas.deleteTemplate(template.id),
    "Atlas.listEndpoints": Atlas.listEndpoints(),
    "Atlas.getEndpoint": Atlas.getEndpoint("ep"),
    "Atlas.deleteEndpoint": Atlas.deleteEndpoint("ep")
  })
  return { verbs, other }
}).pipe(Effect.provide(Mock.layer()))

/** A session that is refused once, replaced once and then stopped; a task that fails; a create whose answer is lost. */
const sessions = Effect.fnUntraced(function*({ controls, orchestrator }: Harness) {
  yield* controls.failNext("spawnCompute", new NoCapacity({ message: "none" }))
  const request = { gpu: ["h100", "a100_80g"], spot: true, providerOpts: { costPerHour: 36 } } as const
  const { compute } = yield* orchestrator.spawn(request, { userId: "user-7", onFailure: { respawn: 1 } })
  yield* pass(10)
  yield* controls.failNext("terminate", new NoCapacity({ message: "busy" }))
  yield* controls.setStatus(compute.id, "stopped")
  yield* pass(130)
  yield* controls.loseNextAnswer({ created: true })
  const task = yield* passWhile(orchestrator.runTask({ command: ["false"] }))
  yield* controls.setStatus(task.compute.id, "failed", { exitCode: 3 })
  yield* controls.failNext("listCompute", new NoCapacity({ message: "busy" }))
  yield* pass(130)
})

const orchestrator = Effect.gen(function*() {
  const harness = yield* open({ reapGrace: "1 minute", pollInterval: "20 seconds" })
  yield* sessions(harness)
  const { cloud: { provider }, orchestrator } = harness
  const stamp = yield* NameStamp.make(NameStamp.Owner.make("team1"), "lost")
  yield* provider.compute.rent(yield* provider.compute.prepare({}, { stamp }))
  yield* pass(100)
  const { compute, id } = yield* orchestrator.spawn({})
  const scoped = Effect.scoped(orchestrator.scoped({}, { userId: "user-7" }))
  const verbs = yield* under({
    "Orchestrator.spawn": orchestrator.spawn({}, { userId: "user-7" }),
    "Orchestrator.runTask": orchestrator.runTask({ command: ["true"] }, { userId: "user-7" }),
    "Orchestrator.scoped": scoped,
    "Orchestrator.touch": orchestrator.touch(id),
    "Orchestrator.info": orchestrator.info(id),
    "Orchestrator.getCompute": orchestrator.getCompute(id),
    "Orchestrator.credential": orchestrator.credential(id),
    "Orchestrator.listIds": orchestrator.listIds,
    "Orchestrator.list": orchestrator.list,
    "Orchestrator.unreadable": orchestrator.unreadable,
    "Orchestrator.spend": orchestrator.spend(compute.id),
    "Orchestrator.spending": orchestrator.spending,
    "Orchestrator.awaitReady": orchestrator.awaitReady(id),
    "Orchestrator.events": Stream.runDrain(Stream.take(orchestrator.events(id), 1)),
    "Orchestrator.stopTracked": orchestrator.stopTracked(id),
    "Orchestrator.awaitEnd": orchestrator.awaitEnd(id),
    "Orchestrator.forget": orchestrator.forget(id),
    "Orchestrator.reapNow": orchestrator.reapNow(),
    "Recovery.run": Recovery.run({ owner: "other" }).pipe(
      Effect.provide(Layer.merge(Layer.fresh(SessionStore.layerMemory), Mock.layer()))
    )
  })
  const stored = yield* open({ cloud: harness.cloud })
  yield* stored.orchestrator.spawn({}, { persist: true })
  yield* stored.close
  yield* open({ cloud: harness.cloud, store: stored.store })
  return verbs
})

const runpod = Effect.gen(function*() {
  const fake = yield* FakeRunPod.FakeRunPodControls
  yield* passWhile(Atlas.withCompute({ gpu: "h100", image: "me/server" }, ({ id }) => Atlas.awaitReady(id)))
  yield* fake.order({ _tag: "Refuse", status: 503, times: 1 })
  yield* passWhile(Effect.exit(Atlas.listCompute()))
}).pipe(Effect.provide(
  Providers.layerDefault("runpod", RunPod.layer({ apiKey: "rpa_key" })).pipe(
    Layer.provide(FakeRunPod.layerClient),
    Layer.provideMerge(FakeRunPod.layer())
  )
))

const flyCli = FakeFlyCli.layer(
  { when: ["deploy"], steps: [{ stdout: "built\n" }] },
  { when: ["tokens", "create"], steps: [{ stdout: JSON.stringify({ token: "FlyV1 fm2_one" }) }] }
)

const fly = Effect.gen(function*() {
  const { deploy, discoverApps, logs, streamDeploy, subscribeDeploy, subscribeLogs, tokens } = yield* Fly.Fly
  const { append, order } = yield* FakeFly.FakeFly
  const pages = yield* FlyLogs.FlyLogs
  const { run } = yield* FlyCli.FlyCli
  yield* append("acme-web", [{ message: "hello" }])
  // a deploy beside the tour, for the verb that reads its lines
  const other = yield* Effect.forkChild(
    Effect.delay(Effect.exit(deploy("guides", ".", { ticket: "t2" })), "1 second").pipe(Effect.repeat({ times: 99 }))
  )
  const verbs = yield* under({
    "Fly.discoverApps": discoverApps("guides", { maxDepth: 0 }),
    "Fly.deploy": deploy("guides", "."),
    "Fly.subscribeDeploy": Stream.runDrain(Stream.take(subscribeDeploy("t2"), 1)),
    "Fly.streamDeploy": Stream.runDrain(streamDeploy("guides", ".", { ticket: "t1" })),
    "Fly.subscribeLogs": Stream.runDrain(Stream.take(subscribeLogs("acme-web"), 1)),
    "Fly.logs.startStreamer": logs.startStreamer("acme-web"),
    "Fly.logs.streamerRunning": logs.streamerRunning("acme-web"),
    "Fly.logs.streamers": logs.streamers,
    "Fly.logs.subscribe": Effect.scoped(logs.subscribe("acme-web")),
    "Fly.logs.subscribeLogs": Stream.runDrain(Stream.take(logs.subscribeLogs("acme-web"), 1)),
    "Fly.logs.stopStreamer": logs.stopStreamer("acme-web"),
    "Fly.tokens.invalidate": tokens.invalidate("acme-web"),
    "Fly.tokens.get": tokens.get("acme-web"),
    "Fly.tokens.refresh": tokens.refresh("acme-web"),
    "Fly.tokens.setManual": tokens.setManual("acme-web", Redacted.make("FlyV1 fm2_manual")),
    "FlyLogs.fetch": pages.fetch("acme-web"),
    "FlyLogs.fetchWithRetry": pages.fetchWithRetry("acme-web"),
    "FlyCli.run": run(["deploy"])
  })
  yield* order({ _tag: "Refuse", status: 503 })
  yield* Effect.exit(pages.fetch("acme-web"))
  yield* tokens.get("acme-web")
  yield* Fiber.interrupt(other)
  return verbs
}).pipe(Effect.provide(
  Fly.layer({ parts: Layer.mergeAll(flyCli, TokenStorage.layerMemory) }).pipe(Layer.provideMerge(
    Layer.mergeAll(
      NodeServices.layer,
      FakeFly.layerClient,
      ConfigProvider.layer(ConfigProvider.fromEnvRecord({ HOME: "/nonexistent" }))
    ).pipe(Layer.provideMerge(FakeFly.layer({ apps: ["acme-web"] })))
  ))
))

/** All that a tour has recorded: the spans, the spans directly under each verb, and the metrics. */
export const tour = Effect.gen(function*() {
  const { spans } = yield* SpanRecorder.SpanRecorder
  const { verbs } = yield* atlas
  const all = { ...verbs, ...yield* orchestrator, ...yield* fly }
  yield* runpod
  return { verbs: all, spans: spans.filter(({ name }) => !name.startsWith(mark)), metrics: yield* Metric.snapshot }
}).pipe(
  Effect.scoped,
  (self) => Effect.suspend(() => Effect.provideService(self, Metric.MetricRegistry, new Map())),
  Effect.provide(SpanRecorder.layer)
)
