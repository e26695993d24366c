/** The same edge over real connections and every transport, against a server that does what servers should not do. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import type { IncomingMessage, ServerResponse } from "node:http"
import { gzipSync } from "node:zlib"
import type { CallOptions } from "../../../src/provider/Call.ts"
import type { Options } from "../../../src/provider/ProviderHttp.ts"
import { timedFrom } from "../../support/timedFrom.ts"
import { untilSo } from "../../support/until.ts"
import {
  acme,
  assertNoCanary,
  boxInput,
  call,
  canaryEnv,
  hurried,
  input,
  printed,
  serve,
  tagOf,
  transports
} from "./harness.ts"

type Handle = (request: IncomingMessage, response: ServerResponse, seen: ReadonlyArray<string>) => void

const answer = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void =>
  void response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body))

/** Misbehaves at first, then answers as it should. */
const onlyFirst = (misbehave: Handle): Handle => (request, response, seen) =>
  seen.length === 1 ? misbehave(request, response, seen) : answer(response, 200, { id: "7" })

const reset: Handle = (request) => request.socket.resetAndDestroy()
const close: Handle = (request) => request.socket.destroy()
const resetAfterHeaders: Handle = (request, response) => {
  response.writeHead(200, { "content-type": "application/json", "content-length": "100" }).write("{\"id\":")
  setImmediate(() => request.socket.resetAndDestroy())
}
const cutShort: Handle = (request, response) => {
  response.writeHead(200, { "content-type": "application/json" }).write("{\"id\":")
  setImmediate(() => request.socket.end())
}
/** Never stops, and never says so little that a client could call it silent. */
const drip: Handle = (request, response) => {
  response.writeHead(200, { "content-type": "application/json" })
  const timer = setInterval(() => response.write(" "), 5)
  request.socket.on("close", () => clearInterval(timer))
}
const flood: Handle = (request, response) => {
  response.writeHead(200, { "content-type": "application/json" })
  const part = Buffer.alloc(1024 * 1024, " ")
  let left = 64
  const pour = (): void => {
    while (left > 0 && !request.socket.destroyed) {
      left -= 1
      if (!response.write(part)) return void response.once("drain", pour)
    }
    response.end("{}")
  }
  pour()
}
const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, " "))
const explode: Handle = (_, response) =>
  void response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" }).end(bomb)

