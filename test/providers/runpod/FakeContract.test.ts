/**
 * The fake keeps RunPod's own contract: whatever it answers, and whatever a client may send it, validates against the
 * published document, with the few differences that live use has shown.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as FakeRunPod from "../../../src/providers/runpod/FakeRunPod.ts"
import { type Operation, type OperationName, operations } from "../../../src/providers/runpod/RunPodSchema.ts"
import { contract, exceptions, isThere, path } from "./contract.ts"
import { type Got, inProcess, podBody, runtime, send, type Sent, textAt } from "./fakeHarness.ts"

interface Exchange {
  readonly operation: OperationName
  readonly sent: Sent
  readonly got: Got
}

const decoderOf = (operation: OperationName) => {
  const call: Operation = operations[operation]
  return call.success === undefined ? null : Schema.decodeUnknownExit(call.success)
}

/** Everything a client of an account can do, and most of what can be refused. */
const tour = Effect.gen(function*() {
  const exchanges: Array<Exchange> = []
  const controls = yield* FakeRunPod.FakeRunPodControls
  const call = (
    operation: OperationName,
    params: Readonly<Record<string, string>> = {},
    sent: Sent = {},
    query = ""
  ) =>
    Effect.gen(function*() {
      const { method, path: template, plane } = operations[operation]
      const filled = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ""))
      const got = yield* send(method, `${plane === "runtime" ? runtime : ""}${filled}${query}`, sent)
      exchanges.push({ operation, sent, got })
      return got
    })

  yield* call("getSshKeys")
  yield* call("updateSshKeys", {}, { body: { keys: ["ssh-ed25519 AAAA me"] } })
  yield* call("updateSshKeys", {}, { body: { keys: ["nonsense"] } })

  const template = yield* call("createTemplate", {}, { body: { name: "t", image: "test/image", ports: ["22/tcp"] } })
  const templateId = { id: textAt(template.json, "id") }
  yield* call("getTemplate", templateId)
  yield* call("updateTemplate", templateId, {
    body: { env: { A: "1" }, mounts: { persistent: { size: 20, path: "/w" } } }
  })
  yield* call("listTemplates")
  const serverless = yield* call("createTemplate", {}, {
    body: { name: "s", image: "test/worker", serverless: true, category: "AMD", allowedCudaVersions: ["12.8"] }
  })

  const volume = yield* call("createNetworkVolume", {}, { body: { name: "v", size: 100, dataCenter: "EU-RO-1" } })
  const volumeId = { id: textAt(volume.json, "id") }
  yield* call("createNetworkVolume", {}, { body: { name: "v", size: 100, dataCenter: "AP-JP-1" } })
  yield* call("getNetworkVolume", volumeId)
  yield* call("updateNetworkVolume", volumeId, { body: { size: 200 } })
  yield* call("updateNetworkVolume", volumeId, { body: { size: 100 } })
  yield* call("listNetworkVolumes")

  const registry = yield* call("createRegistry", {}, { body: { name: "r", username: "u", password: "p" } })
  const registryId = { id: textAt(registry.json, "id") }
  yield* call("getRegistry", registryId)
  yield* call("listRegistries")

  const pod = yield* call("createPod", {}, {
    body: podBody("gpu", {
      env: { A: "1" },
      registry: registryId.id,
      mounts: { network: [{ volumeId: volumeId.id, path: "/workspace" }] },
      gpu: { id: "NVIDIA L4", count: 2, minCudaVersion: "12.8", minRamPerGpu: 8 },
      startSsh: true,
      globalNetworking: true
    })
  })
  const podId = { id: textAt(pod.json, "id") }
  const cpu = yield* call("createPod", {}, {
    body: {
      name: "cpu",
      image: "i",
      disk: 10,
      cpu: { id: "cpu5c", vcpuCount: 4 },
      entrypoint: ["sh"],
      cmd: ["-c", "x"]
    }
  })
  yield* call("createPod", {}, { body: podBody("own disk", { mounts: { persistent: { size: 20, path: "/w" } } }) })
  yield* call("createPod", {}, {
    body: { name: "of a template", templateId: templateId.id, cpu: { id: "cpu3g", vcpuCount: 2 } }
  })
  yield* call("createPod", {}, { body: { nonsense: 1 } })
  yield* call("createPod", {}, { body: "not JSON" })
  yield* call("createPod", {}, { body: podBody("no such", { gpu: { id: "none", count: 1 } }) })
  yield* call("createPod", {}, { body: podBody("no template", { templateId: "none" }) })
  yield* controls.setStock("NVIDIA L40", "NONE")
  yield* call("createPod", {}, { body: podBody("full", { gpu: { id: "NVIDIA L40", count: 1 } }) })
  yield* controls.setBalance(false)
  yield* call("createPod", {}, { body: podBody("poor") })
  yield* controls.setBalance(true)
  yield* call("getPod", podId)
  yield* call("podAction", podId, { body: { action: "restart" } })
  yield* TestClock.adjust("2 seconds")
  yield* call("getPod", podId)
  yield* call("getPod", { id: "none" })
  yield* call("listPods", {}, {}, "?limit=2")
  yield* call("listPods", {}, {}, "?cursor=nonsense")
  yield* call("updatePod", podId, { body: { name: "other", env: {}, ports: ["80/http"], locked: true } })
  yield* call("updatePod", podId, { body: { mounts: { network: [] } } })
  yield* call("podAction", podId, { body: { action: "stop" } })
  yield* call("updatePod", podId, { body: { locked: false } })
  for (const action of ["stop", "start", "restart", "reset"]) yield* call("podAction", podId, { body: { action } })
  yield* TestClock.adjust("3 hours")
  yield* call("listPods")
  yield* call("podAction", { id: textAt(cpu.json, "id") }, { body: { action: "terminate" } })

  const endpoint = yield* call("createEndpoint", {}, {
    body: {
      name: "e",
      type: "QUEUE",
      scaling: { type: "QUEUE_DELAY", queueDelay: 1 },
      templateId: textAt(serverless.json, "id"),
      gpu: { pools: ["ADA_24"], excludedTypes: ["NVIDIA L4"] },
      workers: { min: 1, max: 2 },
      networkVolumes: [volumeId.id]
    }
  })
  const endpointId = { id: textAt(endpoint.json, "id") }
  const balanced = yield* call("createEndpoint", {}, {
    body: {
      name: "lb",
      type: "LOAD_BALANCER",
      image: "i",
      scaling: { type: "REQUEST_COUNT", requestCount: 4 },
      cpu: [{ id: "cpu3c", vcpuCount: 2 }]
    }
  })
  yield* call("createEndpoint", {}, { body: { name: "e", type: "QUEUE" } })
  yield* call("getEndpoint", { id: textAt(balanced.json, "id") })
  yield* call("getEndpoint", endpointId)
  yield* call("updateEndpoint", endpointId, { body: { image: "test/worker:2", gpu: { pools: ["AMPERE_24"] } } })
  yield* call("updateEndpoint", endpointId, { body: { gpu: { excludedTypes: [] } } })
  yield* call("listEndpoints")
  yield* call("listEndpointWorkers", endpointId)
  yield* TestClock.adjust("2 seconds")
  yield* call("listEndpointWorkers", endpointId)
  yield* call("listEndpointReleases", endpointId)

  const job = yield* call("run", { endpointId: endpointId.id }, { body: { input: { a: 1 } } })
  const jobId = { endpointId: endpointId.id, jobId: textAt(job.json, "id") }
  yield* call("getJob", jobId)
  yield* call("retryJob", jobId)
  yield* call("cancelJob", jobId)
  yield* call("streamJob", jobId)
  yield* call("getJob", { ...jobId, jobId: "none" })
  yield* call("run", { endpointId: endpointId.id }, { body: {} })
  yield* call("purgeQueue", jobId)
  yield* call("health", jobId)
  yield* call("listJobs", jobId)

  const gpus = "?include=AVAILABILITY&product=POD&cloud=SECURE"
  yield* call("listGpuTypes")
  yield* call("listGpuTypes", {}, {}, gpus)
  yield* call("listGpuTypes", {}, {}, "?include=AVAILABILITY")
  yield* call("listGpuTypes", {}, {}, `${gpus}&countryCodes=RO&minCudaVersion=12.8`)
  yield* call("getGpuType", { id: "NVIDIA L40" }, {}, gpus)
  yield* call("getGpuType", { id: "none" })
  yield* call("listCpuTypes", {}, {}, "?include=AVAILABILITY&product=POD&vcpuCount=4")
  yield* call("getCpuType", { id: "cpu5c" })
  yield* call("listDataCenters", {}, {}, "?include=GPU_AVAILABILITY,CPU_AVAILABILITY&regions=EUROPE&compliance=GDPR")
  yield* call("getDataCenter", { id: "EU-RO-1" }, {}, "?include=GPU_AVAILABILITY")
  yield* call("listPublicTemplates")

  yield* call("listBilling", {}, {}, "?bucketSize=month")
  yield* call("listPodBilling", {}, {}, `?bucketSize=hour&podId=${podId.id}`)
  yield* call("listServerlessBilling", {}, {}, "?lastN=3")
  yield* call("listEndpointBilling")
  yield* call("listNetworkVolumeBilling", {}, {}, "?bucketSize=week")
  yield* call("listClusterBilling", {}, {}, "?bucketSize=year&lastN=2")
  yield* call("listBilling", {}, {}, "?bucketSize=minute")

  // logs never end by themselves
  yield* controls.order({ _tag: "Refuse", on: "getPodLogs", status: 500 }, {
    _tag: "Refuse",
    on: "getWorkerLogs",
    status: 404
  })
  yield* call("getPodLogs", podId)
  yield* call("getWorkerLogs", { ...endpointId, workerId: "none" })

  yield* call("deleteEndpoint", endpointId)
  yield* call("deletePod", podId)
  yield* call("deletePod", podId)
  yield* call("deleteNetworkVolume", volumeId)
  yield* call("deleteTemplate", templateId)
  yield* call("deleteRegistry", registryId)

  yield* controls.setAccess("revoked")
  yield* call("listPods")
  yield* controls.setAccess("read")
  yield* call("deletePod", podId)
  yield* controls.setAccess("all")
  yield* controls.order({ _tag: "Refuse", on: "listPods", status: 429, retryAfter: 3 })
  yield* call("listPods")
  return exchanges
})

