/**
 * What the native client only reads: single things, lists in pages, logs.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as RunPodClient from "../../../src/providers/RunPodClient.ts"
import { json, status } from "../../provider/http/harness.ts"
import { against, client, cloud, createBody, pod } from "./clientHarness.ts"
import { failureOf, key, layer, passWhile } from "./harness.ts"

describe("reads", () => {
  it.effect("are repeated after failures that pass", () =>
    Effect.gen(function*() {
      const { client, seen } = yield* against(status(503), "reset", json(pod))
      assert.strictEqual((yield* passWhile(client.getPod({ id: "pod1" }))).id, "pod1")
      assert.lengthOf(seen, 3)
    }))

  it.effect("a success of another shape is the provider's fault, and no defect", () =>
    Effect.gen(function*() {
      for (const body of [null, [], "pod", { pods: {} }, { pods: [null] }]) {
        const { client } = yield* against(json(body))
        assert.strictEqual((yield* failureOf(client.listAllPods())).kind, "provider")
      }
    }))
})

describe("a pod of a cluster", () => {
  it.effect("tells its rank, its role and its address there, as far as they are known", () =>
    Effect.gen(function*() {
      const clusters = [
        { id: "cluster_1", rank: 0, role: "SLURM_CONTROLLER", ip: "10.65.0.2" },
        { id: "cluster_1", rank: null }
      ]
      for (const cluster of clusters) {
        const { client } = yield* against(json({ ...pod, cluster }))
        assert.deepStrictEqual((yield* client.getPod({ id: "pod1" })).cluster, cluster)
      }
      const { client } = yield* against(json({ ...pod, cluster: { ...clusters[0], role: 7 } }))
      assert.deepStrictEqual((yield* client.getPod({ id: "pod1" })).cluster, {
        id: "cluster_1",
        rank: 0,
        ip: "10.65.0.2"
      })
    }))
})

describe("a list in pages", () => {
  const page = (ids: ReadonlyArray<string>, nextCursor: string | null, hasNextPage = nextCursor !== null) =>
    json({ pods: ids.map((id) => ({ ...pod, id })), pagination: { nextCursor, hasNextPage } })

  it.effect("is read to its end, however short its pages", () =>
    Effect.gen(function*() {
      const { client, seen } = yield* against(page(["a"], "1"), page([], "2"), page(["b", "c"], null))
      assert.deepStrictEqual((yield* client.listAllPods()).map(({ id }) => id), ["a", "b", "c"])
      assert.deepStrictEqual(seen.map(({ url }) => new URL(url).searchParams.get("cursor")), [null, "1", "2"])
    }))

  it.effect("fails as a whole: a page that fails, a cursor in a circle, no cursor to the next, pages without end", () =>
    Effect.gen(function*() {
      let next = 0
      const cases = [
        [page(["a"], "1"), status(404)],
        [page(["a"], "1"), page(["b"], "1")],
        [page(["a"], "1"), page(["b"], "2"), page(["c"], "1")],
        [page(["a"], null, true)],
        [page(["a"], "", true)],
        [() => page(["a"], String(next++))]
      ]
      const kinds = []
      for (const answers of cases) {
        const { client, seen } = yield* against(...answers)
        kinds.push((yield* failureOf(client.listAllPods())).kind, seen.length)
      }
      assert.deepStrictEqual(kinds, [
        "not_found",
        2,
        "provider",
        2,
        "provider",
        3,
        "provider",
        1,
        "provider",
        1,
        "provider",
        100
      ])
    }))

  it.effect.each<unknown>(["next", 5, { nextCursor: 7 }, { nextCursor: ["a"], hasNextPage: true }, {
    hasNextPage: "yes"
  }])(
    "a page that says in no readable way whether it is the last fails: %j",
    (pagination) =>
      Effect.gen(function*() {
        const { client } = yield* against(() => json({ pods: [{ id: "a" }], pagination }))
        const { reason } = yield* Effect.flip(client.listAllPods())
        assert.strictEqual(reason._tag, "ProviderFault")
        assert.include(reason.message, "pagination")
      })
  )

  it.effect("a time limit holds for all pages together", () =>
    Effect.gen(function*() {
      const { client } = yield* against(page(["a"], "1"), "hang")
      const listing = yield* Effect.forkChild(failureOf(client.listAllPods({ timeout: "5 seconds" })))
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* Fiber.join(listing)).kind, "timeout")
    }))

  it.effect("endpoints, templates and releases come in pages too", () =>
    Effect.gen(function*() {
      const native = yield* client
      yield* Effect.forEach(["a", "b", "c"], (name) => native.createTemplate({ body: { name, image: "i" } }))
      assert.lengthOf(yield* native.listAllTemplates(), 3)
      assert.deepStrictEqual((yield* native.listAllEndpoints()).map(({ id }) => id).toSorted(), ["e1", "e2", "e3"])
      assert.isAbove((yield* native.listAllEndpointReleases({ id: "e1" })).length, 0)
    }).pipe(Effect.provide(layer({ pageSize: 2, endpoints: ["e1", "e2", "e3"] }))))
})

describe("a native log", () => {
  const frame = (id: number, line = `line ${id}`) =>
    `id: ${id}\ndata: ${JSON.stringify({ source: "container", line, ts: "2026-08-06T17:43:01Z" })}\n\n`

  it.effect("goes on after the last line that came when a connection breaks or ends", () =>
    Effect.gen(function*() {
      const connections = [
        [frame(1), frame(2), "id: 3\ndata: {\"line\":"],
        // begins with the line it was to go on after
        [frame(2), "data: nonsense\n\n", frame(3)]
      ]
      const asked: Array<string | undefined> = []
      const client = yield* RunPodClient.make({ apiKey: key }).pipe(
        Effect.provideService(
          HttpClient.HttpClient,
          HttpClient.make((request) =>
            Effect.sync(() => {
              const frames = connections[asked.length] ?? []
              asked.push(request.headers["last-event-id"])
              return HttpClientResponse.fromWeb(request, new Response(frames.join("")))
            })
          )
        )
      )
      const lines = yield* passWhile(
        client.getPodLogs({ id: "pod1", query: { tail: 10 } }).pipe(Stream.take(3), Stream.runCollect)
      )
      assert.deepStrictEqual(lines.map(({ line }) => line), ["line 1", "line 2", "line 3"])
      assert.deepStrictEqual(asked, [undefined, "2"])
    }))

  it.effect("ends when nothing but failures come, and at once where there is nothing to read", () =>
    Effect.gen(function*() {
      const { client, seen } = yield* against("reset")
      const failed = (options?: object) =>
        passWhile(failureOf(Stream.runDrain(client.getPodLogs({ id: "p" }, options))))
      assert.strictEqual((yield* failed()).kind, "transport")
      assert.lengthOf(seen, 4)
      assert.strictEqual((yield* failed({ retries: 0 })).kind, "transport")
      assert.lengthOf(seen, 5)
      const { client: other, seen: asked } = yield* against(status(404))
      assert.strictEqual((yield* failureOf(Stream.runDrain(other.getPodLogs({ id: "p" })))).kind, "not_found")
      assert.lengthOf(asked, 1)
    }))

  it.effect("silence is no failure: it is opened again for as long as the stream is read, or the call allows", () =>
    Effect.gen(function*() {
      const native = yield* client
      const controls = yield* cloud
      const id = yield* controls.plantPod(createBody)
      yield* TestClock.adjust("5 seconds")
      const listening = yield* Effect.forkChild(
        native.getPodLogs({ id, query: { tail: 0, source: "container" } }).pipe(Stream.take(1), Stream.runCollect)
      )
      // an hour of silence, in which the connection is renewed every two minutes
      for (let minute = 0; minute < 60; minute++) {
        yield* TestClock.adjust("1 minute")
        yield* Effect.promise(() => new Promise<void>((resume) => setImmediate(resume)))
      }
      yield* controls.writeLog(id, "at last")
      const [line] = yield* passWhile(Fiber.join(listening))
      assert.strictEqual(line?.line, "at last")
      const error = yield* passWhile(
        failureOf(Stream.runDrain(native.getPodLogs({ id, query: { tail: 0 } }, { timeout: "1 minute" })))
      )
      assert.strictEqual(error.kind, "timeout")
    }).pipe(Effect.provide(layer())))
})
