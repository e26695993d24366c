/** Answers that come bit by bit: sent once, ended by silence, by the call's limit or by their reader. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { CallOptions } from "../../../src/provider/Call.ts"
import type { Options } from "../../../src/provider/ProviderHttp.ts"
import { untilSo } from "../../support/until.ts"
import {
  acme,
  assertNoCanary,
  call,
  canaryKey,
  input,
  printed,
  recorded,
  type Script,
  scripted,
  serve,
  status,
  transports
} from "./harness.ts"

const route = {
  operation: "followLogs",
  method: "GET",
  path: "/boxes/{id}/logs",
  headers: { accept: "text/event-stream" }
} as const

const open = (options: Partial<Options> = {}, callOptions: CallOptions = {}) =>
  Effect.map(acme(options), ({ http }) => http.stream(route)({ ...input, query: { tail: 5 } }, call(callOptions)))

const text = <E, R>(stream: Stream.Stream<Uint8Array, E, R>) => Stream.mkString(Stream.decodeText(stream))

/** A body that says these things and then, unless it is over, nothing more. */
const saying = (parts: ReadonlyArray<string>, isOver = false): Response =>
  new Response(
    new ReadableStream({
      start: (controller) => {
        for (const part of parts) controller.enqueue(new TextEncoder().encode(part))
        if (isOver) controller.close()
      }
    })
  )

const settle = Effect.forEach(Array.from({ length: 50 }), () => Effect.promise(() => new Promise(setImmediate)), {
  discard: true
})

describe("a stream", () => {
  it.effect("gives the bytes of the answer, asked for with key, query and its own accept header", () =>
    Effect.gen(function*() {
      const http = scripted(saying(["data: 1\n\n", "data: 2\n\n"], true))
      assert.strictEqual(yield* text(yield* http.provide(open())), "data: 1\n\ndata: 2\n\n")
      const [sent] = http.seen
      assert.strictEqual(sent?.url, "https://api.acme.example/v1/boxes/7/logs?tail=5")
      assert.deepInclude(sent?.headers, { accept: "text/event-stream", authorization: `Bearer ${canaryKey}` })
    }))

  it.effect("sends nothing before the first pull", () =>
    Effect.gen(function*() {
      const http = scripted(saying([], true))
      const stream = yield* http.provide(open())
      assert.strictEqual(http.seen.length, 0)
      yield* Stream.runDrain(stream)
      assert.strictEqual(http.seen.length, 1)
    }))

  it.effect.each<readonly [Script, string]>([
    [status(401), "Unauthorized"],
    [status(404), "NotFound"],
    [status(429, { "retry-after": "1" }), "RateLimited"],
    [status(503), "ProviderFault"],
    [status(302, { location: "https://evil.example/" }), "Unknown"],
    ["refused", "Transport"],
    ["reset", "Transport"]
  ])("is sent once: a failure is its reason, %j", ([script, tag]) =>
    Effect.gen(function*() {
      const http = scripted(script)
      const reason = yield* Effect.flip(Stream.runDrain(yield* http.provide(open())))
      assert.deepStrictEqual([reason._tag, http.seen.length], [tag, 1])
      assertNoCanary(printed(reason))
    }))

  it.effect("that never begins ends with the attempt's limit", () =>
    Effect.gen(function*() {
      const http = scripted("hang")
      const stream = yield* http.provide(open())
      const fiber = yield* Effect.forkChild(Effect.flip(Stream.runDrain(stream)), { startImmediately: true })
      yield* settle
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "Timeout")
    }))

  it.effect("that falls silent ends with the idle limit, after what was said", () =>
    Effect.gen(function*() {
      const http = scripted(() => saying(["one"]))
      const said: Array<string> = []
      const stream = yield* http.provide(open({ timeouts: { idle: "1 minute" } }))
      const fiber = yield* Effect.forkChild(
        Effect.flip(Stream.runForEach(Stream.decodeText(stream), (part) => Effect.sync(() => said.push(part)))),
        { startImmediately: true }
      )
      yield* settle
      yield* TestClock.adjust("59 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "Timeout")
      assert.deepStrictEqual(said, ["one"])
    }))

  it.effect("ends with the call's own limit, however talkative it is", () =>
    Effect.gen(function*() {
      const http = scripted(() => saying(["one"]))
      const stream = yield* http.provide(open({}, { timeout: "90 seconds" }))
      const fiber = yield* Effect.forkChild(Effect.flip(Stream.runDrain(stream)), { startImmediately: true })
      yield* settle
      yield* TestClock.adjust("89 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "Timeout")
    }))

  it.effect("has a span of its opening", () =>
    Effect.gen(function*() {
      const { spans } = yield* recorded(
        Effect.flatMap(scripted(saying([], true)).provide(open()), Stream.runDrain)
      )
      assert.deepStrictEqual(spans.map(({ name }) => name), ["Acme.followLogs"])
      assert.strictEqual(spans[0]?.attributes.get("http.response.status_code"), 200)
    }))
})

describe.each(transports)("a stream over %s", (_, transport) => {
  const until = (done: () => boolean) => untilSo(String(done), done)

  it.live("closes its connection when its reader has enough", () =>
    Effect.gen(function*() {
      const server = yield* serve((request, response) => {
        const timer = setInterval(() => response.write("line\n"), 2)
        request.socket.on("close", () => clearInterval(timer))
      })
      const stream = yield* open({ baseUrl: server.url })
      assert.strictEqual(yield* text(Stream.take(stream, 1)).pipe(Effect.map((said) => said.slice(0, 4))), "line")
      yield* until(() => server.open.size === 0)
    }).pipe(Effect.scoped, Effect.provide(transport)))

  it.live("fails as Transport when the connection is lost in the middle", () =>
    Effect.gen(function*() {
      const server = yield* serve((request, response) => {
        response.write("line\n")
        setImmediate(() => request.socket.resetAndDestroy())
      })
      const reason = yield* Effect.flip(Stream.runDrain(yield* open({ baseUrl: server.url })))
      assert.deepStrictEqual([reason._tag, server.seen.length], ["Transport", 1])
    }).pipe(Effect.scoped, Effect.provide(transport)))

  it.live("may be far larger than any other answer", () =>
    Effect.gen(function*() {
      const server = yield* serve((_, response) => void response.end(Buffer.alloc(4096, "x")))
      const stream = yield* open({ baseUrl: server.url, bodyLimit: 16 })
      assert.strictEqual((yield* text(stream)).length, 4096)
    }).pipe(Effect.scoped, Effect.provide(transport)))
})
