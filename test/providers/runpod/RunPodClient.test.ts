import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/testing/TestClock"
import { inspect } from "node:util"
import type { AtlasError } from "../../../src/domain/AtlasError.ts"
import * as Providers from "../../../src/provider/Providers.ts"
import { type Operation, operations } from "../../../src/providers/runpod/RunPodSchema.ts"
import * as RunPodClient from "../../../src/providers/RunPodClient.ts"
import { json, type Script, scripted, status } from "../../provider/http/harness.ts"
import { against, client, cloud, createBody, pod } from "./clientHarness.ts"
import { failureOf, issuesOf, key, layer, passWhile } from "./harness.ts"

describe("a native call", () => {
  it.effect("goes to the path, method and host the table says, with the key and a name of our own", () =>
    Effect.gen(function*() {
      for (const name of Object.keys(operations)) {
        const operation: Operation = Reflect.get(operations, name)
        assert.strictEqual(operation.name, name)
        if (operation.sse === true) continue
        const { client, seen } = yield* against(json({}))
        const call: unknown = Reflect.get(client, name)
        const ids = Object.fromEntries((operation.path.match(/(?<=\{)[^}]+/g) ?? []).map((id) => [id, `a/${id} ?`]))
        const body = operation.request === undefined ? {} : { body: bodies[name] }
        const made: unknown = typeof call === "function" ? Reflect.apply(call, client, [{ ...ids, ...body }]) : null
        assert.isTrue(Effect.isEffect(made), name)
        if (Effect.isEffect(made)) yield* passWhile(Effect.ignore(made as Effect.Effect<unknown>))
        const [sent] = seen
        const host = operation.plane === "management" ? "https://api.runpod.io/v2" : "https://api.runpod.ai/v2"
        const path = operation.path.replaceAll(/\{([^}]+)\}/g, (_, id: string) => encodeURIComponent(`a/${id} ?`))
        assert.strictEqual(`${sent?.method} ${sent?.url}`, `${operation.method} ${host}${path}`, name)
        assert.strictEqual(sent?.headers["authorization"], `Bearer ${key}`)
        assert.match(sent?.headers["user-agent"] ?? "", /^effect-atlas\//)
        // a create that got no answer it can read looks for what it made
        assert.lengthOf(seen.filter(({ method }) => method === operation.method), 1, name)
      }
    }))

  it.effect("answers in RunPod's words, with unknown words and without environments", () =>
    Effect.gen(function*() {
      const { client } = yield* against(json({ ...pod, status: "HIBERNATING", novelty: 1 }))
      assert.deepStrictEqual(yield* client.getPod({ id: "pod1" }), {
        id: "pod1",
        name: "n",
        status: "HIBERNATING",
        ports: ["8000/http"]
      })
      const { client: lists } = yield* against(json({ pods: [pod] }))
      assert.deepStrictEqual((yield* lists.listPods()).pods.map(Object.keys), [["ports", "id", "name", "status"]])
      const { client: jobs } = yield* against(json({ id: "j", status: "COMPLETED", output: { env: { mine: true } } }))
      assert.deepStrictEqual((yield* jobs.getJob({ endpointId: "e", jobId: "j" })).output, { env: { mine: true } })
    }))

  it.effect("joins lists of a query with commas", () =>
    Effect.gen(function*() {
      const { client, seen } = yield* against(json({ gpus: [] }))
      yield* client.listGpuTypes({
        query: { include: ["AVAILABILITY"], product: ["POD", "SERVERLESS"], cloud: "COMMUNITY", count: 2 }
      })
      assert.deepStrictEqual([...new URL(seen[0]?.url ?? "").searchParams].toSorted(), [
        ["cloud", "COMMUNITY"],
        ["count", "2"],
        ["include", "AVAILABILITY"],
        ["product", "POD,SERVERLESS"]
      ])
    }))

  it.effect("terminate by action answers with nothing, the other actions with the pod", () =>
    Effect.gen(function*() {
      const { client } = yield* against(new Response(null, { status: 204 }), json(pod))
      assert.isNull(yield* client.podAction({ id: "pod1", body: { action: "terminate" } }))
      assert.strictEqual((yield* client.podAction({ id: "pod1", body: { action: "stop" } }))?.id, "pod1")
    }))

  it.effect("without a key it sends nothing and names the three places to put one", () =>
    Effect.gen(function*() {
      const { provide, seen } = scripted(json(pod))
      const client = yield* provide(RunPodClient.make({ apiKey: "" })).pipe(
        Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { RUNPOD_API_KEY: "" } })))
      )
      const error = yield* failureOf(client.getPod({ id: "pod1" }))
      assert.strictEqual(error.kind, "unauthorized")
      for (const place of ["call", "layer", "RUNPOD_API_KEY"]) assert.include(error.message, place)
      assert.lengthOf(seen, 0)
      yield* client.getPod({ id: "pod1" }, { apiKey: "mine" })
      assert.strictEqual(seen[0]?.headers["authorization"], "Bearer mine")
    }))
})

