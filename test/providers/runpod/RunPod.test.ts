import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { inspect } from "node:util"
import * as GpuCatalog from "../../../src/domain/GpuCatalog.ts"
import * as RunPod from "../../../src/providers/RunPod.ts"
import * as FakeRunPod from "../../../src/providers/runpod/FakeRunPod.ts"
import { secretOf } from "../../support/secrets.ts"
import { failureOf, issuesOf, key, layer, passWhile } from "./harness.ts"

const cloud = FakeRunPod.FakeRunPodControls
const runpod = RunPod.RunPod

const wanted = { gpu: "h100", image: "me/server", ports: ["8000/http"] } as const

const created = Effect.map(
  cloud.use(({ requests }) => requests),
  (all) => all.filter(({ operation }) => operation === "createPod").length
)

const live = Effect.map(cloud.use(({ ledger }) => ledger), (ledger) => ledger.live)

describe("what RunPod is", () => {
  it.effect("can do all but spot, and says which key is missing", () =>
    Effect.gen(function*() {
      const { capabilities, id, missing } = yield* runpod
      assert.strictEqual(id, "runpod")
      assert.deepStrictEqual(missing, [])
      assert.deepStrictEqual(capabilities.toSorted(), [
        "billing",
        "global_networking",
        "gpu_catalog",
        "http_proxy",
        "logs",
        "manage_endpoints",
        "manage_network_volumes",
        "manage_templates",
        "network_volumes",
        "power",
        "raw_tcp",
        "self_terminate",
        "serverless",
        "symmetric_ports",
        "webhooks"
      ])
    }).pipe(Effect.provide(layer())))

  it.effect("without a key a spawn is refused before a credential is minted or anything is sent", () =>
    Effect.gen(function*() {
      const provider = yield* runpod
      assert.deepStrictEqual(provider.missing, ["RUNPOD_API_KEY"])
      const error = yield* failureOf(provider.compute.prepare({ ...wanted, auth: "bearer" }))
      assert.strictEqual(error.kind, "unauthorized")
      for (const place of ["call", "layer", "RUNPOD_API_KEY"]) assert.include(error.message, place)
      assert.deepStrictEqual(yield* cloud.use(({ requests }) => requests), [])
    }).pipe(
      Effect.provide(
        Layer.provideMerge(layer({}, { apiKey: "" }), ConfigProvider.layer(ConfigProvider.fromEnv({ env: {} })))
      )
    ))

  it.effect("the layer configured from the environment reaches what it names", () =>
    Effect.gen(function*() {
      const provider = yield* runpod
      assert.deepStrictEqual(provider.missing, [])
      // no fake plays that host
      assert.strictEqual((yield* passWhile(failureOf(provider.compute.list()))).kind, "transport")
    }).pipe(
      Effect.provide(
        RunPod.layerConfig().pipe(
          Layer.provide(FakeRunPod.layerClient),
          Layer.provide(FakeRunPod.layer()),
          Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({
            env: { RUNPOD_API_KEY: key, RUNPOD_BASE_URL: "https://elsewhere.example/v2" }
          })))
        )
      )
    ))
})

