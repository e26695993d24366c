/**
 * What a pod's log tells beside its lines: whose words they are, when the container starts, and that none is told twice.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { RunPod } from "../../../src/providers/RunPod.ts"
import { FakeRunPodControls as cloud } from "../../../src/providers/runpod/FakeRunPodControls.ts"
import * as RunPodClient from "../../../src/providers/RunPodClient.ts"
import { key, layer, passWhile } from "./harness.ts"

describe("the log of a pod", () => {
  it.effect("tells the container's words from the platform's, and each start of the container", () =>
    Effect.gen(function*() {
      const { compute, logs } = yield* RunPod
      const { id } = yield* compute.spawn({ image: "me/job", gpu: "h100" })
      yield* TestClock.adjust("5 seconds")
      const write = (line: string, source?: "system") => cloud.use(({ writeLog }) => writeLog(id, line, source))
      yield* write("start container is what I do\r")
      yield* write("start container for me/job: begin", "system")
      yield* write("start container for me/job: end", "system")
      const lines = yield* passWhile(Stream.runCollect(logs.stream(id)))
      assert.deepStrictEqual(lines.map(({ isOutput, starts, text }) => [text, isOutput, starts === true]), [
        ["create container me/job", false, false],
        ["start container for me/job: begin", false, true],
        ["start container is what I do", true, false],
        ["start container for me/job: begin", false, true],
        ["start container for me/job: end", false, false]
      ])
    }).pipe(Effect.provide(layer())))

  it.effect("has no line twice where a server begins anew with every connection, and none less", () =>
    Effect.gen(function*() {
      const frame = (id: number, line: string) =>
        `id: ${id}\ndata: ${JSON.stringify({ source: "container", line, ts: "2026-08-06T17:43:01Z" })}\n\n`
      const first = [frame(1, "a"), frame(2, "a"), frame(3, "b")]
      const connections = [first, [...first, frame(4, "a")], [...first, frame(4, "a"), frame(5, "a")]]
      let asked = 0
      const client = yield* RunPodClient.make({ apiKey: key }).pipe(
        Effect.provideService(
          HttpClient.HttpClient,
          HttpClient.make((request) =>
            Effect.sync(() => {
              const frames = connections[asked] ?? []
              asked += 1
              return HttpClientResponse.fromWeb(request, new Response(frames.join("")))
            })
          )
        )
      )
      const lines = yield* passWhile(client.getPodLogs({ id: "pod1" }).pipe(Stream.take(5), Stream.runCollect))
      assert.deepStrictEqual(lines.map(({ id, line }) => `${id} ${line}`), ["1 a", "2 a", "3 b", "4 a", "5 a"])
    }))
})
