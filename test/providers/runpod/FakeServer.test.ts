/** The fake over real sockets, as any HTTP client sees it. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import { createServer } from "node:http"
import * as FakeRunPod from "../../../src/providers/runpod/FakeRunPod.ts"
import { repeatUntil } from "../../support/until.ts"
import { at, headers, podBody, textAt } from "./fakeHarness.ts"

const layer = (options: FakeRunPod.Options = {}) =>
  FakeRunPod.layerServer.pipe(
    Layer.provideMerge(NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" })),
    Layer.provideMerge(FakeRunPod.layer({ provisioning: 0, starting: 0, coldStart: 0, ...options }))
  )

const base = HttpServer.addressFormattedWith((address) => Effect.succeed(`${address}/v2`))

const ask = (path: string, init: RequestInit = {}) =>
  Effect.flatMap(base, (url) => Effect.tryPromise((signal) => fetch(`${url}${path}`, { headers, signal, ...init })))

const post = (path: string, body: unknown) => ask(path, { method: "POST", body: JSON.stringify(body) })

const jsonOf = (response: Response): Effect.Effect<unknown> => Effect.promise(() => response.json())

const run = <A, E, R>(effect: Effect.Effect<A, E, R>, options?: FakeRunPod.Options) =>
  Effect.provide(effect, layer(options))

it.live("both APIs stand behind one address: a pod is rented, seen and deleted, a job is run", () =>
  run(
    Effect.gen(function*() {
      const created = yield* post("/pods", podBody("a"))
      assert.strictEqual(created.status, 201)
      assert.match(created.headers.get("ratelimit") ?? "", /"minute";r=\d+;t=\d+/)
      const id = textAt(yield* jsonOf(created), "id")
      assert.strictEqual(at(yield* jsonOf(yield* ask(`/pods/${id}`)), "status"), "RUNNING")
      assert.strictEqual((yield* ask(`/pods/${id}`, { method: "DELETE" })).status, 204)
      const job = yield* jsonOf(yield* post("/demo/runsync", { input: { fake: { ms: 1, stream: ["a"] } } }))
      assert.deepStrictEqual([at(job, "status"), at(job, "output")], ["COMPLETED", ["a"]])
    }),
    { endpoints: ["demo"] }
  ))

it.live("a problem is problem+json, and fetch under its own name is not let in", () =>
  run(Effect.gen(function*() {
    const wrong = yield* post("/pods", { nonsense: true })
    assert.strictEqual(wrong.status, 422)
    assert.strictEqual(wrong.headers.get("content-type"), "application/problem+json")
    const anonymous = yield* ask("/pods", { headers: { authorization: "Bearer x" } })
    assert.strictEqual(anonymous.status, 403)
    yield* Effect.promise(() => anonymous.text())
    yield* Effect.promise(() => wrong.text())
  })))

it.live("a lost answer is a connection that ends, and the pod is there", () =>
  run(Effect.gen(function*() {
    const controls = yield* FakeRunPod.FakeRunPodControls
    yield* controls.order({ _tag: "LoseAnswer", on: "createPod", acted: true })
    const error = yield* Effect.flip(post("/pods", podBody("a")))
    assert.match(String(error.cause), /fetch failed/)
    assert.lengthOf((yield* controls.ledger).live, 1)
  })))

it.live("a slow answer comes whole in the end, and a garbled one is not JSON", () =>
  run(Effect.gen(function*() {
    const controls = yield* FakeRunPod.FakeRunPodControls
    yield* controls.order({ _tag: "Drip", every: 1, bytes: 16 }, { _tag: "Garble" })
    assert.deepStrictEqual(at(yield* jsonOf(yield* ask("/pods")), "pods"), [])
    const garbled = yield* ask("/pods")
    assert.strictEqual(garbled.status, 200)
    const text = yield* Effect.promise(() => garbled.text())
    assert.throws(() => JSON.parse(text))
  })))

it.live("a log follows line by line, and a cut one ends in the middle", () =>
  run(Effect.gen(function*() {
    const controls = yield* FakeRunPod.FakeRunPodControls
    const id = textAt(yield* jsonOf(yield* post("/pods", podBody("a"))), "id")
    const response = yield* ask(`/pods/${id}/logs?source=container`)
    assert.strictEqual(response.headers.get("content-type"), "text/event-stream")
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    const until = (word: string) =>
      Effect.promise(async () => {
        for (let text = ""; !text.includes(word);) text += (await reader?.read())?.value ?? word
      })
    yield* until("open")
    yield* controls.writeLog(id, "first")
    yield* until("first")
    yield* controls.writeLog(id, "second")
    yield* until("second")
    yield* Effect.promise(async () => reader?.cancel())
    yield* controls.order({ _tag: "CutStream", on: "getPodLogs", lines: 1 })
    const cut = yield* ask(`/pods/${id}/logs`)
    const error = yield* Effect.flip(Effect.tryPromise(() => cut.text()))
    assert.match(String(error.cause), /terminated/)
  })))

it.live("a request that is never answered ends with its client", () =>
  run(Effect.gen(function*() {
    const controls = yield* FakeRunPod.FakeRunPodControls
    yield* controls.order({ _tag: "Hang", on: "listPods" })
    const hanging = yield* Effect.forkChild(ask("/pods"))
    yield* repeatUntil(controls.requests, (requests) => requests.length > 0)
    yield* Fiber.interrupt(hanging)
    assert.strictEqual((yield* ask("/pods")).status, 200)
  })))