describe("a spawn", () => {
  it.effect("answers from the create alone, with the address of its http port", () =>
    Effect.gen(function*() {
      const provider = yield* runpod
      const pod = yield* provider.compute.spawn({ ...wanted, auth: "bearer", env: { TOKEN: "env-canary" } })
      assert.strictEqual(pod.status, "provisioning")
      assert.strictEqual(pod.ports[0]?.url, `https://${pod.id}-8000.proxy.runpod.net`)
      assert.strictEqual(pod.gpuType, "NVIDIA H100 80GB HBM3")
      assert.lengthOf(yield* cloud.use(({ requests }) => requests), 1)
      const token = secretOf(pod.auth)
      assert.isAbove(token.length, 31)
      const printed = [String(pod), JSON.stringify(pod), inspect(pod, { depth: 12 }), JSON.stringify(pod.raw)].join()
      for (const secret of ["env-canary", token, key]) assert.notInclude(printed, secret)
    }).pipe(Effect.provide(layer())))

  it.effect("that is sold out names the candidate, and nothing was made", () =>
    Effect.gen(function*() {
      const provider = yield* runpod
      yield* cloud.use(({ setStock }) => setStock("NVIDIA H100 80GB HBM3", "NONE"))
      const { reason } = yield* failureOf(provider.compute.spawn(wanted))
      assert.strictEqual(reason._tag === "NoCapacity" && reason.candidate, "NVIDIA H100 80GB HBM3")
      assert.lengthOf(yield* live, 0)
      assert.strictEqual(yield* created, 1)
    }).pipe(Effect.provide(layer())))

  it.effect("without money, without the right and against the contract ends as what it is, sent once", () =>
    Effect.gen(function*() {
      const provider = yield* runpod
      const { forbidGpus, order, setBalance } = yield* cloud
      yield* setBalance(false)
      const poor = yield* failureOf(provider.compute.spawn(wanted))
      assert.strictEqual(poor.kind, "provider")
      assert.strictEqual(poor.status, 402)
      assert.include(poor.message, "the balance of the RunPod account is too low, so nothing was done")
      yield* setBalance(true)
      yield* forbidGpus(["NVIDIA H100 80GB HBM3"])
      assert.strictEqual((yield* failureOf(provider.compute.spawn(wanted))).kind, "forbidden")
      yield* order({ _tag: "Refuse", on: "createPod", status: 422 })
      assert.strictEqual((yield* failureOf(provider.compute.spawn({ ...wanted, gpu: "l4" }))).status, 422)
      assert.strictEqual(yield* created, 3)
      assert.lengthOf(yield* live, 0)
    }).pipe(Effect.provide(layer())))

  it.effect("what RunPod cannot do or would refuse never leaves", () =>
    Effect.gen(function*() {
      const { compute } = yield* runpod
      const bad = [
        [{ ...wanted, volumeGb: 20, networkVolumeId: "v" }, "networkVolumeId"],
        [{ ...wanted, gpu: "gh200" }, "gpu"],
        [{ ...wanted, env: { BIG: "x".repeat(102_400) } }, "env"],
        [{ ...wanted, providerOpts: { disc: 5 } }, "providerOpts.disc"]
      ] as const
      for (const [request, path] of bad) {
        assert.deepStrictEqual((yield* issuesOf(compute.spawn(request))).map((issue) => issue.path), [path])
      }
      const { reason } = yield* failureOf(compute.spawn({ ...wanted, spot: true }))
      assert.strictEqual(reason._tag === "Unsupported" && reason.capability, "spot")
      assert.deepStrictEqual(yield* cloud.use(({ requests }) => requests), [])
    }).pipe(Effect.provide(layer())))

  it.effect("the names of a catalog of one's own count", () =>
    Effect.gen(function*() {
      const { compute, gpus } = yield* runpod
      const catalog = GpuCatalog.extend(GpuCatalog.builtIn, "runpod", [{ canonical: "b200", ids: ["NVIDIA B200"] }])
      const own = Effect.provideService(GpuCatalog.CurrentGpuCatalog, catalog)
      assert.strictEqual((yield* own(compute.spawn({ ...wanted, gpu: "b200" }))).gpuType, "NVIDIA B200")
      assert.strictEqual((yield* own(gpus.list())).find(({ id }) => id === "NVIDIA B200")?.canonical, "b200")
    }).pipe(Effect.provide(layer())))

  const around: ReadonlyArray<readonly [string, FakeRunPod.Fault]> = [
    ["lost, and made", { _tag: "LoseAnswer", on: "createPod", acted: true }],
    ["lost, and not made", { _tag: "LoseAnswer", on: "createPod" }],
    ["a 500, and made", { _tag: "Refuse", on: "createPod", status: 500, acted: true }],
    ["a 503, and not made", { _tag: "Refuse", on: "createPod", status: 503 }],
    ["half of it", { _tag: "Garble", on: "createPod" }],
    ["of another shape", { _tag: "WrongShape", on: "createPod" }],
    ["a redirect page", { _tag: "Refuse", on: "createPod", status: 524, form: "html", acted: true }],
    ["never there, and made", { _tag: "Hang", on: "createPod", acted: true }],
    ["twice, by the cloud itself", { _tag: "Twin", on: "createPod" }]
  ]
  it.effect.each(around)(
    "whose answer is %s leaves what the caller knows, and no second pod",
    ([, fault]) =>
      Effect.gen(function*() {
        const { compute } = yield* runpod
        yield* cloud.use(({ order }) => order(fault))
        const made = yield* passWhile(Effect.result(compute.spawn(wanted)))
        const known = made._tag === "Success" ? [made.success.id] : []
        if (fault._tag !== "Twin") {
          assert.deepStrictEqual((yield* live).map(({ id }) => id), known)
          assert.strictEqual(yield* created, 1)
        }
      }).pipe(Effect.provide(layer()))
  )

  it.effect("never touches a foreign pod", () =>
    Effect.gen(function*() {
      const { compute } = yield* runpod
      const { order, plantPod } = yield* cloud
      const foreign = yield* plantPod({ name: "atlas", image: "i", disk: 5, gpu: { id: "NVIDIA L4", count: 1 } })
      yield* order({ _tag: "LoseAnswer", on: "createPod", acted: true })
      const made = yield* passWhile(Effect.scoped(compute.spawn(wanted)))
      yield* passWhile(compute.end(made.id))
      assert.deepStrictEqual((yield* live).map(({ id }) => id), [foreign])
    }).pipe(Effect.provide(layer())))

  it.effect("does not wait for ever: a time limit of the call ends it, and what was made is known", () =>
    Effect.gen(function*() {
      const { compute } = yield* runpod
      yield* cloud.use(({ order }) => order({ _tag: "Hang", acted: true, times: 1000 }))
      const renting = yield* Effect.forkChild(
        failureOf(compute.rent(yield* compute.prepare(wanted), { timeout: 5000 }))
      )
      yield* TestClock.adjust("5 seconds")
      const { reason } = yield* Fiber.join(renting)
      assert.match(reason._tag === "Uncertain" ? reason.computeName ?? "" : "", /^atlas-adhoc-/)
    }).pipe(Effect.provide(layer())))
})