/** Something that each call with a body takes. */
const bodies: Readonly<Record<string, object>> = {
  updateSshKeys: { keys: [] },
  createPod: createBody,
  updatePod: { name: "n" },
  podAction: { action: "stop" },
  createEndpoint: { name: "e", type: "QUEUE", image: "i", scaling: { type: "REQUEST_COUNT", requestCount: 1 } },
  updateEndpoint: { name: "e" },
  createTemplate: { name: "t", image: "i" },
  updateTemplate: { name: "t" },
  createNetworkVolume: { name: "v", size: 10, dataCenter: "EU-RO-1" },
  updateNetworkVolume: { size: 11 },
  createRegistry: { name: "r", username: "u", password: "p" },
  run: { input: {} },
  runSync: { input: {} }
}

describe("what is wrong with an input", () => {
  it.effect("is named by its path before anything is sent, and never by its value", () =>
    Effect.gen(function*() {
      const { client, seen } = yield* against(json(pod))
      // as a caller without types would
      const create: (input: object) => Effect.Effect<unknown, AtlasError> = client.createPod as never
      const list: (input: object) => Effect.Effect<unknown, AtlasError> = client.listPods as never
      const cases = [
        [create({ body: { ...createBody, dataCenter: "X" } }), ["body.dataCenter"]],
        [create({ body: { ...createBody, gpu: { id: "x", cuda: "12" } } }), ["body.gpu.cuda"]],
        [create({ body: { ...createBody, disk: 0, cloud: "secret-word" } }), ["body.cloud", "body.disk"]],
        [create({ body: { ...createBody, env: { A: 5 } } }), ["body.env.A"]],
        [create({}), ["body"]],
        [create({ body: createBody, id: "x" }), ["id"]],
        [list({ query: { limit: 5000 } }), ["query.limit"]],
        [list({ query: { status: "RUNNING" } }), ["query.status"]]
      ] as const
      for (const [call, expected] of cases) {
        const issues = yield* issuesOf(call)
        assert.deepStrictEqual(issues.map(({ path }) => path).toSorted(), [...expected])
        assert.notInclude(JSON.stringify(issues), "secret-word")
      }
      assert.lengthOf(seen, 0)
    }))

  it.effect("a pod's body above 102,400 bytes is refused here, with the field that fills it", () =>
    Effect.gen(function*() {
      const { client, seen } = yield* against(json(pod))
      const env = { A: Redacted.make("x".repeat(102_400)) }
      const [issue] = yield* issuesOf(client.createPod({ body: { ...createBody, env } }))
      assert.strictEqual(issue?.path, "body.env")
      assert.lengthOf(seen, 0)
    }))
})

