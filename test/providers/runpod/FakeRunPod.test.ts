import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Random from "effect/Random"
import * as TestClock from "effect/testing/TestClock"
import * as Entropy from "../../../src/domain/Entropy.ts"
import * as FakeRunPod from "../../../src/providers/runpod/FakeRunPod.ts"
import { at, headers, inProcess, listAt, podBody, send, textAt } from "./fakeHarness.ts"

const create = (name: string, more: object = {}) =>
  Effect.map(send("POST", "/pods", { body: podBody(name, more) }), (got) => {
    assert.strictEqual(got.status, 201, got.text)
    return textAt(got.json, "id")
  })

const read = (id: string) => Effect.map(send("GET", `/pods/${id}`), ({ json }) => json)

const statusOf = (id: string) => Effect.map(read(id), (pod) => textAt(pod, "status"))

const act = (id: string, action: string) => send("POST", `/pods/${id}/action`, { body: { action } })

const namesIn = (json: unknown) => listAt(json, "pods").map((pod) => textAt(pod, "name"))

describe("a pod", () => {
  it.effect("goes from PROVISIONING over STARTING to RUNNING as the clock moves", () =>
    Effect.gen(function*() {
      const id = yield* create("a")
      const seen = [yield* statusOf(id)]
      yield* TestClock.adjust("1 second")
      seen.push(yield* statusOf(id))
      assert.isNull(at(yield* read(id), "runtime"))
      yield* TestClock.adjust("1 second")
      seen.push(yield* statusOf(id))
      assert.deepStrictEqual(seen, ["PROVISIONING", "STARTING", "RUNNING"])
    }).pipe(Effect.provide(inProcess())))

  it.effect("shows its outside port only so long after it is running, and another one after a stop and a start", () =>
    Effect.gen(function*() {
      const id = yield* create("a")
      const outside = Effect.map(read(id), (pod) => at(pod, "runtime", "ports", 0, "public"))
      yield* TestClock.adjust("2 seconds")
      assert.isUndefined(yield* outside)
      yield* TestClock.adjust("3 seconds")
      const pod = yield* read(id)
      const first = at(pod, "runtime", "ports", 0)
      assert.strictEqual(at(first, "private"), 22)
      assert.strictEqual(at(pod, "ssh", "direct", "port"), at(first, "public"))
      assert.strictEqual((yield* act(id, "stop")).status, 200)
      assert.strictEqual(yield* statusOf(id), "EXITED")
      assert.strictEqual((yield* act(id, "start")).status, 200)
      assert.strictEqual(yield* statusOf(id), "STARTING")
      yield* TestClock.adjust("5 seconds")
      assert.notStrictEqual(yield* outside, at(first, "public"))
    }).pipe(Effect.provide(inProcess({ portsLag: "3 seconds" }))))

  it.effect("allows only the actions its status has: 409 otherwise, 422 for one that does not exist", () =>
    Effect.gen(function*() {
      const id = yield* create("a")
      assert.strictEqual((yield* act(id, "restart")).status, 409)
      assert.strictEqual((yield* act(id, "start")).status, 409)
      assert.strictEqual((yield* act(id, "reset")).status, 422)
      assert.strictEqual((yield* act(id, "terminate")).status, 204)
      assert.strictEqual((yield* act(id, "terminate")).status, 404)
    }).pipe(Effect.provide(inProcess())))

  it.effect("is gone once it is deleted, and may be listed as TERMINATED for a while", () =>
    Effect.gen(function*() {
      const id = yield* create("a")
      assert.strictEqual((yield* send("DELETE", `/pods/${id}`)).status, 204)
      const gone = yield* send("GET", `/pods/${id}`)
      assert.strictEqual(gone.status, 404)
      assert.strictEqual(at(gone.json, "detail"), "pod not found")
      const list = send("GET", "/pods")
      assert.deepStrictEqual(listAt((yield* list).json, "pods").map((pod) => at(pod, "status")), ["TERMINATED"])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(listAt((yield* list).json, "pods"), [])
    }).pipe(Effect.provide(inProcess({ lingering: "30 seconds" }))))

  it.effect("takes from its template what its body leaves out, and merges the environment", () =>
    Effect.gen(function*() {
      const template = yield* send("POST", "/templates", {
        body: { name: "t", image: "of/template", disk: 33, env: { A: "template", B: "template" } }
      })
      const got = yield* send("POST", "/pods", {
        body: {
          name: "a",
          templateId: textAt(template.json, "id"),
          gpu: { id: "NVIDIA L4", count: 1 },
          env: { B: "body" }
        }
      })
      assert.strictEqual(at(got.json, "image"), "of/template")
      assert.strictEqual(at(got.json, "disk"), 33)
      assert.deepStrictEqual(at(got.json, "env"), { A: "template", B: "body" })
      assert.isNull(at(got.json, "template"))
    }).pipe(Effect.provide(inProcess())))

  it.effect("answers behind its HTTP proxy as soon as it runs, at the ports it exposes", () =>
    Effect.gen(function*() {
      const id = yield* create("a")
      const probe = (port: number) =>
        Effect.map(HttpClient.get(`https://${id}-${port}.proxy.runpod.net/`), ({ status }) => status)
      assert.strictEqual(yield* probe(8000), 502)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* probe(8000), 200)
      assert.strictEqual(yield* probe(9000), 502)
    }).pipe(Effect.provide(inProcess())))
})