describe("looking and ending", () => {
  it.effect("the list is whole over many pages, or fails", () =>
    Effect.gen(function*() {
      const { compute } = yield* runpod
      const { order, plantPod } = yield* cloud
      yield* Effect.forEach(
        Array.from({ length: 25 }, (_, index) => index),
        (index) => plantPod({ name: `p${index}`, image: "i", disk: 5, gpu: { id: "NVIDIA L4", count: 1 } })
      )
      assert.lengthOf(yield* compute.list(), 25)
      yield* order({ _tag: "ShortPage", on: "listPods" })
      assert.lengthOf(yield* compute.list(), 25)
      yield* order({ _tag: "Refuse", on: "listPods", status: 401, skip: 1 })
      assert.strictEqual((yield* failureOf(compute.list())).kind, "unauthorized")
      yield* order({ _tag: "CursorLoop", on: "listPods", times: 1000 })
      assert.strictEqual((yield* failureOf(compute.list())).kind, "provider")
    }).pipe(Effect.provide(layer({ pageSize: 10 }))))

  it.effect("an action that is not valid now is the provider's refusal, with 409", () =>
    Effect.gen(function*() {
      const { compute, power } = yield* runpod
      const { id } = yield* compute.spawn(wanted)
      yield* TestClock.adjust("5 seconds")
      const error = yield* failureOf(power.start(id))
      assert.deepStrictEqual([error.kind, error.status], ["provider", 409])
      yield* power.stop(id)
      assert.strictEqual((yield* compute.get(id)).status, "stopped")
      assert.strictEqual((yield* compute.get(id)).costPerHour, 0)
      yield* power.start(id)
    }).pipe(Effect.provide(layer())))

  it.effect("a bill is read from its totals, for the window asked for", () =>
    Effect.gen(function*() {
      const { billing, compute } = yield* runpod
      const { id } = yield* compute.spawn(wanted)
      yield* TestClock.adjust("10 hours")
      const { dollars } = (yield* live)[0] ?? { dollars: 0 }
      const spend = yield* billing.spend(id, { from: DateTime.makeUnsafe(0), to: yield* DateTime.now })
      assert.closeTo(spend.totalUsd, dollars, 0.01)
      assert.strictEqual(String(spend.from), "DateTime.Utc(1970-01-01T00:00:00.000Z)")
      yield* cloud.use(({ order }) => order({ _tag: "WrongShape", on: "listPodBilling" }))
      assert.strictEqual((yield* failureOf(billing.spend(id))).kind, "provider")
    }).pipe(Effect.provide(layer())))
})