describe("a create", () => {
  const lost: ReadonlyArray<readonly [string, Script]> = [
    ["a connection that broke", "reset"],
    ["a 500", status(500)],
    ["a 408", status(408)],
    ["a redirect, which is not followed", status(307, { location: "https://api.runpod.io/v2/elsewhere" })],
    ["an answer that is no pod", json([])]
  ]
  it.effect.each(lost)("after %s is uncertain, and not sent again", ([, answer]) =>
    Effect.gen(function*() {
      const { client, seen } = yield* against(answer)
      const error = yield* passWhile(failureOf(client.createPod({ body: createBody })))
      assert.strictEqual(error.kind, "uncertain")
      const others: ReadonlyArray<Effect.Effect<unknown, AtlasError>> = [
        client.run({ endpointId: "e", body: { input: 1 } }),
        client.retryJob({ endpointId: "e", jobId: "j" }),
        client.createTemplate({ body: { name: "t", image: "i" } }),
        client.createNetworkVolume({ body: { name: "v", size: 10, dataCenter: "EU-RO-1" } })
      ]
      for (const other of others) assert.strictEqual((yield* passWhile(failureOf(other))).kind, "uncertain")
      assert.lengthOf(seen.filter(({ method }) => method === "POST"), 5)
    }))

  it.effect("sold out names the machine that was asked for", () =>
    Effect.gen(function*() {
      const detail = "There are no longer any instances available with the requested specifications."
      const { client } = yield* against(status(400, {}, { title: "Bad Request", status: 400, detail }))
      const { reason } = yield* failureOf(client.createPod({ body: createBody }))
      assert.strictEqual(reason._tag === "NoCapacity" && reason.candidate, "NVIDIA L4")
    }))

  it.effect("repeats no secret that was sent, however the refusal quotes it", () =>
    Effect.gen(function*() {
      const secrets = ["env-canary-1", "args canary 2", "password-canary-3", "input-canary-4", "hook-canary-5", "cmd-6"]
      const quoting = () => {
        const detail = `refused: ${secrets.join(" ")} ${key}`
        return status(422, {}, { title: "x", status: 422, detail, errors: [...secrets, key], env: { A: secrets[0] } })
      }
      const { client } = yield* against(quoting)
      const [env = "", args = "", password = "", input = "", hook = "", cmd = ""] = secrets
      const calls = [
        [[env, args], client.createPod({ body: { ...createBody, env: { A: env }, args } })],
        [[cmd], client.createPod({ body: { ...createBody, entrypoint: ["sh"], cmd: ["--key", cmd] } })],
        [[password], client.createRegistry({ body: { name: "r", username: "u", password } })],
        [
          [input, hook],
          client.run({
            endpointId: "e",
            body: { input: { prompt: input }, webhook: `https://x.example/?k=${hook}` }
          })
        ]
      ] as const
      for (const [sent, call] of calls) {
        const error = yield* Effect.flip(Effect.asVoid<unknown, AtlasError, never>(call))
        const printed = [String(error), inspect(error, { depth: 12 }), JSON.stringify(error)].join()
        for (const secret of [...sent, key]) assert.notInclude(printed, secret)
      }
    }))
})

describe("where the two APIs are", () => {
  const hosts = (seen: ReadonlyArray<{ readonly url: string }>) => seen.map(({ url }) => new URL(url).host)
  const both = (client: RunPodClient.RunPodClient["Service"], options = {}) =>
    Effect.andThen(
      Effect.ignore(client.getPod({ id: "p" }, options)),
      Effect.ignore(client.health({ endpointId: "e" }, options))
    )

  it.effect("each can be elsewhere on its own, by the layer, the environment and the call", () =>
    Effect.gen(function*() {
      const { provide, seen } = scripted(json(pod))
      const one = yield* provide(RunPodClient.make({ apiKey: key, baseUrl: "https://m.example/v2" }))
      yield* both(one)
      yield* both(one, { baseUrl: "https://call.example/v2" })
      yield* both(one, { options: { runtimeBaseUrl: "https://run.example/v2" } })
      const other = yield* provide(RunPodClient.make({ apiKey: key, runtimeBaseUrl: "https://r.example/v2" }))
      yield* both(other)
      const configured = yield* provide(
        client.use(Effect.succeed).pipe(
          Effect.provide(RunPodClient.layerConfig({ apiKey: key }))
        )
      ).pipe(
        Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({
          env: { RUNPOD_BASE_URL: "https://em.example/v2", RUNPOD_RUNTIME_BASE_URL: "https://er.example/v2" }
        })))
      )
      yield* both(configured)
      assert.deepStrictEqual(hosts(seen), [
        "m.example",
        "api.runpod.ai",
        "call.example",
        "api.runpod.ai",
        "m.example",
        "run.example",
        "api.runpod.io",
        "r.example",
        "em.example",
        "er.example"
      ])
      const issues = yield* issuesOf(one.health({ endpointId: "e" }, { options: { runtimeBaseUrl: 7 } }))
      assert.deepStrictEqual(issues.map(({ path }) => path), ["options.runtimeBaseUrl"])
    }))

  it.effect("a wrong one is named as it was written, and nothing is sent", () =>
    Effect.gen(function*() {
      const { provide, seen } = scripted(json(pod))
      const junk = yield* provide(RunPodClient.make({ apiKey: key, baseUrl: "junk", runtimeBaseUrl: "junk" }))
      const fine = yield* provide(RunPodClient.make({ apiKey: key }))
      const issues = yield* Effect.all([
        issuesOf(junk.getPod({ id: "p" })),
        issuesOf(junk.health({ endpointId: "e" })),
        issuesOf(fine.health({ endpointId: "e" }, { options: { runtimeBaseUrl: "junk" } }))
      ])
      assert.deepStrictEqual(issues.flat().map(({ path }) => path), ["baseUrl", "runtimeBaseUrl", "runtimeBaseUrl"])
      assert.lengthOf(seen, 0)
    }))
})