describe("a create is refused", () => {
  const refusals: ReadonlyArray<readonly [string, object, number, RegExp]> = [
    ["an unknown field", { gpus: 1 }, 422, /additional properties 'gpus' not allowed/],
    ["an unknown field further in", { gpu: { id: "x", spot: true } }, 422, /\$\.gpu: additional properties 'spot'/],
    ["an empty name", { name: "" }, 422, /\$\.name/],
    ["no image", { image: undefined }, 422, /missing property 'image'/],
    ["both gpu and cpu", { cpu: { id: "cpu5c", vcpuCount: 2 } }, 400, /exactly one of gpu and cpu/],
    ["no disk, as in live use", { disk: undefined }, 400, /disk/],
    ["no count, as in live use", { gpu: { id: "NVIDIA L4" } }, 400, /no longer any instances/],
    [
      "both kinds of storage",
      {
        mounts: { persistent: { size: 10, path: "/a" }, network: [{ volumeId: "v", path: "/b" }] }
      },
      400,
      /mounts/
    ],
    ["a port of another kind", { ports: ["53/udp"] }, 400, /53\/udp/],
    ["a data center with nothing to offer", { dataCenterIds: ["MARS-1"] }, 400, /no longer any instances/],
    ["an unknown template", { templateId: "none" }, 404, /template not found/],
    ["an unknown volume", { mounts: { network: [{ volumeId: "none", path: "/w" }] } }, 404, /network volume/],
    [
      "two CUDA rules",
      {
        gpu: { id: "NVIDIA L4", count: 1, minCudaVersion: "12.4", allowedCudaVersions: ["12.8"] }
      },
      400,
      /minCudaVersion/
    ],
    ["a body of more than 102,400 bytes", { env: { A: "x".repeat(102_400) } }, 413, /102400/]
  ]

  it.effect.each(refusals)("for %s", ([_, more, status, words]) =>
    Effect.gen(function*() {
      const controls = yield* FakeRunPod.FakeRunPodControls
      const got = yield* send("POST", "/pods", { body: podBody("a", more) })
      assert.strictEqual(got.status, status, got.text)
      assert.match(got.text, words)
      assert.strictEqual(got.headers["content-type"], "application/problem+json")
      assert.lengthOf((yield* controls.ledger).made, 0)
    }).pipe(Effect.provide(inProcess())))
})

describe("which requests are admitted", () => {
  it.effect("no request without a key, and none with a library's default User-Agent", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* send("GET", "/pods", { headers: { "user-agent": "t/1" } })).status, 401)
      for (const agent of ["", "node", "undici", "axios/1.7.2", "python-requests/2.32"]) {
        const got = yield* send("GET", "/pods", { headers: { ...headers, "user-agent": agent } })
        assert.strictEqual(got.status, 403, agent)
        assert.strictEqual(got.text, "error code: 1010")
      }
      assert.strictEqual((yield* send("GET", "/pods")).status, 200)
    }).pipe(Effect.provide(inProcess())))

  it.effect("a key that only reads, one without rights, and one that was revoked", () =>
    Effect.gen(function*() {
      const controls = yield* FakeRunPod.FakeRunPodControls
      const both = Effect.all([
        Effect.map(send("GET", "/pods"), ({ status }) => status),
        Effect.map(send("POST", "/pods", { body: podBody("a") }), ({ status }) => status)
      ])
      yield* controls.setAccess("read")
      assert.deepStrictEqual(yield* both, [200, 403])
      yield* controls.setAccess("none")
      assert.deepStrictEqual(yield* both, [403, 403])
      yield* controls.setAccess("revoked")
      assert.deepStrictEqual(yield* both, [401, 401])
    }).pipe(Effect.provide(inProcess())))

  it.effect("no host but RunPod's own", () =>
    Effect.gen(function*() {
      for (
        const url of ["https://example.com/v2/pods", "http://api.runpod.io/v2/pods", "https://api.runpod.io:444/v2"]
      ) {
        const error = yield* Effect.flip(HttpClient.get(url))
        assert.match(String(at(error, "reason", "cause", "cause")), /ENOTFOUND/, url)
      }
      const runtimeOnly = yield* send("GET", "https://api.runpod.ai/v2/pods")
      assert.strictEqual(runtimeOnly.status, 404)
    }).pipe(Effect.provide(inProcess())))

  it.effect("an unknown path is 404, and a wrong method says which would be right", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* send("GET", "/tags")).status, 404)
      const got = yield* send("PUT", "/pods")
      assert.strictEqual(got.status, 405)
      assert.strictEqual(got.headers["allow"], "GET, POST")
    }).pipe(Effect.provide(inProcess())))
})