describe("the log of a pod", () => {
  const running = Effect.gen(function*() {
    const { compute } = yield* runpod
    const { id } = yield* compute.spawn(wanted)
    yield* TestClock.adjust("5 seconds")
    return id
  })
  const write = (id: string, ...lines: ReadonlyArray<string>) =>
    cloud.use(({ writeLog }) => Effect.forEach(lines, (line) => writeLog(id, line), { discard: true }))

  it.effect("is read so far, in order, and a cursor resumes right after its line", () =>
    Effect.gen(function*() {
      const { logs } = yield* runpod
      const id = yield* running
      yield* write(id, "one", "two", "three")
      const all = (yield* passWhile(Stream.runCollect(logs.stream(id)))).filter(({ stream }) => stream === "container")
      assert.deepStrictEqual(all.map(({ text }) => text), ["one", "two", "three"])
      const after = all[0]?.cursor ?? null
      const rest = yield* passWhile(Stream.runCollect(logs.stream(id, { after })))
      assert.deepStrictEqual(rest.filter(({ stream }) => stream === "container").map(({ text }) => text), [
        "two",
        "three"
      ])
      assert.deepStrictEqual((yield* issuesOf(Stream.runDrain(logs.stream(id, { after: "a\nb" })))).length, 1)
    }).pipe(Effect.provide(layer())))

  it.effect.each(["stop", "terminate"] as const)(
    "is followed over broken connections to the pod's end by %s, each line once",
    (end) =>
      Effect.gen(function*() {
        const { compute, logs, power } = yield* runpod
        const id = yield* running
        yield* cloud.use(({ order }) => order({ _tag: "CutStream", on: "getPodLogs", lines: 1, times: 2 }))
        const following = yield* Effect.forkChild(Stream.runCollect(logs.stream(id, { follow: true })))
        const words = ["one", "two", "three", "four"]
        for (const word of words) {
          yield* write(id, word)
          yield* passWhile(Effect.sleep("20 seconds"))
        }
        yield* end === "stop" ? power.stop(id) : compute.terminate(id)
        const lines = yield* passWhile(Fiber.join(following))
        assert.deepStrictEqual(lines.filter(({ stream }) => stream === "container").map(({ text }) => text), words)
        assert.strictEqual(new Set(lines.map(({ cursor }) => cursor)).size, lines.length)
      }).pipe(Effect.provide(layer()))
  )

  it.effect("of an unknown pod is not found, followed or not", () =>
    Effect.gen(function*() {
      const { logs } = yield* runpod
      for (const follow of [true, false]) {
        assert.strictEqual((yield* failureOf(Stream.runDrain(logs.stream("nowhere", { follow })))).kind, "not_found")
      }
    }).pipe(Effect.provide(layer())))
})