describe("every call of the table", () => {
  it.effect("answers over the fake of the cloud", () =>
    Effect.gen(function*() {
      const native = yield* client
      const made = yield* native.createPod({ body: createBody })
      yield* native.updatePod({ id: made.id, body: { name: "m" } })
      assert.strictEqual((yield* native.getPod({ id: made.id })).name, "m")
      const endpoint = yield* native.createEndpoint({
        body: {
          name: "e",
          type: "QUEUE",
          image: "i",
          gpu: { pools: ["ADA_24"] },
          scaling: { type: "QUEUE_DELAY", queueDelay: 4 }
        }
      })
      const { id: endpointId } = endpoint
      yield* native.updateEndpoint({ id: endpointId, body: { workers: { max: 1 } } })
      yield* native.listEndpointWorkers({ id: endpointId })
      const { id: jobId } = yield* native.run({ endpointId, body: { input: { a: 1 } } })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* native.getJob({ endpointId, jobId })).status, "COMPLETED")
      yield* native.streamJob({ endpointId, jobId })
      yield* native.health({ endpointId })
      yield* native.listJobs({ endpointId })
      yield* native.purgeQueue({ endpointId })
      yield* native.deleteEndpoint({ id: endpointId })
      yield* native.updateSshKeys({ body: { keys: ["ssh-ed25519 AAAA me"] } })
      assert.deepStrictEqual(yield* native.getSshKeys(), { keys: ["ssh-ed25519 AAAA me"] })
      const registry = yield* native.createRegistry({ body: { name: "r", username: "u", password: "p" } })
      assert.lengthOf((yield* native.listRegistries()).registries, 1)
      yield* native.getRegistry({ id: registry.id })
      yield* native.deleteRegistry({ id: registry.id })
      const volume = yield* native.createNetworkVolume({ body: { name: "v", size: 10, dataCenter: "EU-RO-1" } })
      yield* native.updateNetworkVolume({ id: volume.id, body: { size: 20 } })
      assert.strictEqual((yield* native.getNetworkVolume({ id: volume.id })).size, 20)
      yield* native.deleteNetworkVolume({ id: volume.id })
      yield* Effect.all([
        native.getGpuType({ id: "NVIDIA L4" }),
        native.listCpuTypes(),
        native.listDataCenters(),
        native.getDataCenter({ id: "EU-RO-1" }),
        native.listPublicTemplates(),
        native.listBilling(),
        native.listPodBilling({ query: { podId: made.id } }),
        native.listServerlessBilling(),
        native.listEndpointBilling(),
        native.listNetworkVolumeBilling(),
        native.listClusterBilling()
      ])
      yield* native.deletePod({ id: made.id })
      assert.lengthOf((yield* cloud.use(({ ledger }) => ledger)).live, 0)
    }).pipe(Effect.provide(layer())))

  it.effect("the layer configured from the environment reads the key there", () =>
    Effect.gen(function*() {
      const { seen, provide } = scripted(json(pod))
      yield* provide(
        client.use((native) => native.getPod({ id: "p" })).pipe(
          Effect.provide(Layer.provide(
            RunPodClient.layerConfig(),
            ConfigProvider.layer(ConfigProvider.fromEnv({ env: { RUNPOD_API_KEY: "from-env" } }))
          ))
        )
      )
      assert.strictEqual(seen[0]?.headers["authorization"], "Bearer from-env")
    }))

  it.effect("beside the RunPod provider it has the same key, address and limiter", () =>
    Effect.gen(function*() {
      const limited = () => json({}, { status: 429, headers: { "retry-after": "10" } })
      const { seen, provide } = scripted(limited, json(pod), json(pod))
      const runpod = RunPodClient.layerConfigWithRunPod().pipe(
        Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({
          env: { RUNPOD_API_KEY: "from-env", RUNPOD_BASE_URL: "https://m.example/v2" }
        })))
      )
      yield* provide(
        Effect.gen(function*() {
          const native = yield* client
          const provider = yield* Providers.Providers.use(({ get }) => get("runpod", "test"))
          const first = yield* Effect.forkChild(native.getPod({ id: "pod1" }))
          yield* TestClock.adjust("1 second")
          const second = yield* Effect.forkChild(provider.compute.get("pod1"))
          yield* TestClock.adjust("5 seconds")
          assert.lengthOf(seen, 1, "the second waits for what the first was told")
          yield* passWhile(Effect.all([Fiber.join(first), Fiber.join(second)]))
        }).pipe(Effect.provide(Layer.merge(Providers.layer(runpod), runpod)))
      )
      assert.deepStrictEqual(
        seen.map(({ headers, url }) => [url, headers["authorization"]]),
        Array.from({ length: 3 }, () => ["https://m.example/v2/pods/pod1", "Bearer from-env"])
      )
    }))
})