describe("quotas", () => {
  it.effect("are told on every answer, run out, and come back with the next window", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(Date.UTC(2026, 10, 20, 9, 0, 18))
      const list = send("GET", "/pods")
      const first = yield* list
      assert.strictEqual(first.headers["ratelimit-policy"], "\"minute\";q=2;w=60")
      assert.strictEqual(first.headers["ratelimit"], "\"minute\";r=1;t=42")
      yield* list
      const third = yield* list
      assert.strictEqual(third.status, 429)
      assert.strictEqual(third.headers["retry-after"], "42")
      assert.strictEqual(at(third.json, "detail"), "rate limit exceeded for the minute window")
      yield* TestClock.adjust("42 seconds")
      assert.strictEqual((yield* list).status, 200)
    }).pipe(Effect.provide(inProcess({ quotas: [{ name: "minute", quota: 2, window: 60 }] }))))

  it.effect("are not mentioned to a caller without any", () =>
    Effect.gen(function*() {
      const got = yield* send("GET", "/pods")
      assert.notProperty(got.headers, "ratelimit")
    }).pipe(Effect.provide(inProcess({ quotas: null }))))
})

describe("lists", () => {
  it.effect("come in pages, newest first, and a pod made meanwhile moves nothing", () =>
    Effect.gen(function*() {
      for (const name of ["a", "b", "c"]) yield* create(name)
      const first = yield* send("GET", "/pods?limit=2")
      assert.deepStrictEqual(namesIn(first.json), ["c", "b"])
      yield* create("d")
      const cursor = textAt(first.json, "pagination", "nextCursor")
      const second = yield* send("GET", `/pods?limit=2&cursor=${encodeURIComponent(cursor)}`)
      assert.deepStrictEqual(namesIn(second.json), ["a"])
      assert.deepStrictEqual(at(second.json, "pagination"), { nextCursor: null, hasNextPage: false })
    }).pipe(Effect.provide(inProcess())))

  it.effect("refuse a cursor of another list, nonsense, and a limit out of bounds", () =>
    Effect.gen(function*() {
      yield* create("a")
      yield* create("b")
      const cursor = textAt((yield* send("GET", "/pods?limit=1")).json, "pagination", "nextCursor")
      for (const path of [`/templates?cursor=${cursor}`, "/pods?cursor=x", "/pods?limit=0", "/pods?limit=1001"]) {
        assert.strictEqual((yield* send("GET", path)).status, 422, path)
      }
    }).pipe(Effect.provide(inProcess())))

  it.effect("ignore what they do not know in a query, and need no pages where the API had none", () =>
    Effect.gen(function*() {
      yield* create("a")
      const got = yield* send("GET", "/pods?name=other")
      assert.deepStrictEqual(namesIn(got.json), ["a"])
      assert.isUndefined(at(got.json, "pagination"))
    }).pipe(Effect.provide(inProcess({ paginates: false }))))
})