describe("a job", () => {
  const endpoint = "ep1"
  const jobLayer = layer({ endpoints: [endpoint] })

  it.effect("is submitted once, and looked at until it is done", () =>
    Effect.gen(function*() {
      const { jobs } = yield* runpod
      const job = yield* jobs.submit({ endpoint, input: null, policy: { executionTimeout: 60_000 } })
      assert.strictEqual(job.status, "in_queue")
      yield* TestClock.adjust("10 seconds")
      const done = yield* jobs.get({ endpoint, id: job.id })
      assert.deepStrictEqual([done.status, done.output], ["completed", { echo: null }])
    }).pipe(Effect.provide(jobLayer)))

  it.effect("that is waited for asks the server to wait a little less than we do", () =>
    Effect.gen(function*() {
      const { jobs } = yield* runpod
      yield* cloud.use(({ onJob }) => onJob(() => ({ duration: "1 hour" })))
      const start = yield* DateTime.now
      const job = yield* passWhile(jobs.submit({ endpoint, input: 1, mode: "sync", timeout: "20 seconds" }))
      assert.strictEqual(job.status, "in_progress")
      assert.isBelow(Duration.toMillis(DateTime.distance(start, yield* DateTime.now)), 20_001)
    }).pipe(Effect.provide(jobLayer)))

  it.effect("past its limit fails as a timeout with the limit, whatever the cloud does, and is not sent again", () =>
    Effect.gen(function*() {
      const { jobs } = yield* runpod
      yield* cloud.use(({ order }) => order({ _tag: "Hang", on: "runSync", acted: true }))
      const waiting = yield* Effect.forkChild(failureOf(jobs.submit({ endpoint, input: 1, mode: "sync" })))
      yield* TestClock.adjust("30 seconds")
      const error = yield* Fiber.join(waiting)
      assert.strictEqual(error.kind, "timeout")
      assert.include(error.message, "30s")
      assert.lengthOf(yield* cloud.use(({ requests }) => requests), 1)
    }).pipe(Effect.provide(jobLayer)))

  it.effect("whose answer is lost is uncertain, and not submitted again", () =>
    Effect.gen(function*() {
      const { jobs } = yield* runpod
      yield* cloud.use(({ order }) =>
        order({ _tag: "LoseAnswer", on: "run", acted: true }, { _tag: "Refuse", on: "run", status: 502 })
      )
      const kinds = [
        (yield* failureOf(jobs.submit({ endpoint, input: 1 }))).kind,
        (yield* failureOf(jobs.submit({ endpoint, input: 1 }))).kind
      ]
      assert.deepStrictEqual(kinds, ["uncertain", "uncertain"])
      assert.lengthOf(yield* cloud.use(({ requests }) => requests), 2)
    }).pipe(Effect.provide(jobLayer)))

  it.effect("brings what it put out since the last look, each once, and how it failed", () =>
    Effect.gen(function*() {
      const { jobs } = yield* runpod
      yield* cloud.use(({ onJob }) =>
        onJob(() => ({
          duration: "3 seconds",
          stream: [{ after: "1 second", output: "a" }, { after: "2 seconds", output: { b: 1 } }],
          error: "out of memory"
        }))
      )
      const { id } = yield* jobs.submit({ endpoint, input: 1, mode: "stream" })
      const seen: Array<Schema.Json> = []
      let last = yield* passWhile(jobs.chunk({ endpoint, id }))
      while (true) {
        seen.push(...last.items)
        if (last.status === "failed") break
        last = yield* passWhile(jobs.chunk({ endpoint, id }))
      }
      assert.deepStrictEqual(seen, ["a", { b: 1 }])
      assert.include(last.error, "out of memory")
    }).pipe(Effect.provide(jobLayer)))

  it.effect("can be cancelled, and may have fields that only RunPod knows", () =>
    Effect.gen(function*() {
      const { jobs } = yield* runpod
      yield* cloud.use(({ holdWorkers }) => holdWorkers(endpoint, true))
      const { id } = yield* jobs.submit({ endpoint, input: 1, webhook: "https://hooks.example/?key=hook-canary" })
      yield* jobs.cancel({ endpoint, id })
      const job = yield* jobs.get({ endpoint, id })
      assert.strictEqual(job.status, "cancelled")
      assert.notInclude(JSON.stringify(job.raw), "hook-canary")
    }).pipe(Effect.provide(jobLayer)))
})