const isSuccess = ({ status }: Got): boolean => status >= 200 && status < 300

describe.skipIf(!isThere)(`the fake against RunPod's document (skipped without ${path})`, () => {
  it.effect("every answer validates, every accepted request does, and every call is there or excused", () =>
    Effect.gen(function*() {
      const { answer, calls, request } = contract()
      const exchanges = yield* tour
      const wrong: Array<string> = []
      let answers = 0
      let requests = 0
      for (const { got, operation, sent } of exchanges) {
        const documented = calls.find(({ id }) => id === operation)
        if (documented === undefined) continue
        const { method, template } = documented
        answers += 1
        const answered = answer(template, method, got)
        if (answered !== null) wrong.push(`${operation} answers ${got.status}: ${answered}\n${got.text}`)
        if (sent.body === undefined) continue
        requests += 1
        const asked = request(template, method, sent.body)
        if (isSuccess(got) && asked !== null) wrong.push(`${operation} accepts what it should not: ${asked}`)
        if (got.status === 422 && asked === null && !/template|type/.test(got.text)) {
          wrong.push(`${operation} refuses what the contract allows: ${got.text}`)
        }
      }
      assert.deepStrictEqual(wrong, [])
      const made = new Set<string>(exchanges.map(({ operation }) => operation))
      assert.deepStrictEqual(
        calls.map(({ id }) => id).filter((id) => !made.has(id)).toSorted(),
        Object.keys(exceptions).toSorted()
      )
      const covered = calls.filter(({ id }) => made.has(id)).length
      console.log(
        `RunPod's document: ${covered} of ${calls.length} calls, ${requests} requests and ${answers} answers validated`
      )
    }).pipe(Effect.provide(inProcess())))

  it.effect("paths and methods of every call are the document's own", () =>
    Effect.sync(() => {
      const { calls } = contract()
      const ours = Object.entries(operations).filter(([, { plane }]) => plane === "management")
      assert.deepStrictEqual(
        ours.map(([id, { method, path }]) => `${id}: ${method} /v2${path}`).toSorted(),
        calls.filter(({ id }) => !(id in exceptions)).map(({ id, method, template }) =>
          `${id}: ${method.toUpperCase()} ${template}`
        ).toSorted()
      )
    }))
})

it.effect("our own schemas read every success of the fake, and every call of both APIs is made once", () =>
  Effect.gen(function*() {
    const exchanges = yield* tour
    for (const { got, operation } of exchanges.filter(({ got }) => isSuccess(got) && got.text !== "")) {
      assert.strictEqual(decoderOf(operation)?.(got.json)._tag, "Success", `${operation}: ${got.text}`)
    }
    const made = new Set<string>(exchanges.map(({ operation }) => operation))
    assert.deepStrictEqual(Object.keys(operations).filter((name) => !made.has(name) && name !== "runSync"), [])
  }).pipe(Effect.provide(inProcess())))