describe.each(transports)("over %s", (_, transport) => {
  /** One call of each kind against a server: how each ended, and what reached the server. */
  const play = (
    handle: Handle,
    { callOptions, verb = "get", ...options }: Partial<Options> & {
      readonly callOptions?: CallOptions
      readonly verb?: "get" | "create" | "stop" | "remove"
    } = {}
  ) =>
    Effect.gen(function*() {
      const server = yield* serve(handle)
      const api = yield* acme({ baseUrl: server.url, ...options })
      const asked: Effect.Effect<unknown, Effect.Error<ReturnType<typeof api.get>>> = verb === "create"
        ? api.create(boxInput, call(callOptions))
        : api[verb](input, call(callOptions))
      const result = yield* Effect.result(asked)
      assertNoCanary(printed(result))
      return { result, tag: yield* tagOf(Effect.fromResult(result)), server }
    }).pipe(Effect.scoped, Effect.provide(transport), hurried(10))

  it.live("a read arrives with key, agent and path, and its answer is decoded", () =>
    Effect.gen(function*() {
      const { server, tag } = yield* play((_, response) => answer(response, 200, { id: "7" }))
      assert.strictEqual(tag, "ok")
      assert.deepStrictEqual(server.seen, ["GET /boxes/7"])
      assert.match(server.headers[0]?.["user-agent"] ?? "", /^effect-atlas\//)
      assert.match(server.headers[0]?.authorization ?? "", /^Bearer /)
      assert.notProperty(server.headers[0], "traceparent")
    }))

  it.live("a create's secrets are plain on the wire", () =>
    Effect.gen(function*() {
      const { server, tag } = yield* play((_, response) => answer(response, 201, { id: "7" }), { verb: "create" })
      assert.strictEqual(tag, "ok")
      assert.deepStrictEqual(JSON.parse(server.bodies[0] ?? ""), { name: "b", env: { TOKEN: canaryEnv } })
    }))

  const lost: ReadonlyArray<readonly [string, Handle]> = [
    ["a reset before the headers", reset],
    ["a close before the headers", close],
    ["a reset after the headers", resetAfterHeaders],
    ["a body cut short", cutShort]
  ]

  it.live.each(lost)("a create is sent once and Uncertain after %s", ([, handle]) =>
    Effect.gen(function*() {
      const { server, tag } = yield* play(onlyFirst(handle), { verb: "create", callOptions: { retries: 5 } })
      assert.deepStrictEqual([tag, server.seen], ["Uncertain", ["POST /boxes"]])
    }))

  it.live.each(lost)("a read and a delete are sent again after %s", ([, handle]) =>
    Effect.gen(function*() {
      const get = yield* play(onlyFirst(handle))
      assert.deepStrictEqual([get.tag, get.server.seen.length], ["ok", 2])
      const remove = yield* play(onlyFirst(handle), { verb: "remove" })
      assert.deepStrictEqual([remove.tag, remove.server.seen.length], ["ok", 2])
    }))

  it.live("a read that is reset every time fails as Transport, with the cause's class and text", () =>
    Effect.gen(function*() {
      const { result, tag } = yield* play(reset, { retries: 0 })
      assert.strictEqual(tag, "Transport")
      assert.isTrue(
        Result.isFailure(result) && result.failure._tag === "Transport" && result.failure.causeName !== null
          && result.failure.message.length > 3
      )
    }))

  it.live("a create is sent once and Uncertain after 500, 503 and 408", () =>
    Effect.gen(function*() {
      for (const status of [500, 503, 408]) {
        const { server, tag } = yield* play(onlyFirst((_, response) => answer(response, status, {})), {
          verb: "create"
        })
        assert.deepStrictEqual([tag, server.seen.length], ["Uncertain", 1])
      }
    }))

  it.live("a read gets over 5xx and over 429 with Retry-After in seconds", () =>
    Effect.gen(function*() {
      for (const [status, headers] of [[502, {}], [429, { "retry-after": "0" }]] as const) {
        const { server, tag } = yield* play(onlyFirst((_, response) => answer(response, status, {}, headers)))
        assert.deepStrictEqual([tag, server.seen.length], ["ok", 2])
      }
    }))

  it.live("a create gets over 429 with Retry-After as a date that is over", () =>
    Effect.gen(function*() {
      const headers = { "retry-after": "Sun, 06 Nov 1994 08:49:37 GMT" }
      const { server, tag } = yield* play(onlyFirst((_, response) => answer(response, 429, {}, headers)), {
        verb: "create"
      })
      assert.deepStrictEqual([tag, server.seen.length], ["ok", 2])
    }))

  it.live("a Retry-After beyond the time limit ends the call at once", () =>
    Effect.gen(function*() {
      const { result, server, tag } = yield* play((_, response) =>
        answer(response, 429, { detail: "slow" }, { "retry-after": "86400" })
      )
      assert.deepStrictEqual([tag, server.seen.length], ["RateLimited", 1])
      assert.deepNestedInclude(result, { "failure.message": "slow", "failure.retryAfter": Duration.days(1) })
    }))

  it.live("a refused connection never reached a server: Transport, for a create too", () =>
    Effect.gen(function*() {
      const closed = yield* Effect.scoped(serve(() => {}))
      for (const verb of ["get", "create"] as const) {
        const { result, tag } = yield* play(() => {}, { baseUrl: closed.url, verb, retries: 1 })
        assert.strictEqual(tag, "Transport")
        assert.isTrue(Result.isFailure(result) && /ECONNREFUSED/.test(result.failure.message))
      }
    }))

  it.live("a port that fetch never connects to never reached a server: Transport, for a create too", () =>
    Effect.gen(function*() {
      const { result, tag } = yield* play(() => {}, { baseUrl: "http://127.0.0.1:1", verb: "create", retries: 0 })
      assert.strictEqual(tag, "Transport")
      assert.deepNestedInclude(result, { "failure.neverSent": true })
    }))

  it.live("an unknown host never reached a server: Transport, for a create too", () =>
    Effect.gen(function*() {
      const { tag } = yield* play(() => {}, { baseUrl: "https://no-such-host.invalid", verb: "create", retries: 0 })
      assert.strictEqual(tag, "Transport")
    }))

  /** Plays a body that only drips, its limits counted from when the server has been asked. */
  const dripping = (options: Parameters<typeof play>[1]) => {
    let asked = false
    const script: typeof drip = (...answering) => {
      asked = true
      drip(...answering)
    }
    return timedFrom(() => asked, play(script, options))
  }

  it.effect("a body that only drips ends with the attempt's limit, and its connection is closed", () =>
    Effect.gen(function*() {
      const timeouts = { attempt: "200 millis" } as const
      for (const [verb, expected] of [["get", "Timeout"], ["create", "Uncertain"]] as const) {
        const { server, tag } = yield* dripping({ timeouts, retries: 0, verb })
        assert.deepStrictEqual([tag, server.seen.length], [expected, 1])
        yield* untilSo("it is closed", () => server.open.size === 0)
      }
    }))

  it.effect("nothing outlives the call's limit: not the connection, not a retry", () =>
    Effect.gen(function*() {
      const { server, tag } = yield* dripping({
        timeouts: { attempt: "200 millis" },
        callOptions: { timeout: "800 millis", retries: 3 }
      })
      assert.strictEqual(tag, "Timeout")
      const count = server.seen.length
      yield* untilSo("it is closed", () => server.open.size === 0)
      assert.strictEqual(server.seen.length, count)
    }))

  it.live("an interrupted call closes its connection", () =>
    Effect.gen(function*() {
      const server = yield* serve(drip)
      const { get } = yield* acme({ baseUrl: server.url })
      const fiber = yield* Effect.forkChild(get(input, call()))
      yield* untilSo("it is asked", () => server.seen.length === 1)
      yield* Fiber.interrupt(fiber)
      yield* untilSo("it is closed", () => server.open.size === 0)
    }).pipe(Effect.scoped, Effect.provide(transport)))

  it.live("a body over 16 MiB is not read to its end: ProviderFault, for a create Uncertain", () =>
    Effect.gen(function*() {
      for (
        const [verb, expected] of [["get", "ProviderFault"], ["create", "Uncertain"], [
          "remove",
          "ProviderFault"
        ]] as const
      ) {
        const { result, server, tag } = yield* play(flood, { verb })
        assert.deepStrictEqual([tag, server.seen.length], [expected, 1])
        assert.deepNestedInclude(result, { "failure.status": 200, "failure.raw": null })
      }
    }))

  it.live("a body that declares itself too large is refused by its declaration", () =>
    Effect.gen(function*() {
      const { tag } = yield* play((_, response) => answer(response, 200, { id: "x".repeat(2000) }), { bodyLimit: 1000 })
      assert.strictEqual(tag, "ProviderFault")
    }))

  it.live("a body that inflates beyond the limit is ProviderFault, and so is one that is not inflated at all", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* play(explode)).tag, "ProviderFault")
    }))

  it.live("a refusal with an endless body is still a refusal", () =>
    Effect.gen(function*() {
      const { result, tag } = yield* play((request, response) => {
        response.writeHead(404)
        const timer = setInterval(() => response.write(" "), 5)
        request.socket.on("close", () => clearInterval(timer))
      }, { timeouts: { attempt: "5 seconds" }, verb: "create" })
      assert.strictEqual(tag, "NotFound")
      assert.deepNestedInclude(result, { "failure.status": 404 })
    }))

  it.live.each(
    [
      ["a page", "text/html", "<html>canary</html>"],
      ["half of a JSON", "application/json", "{\"id\": \"canary"],
      ["no text at all", "application/json", "\u0000\ufffd\u0001"]
    ] as const
  )("instead of JSON %s is ProviderFault, and nothing of it is kept", ([, type, body]) =>
    Effect.gen(function*() {
      const { result, tag } = yield* play((_, response) =>
        void response.writeHead(200, { "content-type": type }).end(body)
      )
      assert.strictEqual(tag, "ProviderFault")
      assert.notInclude(printed(result), "canary")
    }))

  it.live.each([301, 302, 303, 307, 308])(
    "no other server is asked after %d, neither by a read nor by a create",
    (status) =>
      Effect.gen(function*() {
        const other = yield* serve((_, response) => answer(response, 200, { id: "stolen" }))
        for (
          const location of [`${other.url}/boxes/7`, `http://localhost:${other.port}/`, `//127.0.0.1:${other.port}/x`]
        ) {
          for (const verb of ["get", "create", "stop", "remove"] as const) {
            const { result, server, tag } = yield* play((_, response) => answer(response, status, {}, { location }), {
              verb
            })
            const expected = verb === "create" ? "Uncertain" : "Unknown"
            assert.deepStrictEqual([verb, tag, server.seen.length], [verb, expected, 1])
            assert.deepNestedInclude(result, { "failure.status": status })
          }
        }
        assert.deepStrictEqual(other.seen, [])
      }).pipe(Effect.scoped)
  )

  it.live("a read follows a redirect on its own server, with its key; a create does not", () =>
    Effect.gen(function*() {
      const handle = onlyFirst((_, response) => answer(response, 307, {}, { location: "/moved" }))
      const get = yield* play(handle)
      assert.deepStrictEqual([get.tag, get.server.seen], ["ok", ["GET /boxes/7", "GET /moved"]])
      assert.match(get.server.headers[1]?.authorization ?? "", /^Bearer /)
      const create = yield* play(handle, { verb: "create" })
      assert.deepStrictEqual([create.tag, create.server.seen], ["Uncertain", ["POST /boxes"]])
    }))

  it.live("after many calls, refused and redirected ones too, the connection is used again", () =>
    Effect.gen(function*() {
      const server = yield* serve((request, response) =>
        request.url === "/moved" ? answer(response, 404, {}) : answer(response, 307, {}, { location: "/moved" })
      )
      const { get } = yield* acme({ baseUrl: server.url })
      for (let round = 0; round < 20; round++) assert.strictEqual(yield* tagOf(get(input, call())), "NotFound")
      assert.strictEqual(server.seen.length, 40)
      assert.isAtMost(server.open.size, 4)
    }).pipe(Effect.scoped, Effect.provide(transport)))

  it.live("two hundred creates that hang fill no pool of connections: a delete is answered", () =>
    Effect.gen(function*() {
      const creates = 200
      const roomy = { "RateLimit": "\"default\";r=1000;t=60" }
      const server = yield* serve((request, response) => {
        if (request.method !== "POST") answer(response, 200, { id: "7" }, roomy)
      })
      const { create, get, remove } = yield* acme({ baseUrl: server.url })
      // the account's first answer, which says that there is room for all: a limiter lets only a few go before
      yield* get(input, call())
      const hung = yield* Effect.forEach(
        Array.from({ length: creates }),
        () => Effect.forkChild(Effect.exit(create(boxInput, call())))
      )
      yield* untilSo("all are sent", () => server.seen.length === creates + 1)
      yield* remove(input, call())
      assert.strictEqual(server.seen.at(-1), "DELETE /boxes/7")
      yield* Fiber.interruptAll(hung)
    }).pipe(Effect.scoped, Effect.provide(transport)))
})