describe("money", () => {
  it.effect("the ledger counts GPU time and disks, stopped or not, until the pod ends", () =>
    Effect.gen(function*() {
      const controls = yield* FakeRunPod.FakeRunPodControls
      const id = yield* create("a", { disk: 72, mounts: { persistent: { size: 720, path: "/w" } } })
      yield* TestClock.adjust("2 hours")
      // an hour: 0.74 for the GPU, 72 GB at 0.10 and 720 GB at 0.10 a month of 720 hours
      const running = 2 * (0.74 + 0.01 + 0.1)
      assert.closeTo((yield* controls.ledger).dollars, running, 1e-9)
      yield* act(id, "stop")
      assert.strictEqual(at(yield* read(id), "cost"), 0)
      yield* TestClock.adjust("1 hour")
      assert.closeTo((yield* controls.ledger).dollars, running + 0.2, 1e-9)
      yield* send("DELETE", `/pods/${id}`)
      yield* TestClock.adjust("10 hours")
      const { dollars, live, made } = yield* controls.ledger
      assert.closeTo(dollars, running + 0.2, 1e-9)
      assert.deepStrictEqual([live.length, made.length, made[0]?.status], [0, 1, "TERMINATED"])
    }).pipe(Effect.provide(inProcess())))

  it.effect("the bill agrees with the ledger, cut into hours, and filters by pod", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(Date.UTC(2026, 10, 20, 9, 30))
      const controls = yield* FakeRunPod.FakeRunPodControls
      const id = yield* create("a")
      yield* create("b")
      yield* TestClock.adjust("90 minutes")
      const bill = yield* send("GET", `/billing/pods?bucketSize=hour&lastN=3&podId=${id}`)
      assert.deepStrictEqual(listAt(bill.json, "records").map((record) => at(record, "startTime")), [
        "2026-11-20T09:00:00.000Z",
        "2026-11-20T10:00:00.000Z"
      ])
      assert.closeTo(Number(at(bill.json, "metadata", "totals", "gpuAmount")), 1.5 * 0.74, 1e-9)
      const account = yield* send("GET", "/billing")
      const { dollars } = yield* controls.ledger
      assert.closeTo(Number(at(account.json, "metadata", "totals", "totalAmount")), dollars, 1e-9)
    }).pipe(Effect.provide(inProcess())))
})

describe("the catalog", () => {
  it.effect("asks for the product with availability, and for availability with anything else", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* send("GET", "/catalog/gpus?include=AVAILABILITY")).status, 400)
      assert.strictEqual((yield* send("GET", "/catalog/gpus?product=POD")).status, 400)
      const plain = yield* send("GET", "/catalog/gpus")
      assert.isUndefined(at(plain.json, "gpus", 0, "availability"))
    }).pipe(Effect.provide(inProcess())))

  it.effect("shows what a create would find, in one cloud at a time", () =>
    Effect.gen(function*() {
      const controls = yield* FakeRunPod.FakeRunPodControls
      yield* controls.setStock("NVIDIA L4", "NONE", { cloud: "SECURE" })
      const look = (cloud: string) =>
        Effect.map(
          send("GET", `/catalog/gpus/NVIDIA%20L4?include=AVAILABILITY&product=POD&cloud=${cloud}`),
          ({ json }) => json
        )
      assert.strictEqual(at(yield* look("SECURE"), "availability"), "NONE")
      assert.isUndefined(at(yield* look("SECURE"), "dataCenters"))
      assert.strictEqual(at(yield* look("COMMUNITY"), "availability"), "HIGH")
      const gpu = { id: "NVIDIA L4", count: 1 }
      assert.strictEqual((yield* send("POST", "/pods", { body: podBody("a", { gpu }) })).status, 400)
      assert.strictEqual(
        (yield* send("POST", "/pods", { body: podBody("a", { gpu, cloud: "COMMUNITY" }) })).status,
        201
      )
    }).pipe(Effect.provide(inProcess())))

  it.effect("has the placeholder `unknown`, and AMD without CUDA versions", () =>
    Effect.gen(function*() {
      const got = yield* send("GET", "/catalog/gpus?include=AVAILABILITY&product=POD")
      const gpus = listAt(got.json, "gpus")
      const named = (id: string) => gpus.find((gpu) => at(gpu, "id") === id)
      assert.strictEqual(at(named("unknown"), "memory"), 0)
      assert.isUndefined(at(named("AMD Instinct MI300X OAM"), "cudaVersions"))
      assert.strictEqual(at(named("AMD Instinct MI300X OAM"), "availability"), "HIGH")
    }).pipe(Effect.provide(inProcess())))
})

it.effect("a seed and a moved clock repeat a run to the letter", () => {
  const run = Effect.gen(function*() {
    const said = [yield* send("POST", "/pods", { body: podBody("a") })]
    yield* TestClock.adjust("5 seconds")
    said.push(yield* send("GET", "/pods"))
    said.push(yield* send("POST", "https://api.runpod.ai/v2/demo/run", { body: { input: 1 } }))
    return said.map(({ text }) => text)
  }).pipe(
    Effect.provide(inProcess({ endpoints: ["demo"] }), { local: true }),
    Effect.provide(Entropy.layerPredictable)
  )
  const seeded = (seed: string) => Effect.andThen(TestClock.setTime(0), Random.withSeed(run, seed))
  return Effect.gen(function*() {
    const first = yield* seeded("7")
    assert.deepStrictEqual(yield* seeded("7"), first)
    assert.notDeepEqual(yield* seeded("8"), first)
  })
})
