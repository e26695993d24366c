import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { readFileSync } from "node:fs"
import { version } from "../../../src/domain/Version.ts"
import * as ApiKey from "../../../src/provider/ApiKey.ts"
import type { CallOptions } from "../../../src/provider/Call.ts"
import type { Input, Options } from "../../../src/provider/ProviderHttp.ts"
import {
  acme,
  assertNoCanary,
  Box,
  call,
  canaryEnv,
  canaryKey,
  input,
  ok,
  printed,
  recorded,
  scripted
} from "./harness.ts"

/** What one read or create puts on the wire, and how it ended. */
const send = (options: {
  readonly client?: Partial<Options>
  readonly call?: CallOptions
  readonly id?: string | number
  readonly query?: Input<"">["query"]
  readonly headers?: Input<"">["headers"]
  readonly body?: unknown
} = {}) =>
  Effect.gen(function*() {
    const http = scripted(ok())
    const api = yield* http.provide(acme(options.client))
    const result = yield* Effect.result(
      options.body === undefined
        ? api.get(
          { params: { id: options.id ?? "7" }, query: options.query, headers: options.headers },
          call(options.call)
        )
        : api.create({ body: options.body, headers: options.headers }, call(options.call))
    )
    return { result, seen: http.seen, sent: http.seen[0] }
  })

const refused = (options: Parameters<typeof send>[0]) =>
  Effect.map(send(options), ({ result, seen }) => {
    assert.strictEqual(seen.length, 0)
    assert.strictEqual(result._tag, "Failure")
    return result._tag === "Failure" ? result.failure : assert.fail()
  })

describe("every request", () => {
  it.effect("names this package and its version, accepts JSON, and carries the key as bearer", () =>
    Effect.gen(function*() {
      const { sent } = yield* send()
      assert.deepInclude(sent?.headers, {
        "user-agent": `effect-atlas/${version}`,
        "accept": "application/json",
        "authorization": `Bearer ${canaryKey}`
      })
    }))

  it("names the version of the manifest", () => {
    assert.strictEqual(
      version,
      JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")).version
    )
  })

  it.effect("carries the key in whatever header the cloud wants", () =>
    Effect.gen(function*() {
      const { sent } = yield* send({ client: { authorize: (key) => ({ "X-Api-Key": key }) } })
      assert.deepInclude(sent?.headers, { "x-api-key": canaryKey })
      assert.notProperty(sent?.headers, "authorization")
    }))

  it.effect("carries no trace headers: they are not the cloud's business", () =>
    Effect.gen(function*() {
      const http = scripted(ok())
      const { get } = yield* http.provide(acme())
      yield* Effect.withSpan(get(input, call()), "outer")
      assert.notProperty(http.seen[0]?.headers, "traceparent")
      assert.notProperty(http.seen[0]?.headers, "b3")
    }))

  it.effect("goes to the address and with the key and headers of its call, above those of the client", () =>
    Effect.gen(function*() {
      const { sent } = yield* send({
        client: {
          auth: yield* ApiKey.make({ variable: "NOT_SET", layer: "standing" }),
          headers: { "X-A": "1", "X-B": "1" }
        },
        call: { baseUrl: "https://other.example/root/", apiKey: "mine", headers: { "x-b": "2", "User-Agent": "me/1" } }
      })
      assert.strictEqual(sent?.url, "https://other.example/root/boxes/7")
      assert.deepInclude(sent?.headers, {
        "authorization": "Bearer mine",
        "x-a": "1",
        "x-b": "2",
        "user-agent": "me/1"
      })
    }))

  it.effect("without a key is none: Unauthorized names the three places to put one", () =>
    Effect.gen(function*() {
      const auth = yield* ApiKey.make({ variable: "ACME_KEY_THAT_IS_NOT_SET" })
      const reason = yield* refused({ client: { auth } })
      assert.strictEqual(reason._tag, "Unauthorized")
      for (const place of ["apiKey", "layer", "ACME_KEY_THAT_IS_NOT_SET"]) assert.include(reason.message, place)
    }))

  it.effect("of an API that needs no key carries none", () =>
    Effect.gen(function*() {
      const { sent } = yield* send({ client: { auth: null } })
      assert.notProperty(sent?.headers, "authorization")
    }))
})

describe("a path parameter", () => {
  it.effect.each(
    [
      ["a/b", "a%2Fb"],
      ["a?b=c#d", "a%3Fb%3Dc%23d"],
      ["a b%2e", "a%20b%252e"],
      ["..%2f..", "..%252f.."],
      ["ü\n", "%C3%BC%0A"],
      ["...", "..."],
      [7, "7"]
    ] as const
  )("stays one segment: %j", ([id, segment]) =>
    Effect.gen(function*() {
      const { sent } = yield* send({ id })
      assert.strictEqual(sent?.url, `https://api.acme.example/v1/boxes/${segment}`)
    }))

  it.effect.each(["", ".", "..", "\ud800"])(
    "that would name another path is refused by its name: %j",
    (id) =>
      Effect.gen(function*() {
        const reason = yield* refused({ id })
        assert.deepNestedInclude(reason, { "_tag": "Validation", "issues[0].path": "id" })
      })
  )
})

describe("a query", () => {
  it.effect("is percent-encoded, leaves out what is not given, repeats lists and writes out redacted values", () =>
    Effect.gen(function*() {
      const query = { a: "x&y=z", b: undefined, c: null, d: [1, 2], e: Redacted.make("s p"), f: false }
      const { sent } = yield* send({ query })
      assert.strictEqual(sent?.url, "https://api.acme.example/v1/boxes/7?a=x%26y%3Dz&d=1&d=2&e=s+p&f=false")
    }))

  it.effect("with nothing in it leaves no question mark", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* send({ query: { a: undefined } })).sent?.url, "https://api.acme.example/v1/boxes/7")
    }))
})

describe("a body", () => {
  it.effect("is JSON whose redacted values are plain on the wire and nowhere else", () =>
    Effect.gen(function*() {
      const body = { env: { A: Redacted.make(canaryEnv) }, list: [Redacted.make("x")], at: new Date(0) }
      const { sent } = yield* send({ body })
      assert.deepStrictEqual(JSON.parse(sent?.body ?? ""), {
        env: { A: canaryEnv },
        list: ["x"],
        at: "1970-01-01T00:00:00.000Z"
      })
      assert.deepInclude(sent?.headers, { "content-type": "application/json" })
      assertNoCanary(printed(body))
    }))

  it.effect("that cannot be written as JSON is refused before anything is sent", () =>
    Effect.gen(function*() {
      const circle: Record<string, unknown> = {}
      circle["self"] = circle
      for (const body of [circle, { n: 1n }]) {
        assert.deepNestedInclude(yield* refused({ body }), { "_tag": "Validation", "issues[0].path": "body" })
      }
    }))
})

describe("a header", () => {
  it.effect.each(
    [
      ["X-A\r\nX-B", "1"],
      ["X A", "1"],
      ["", "1"],
      ["X-A", "1\r\nX-B: 2"],
      ["X-A", "1\0"],
      ["X-A", "snow ☃"],
      ["Host", "evil.example"],
      ["Content-Length", "1"],
      ["Transfer-Encoding", "chunked"],
      ["Connection", "upgrade"]
    ] as const
  )(
    "that would change the request itself is refused, its value not shown: %j",
    ([name, value]) =>
      Effect.gen(function*() {
        const reason = yield* refused({ headers: { [name]: Redacted.make(`${value}${canaryKey}`) } })
        assert.deepNestedInclude(reason, { "_tag": "Validation", "issues[0].path": "headers" })
        assertNoCanary(printed(reason))
      })
  )

  it.effect("cannot be smuggled in by a key: Unauthorized, the key not shown", () =>
    Effect.gen(function*() {
      const auth = { forCall: () => Effect.succeed(Redacted.make(`${canaryKey}\r\nX-Admin: 1`)), missing: [] }
      const reason = yield* refused({ client: { auth } })
      assert.strictEqual(reason._tag, "Unauthorized")
      assertNoCanary(printed(reason))
    }))
})

describe("a base URL", () => {
  const logsOf = (baseUrl: string, times = 1) =>
    Effect.gen(function*() {
      const http = scripted(ok())
      const { get } = yield* http.provide(acme({ baseUrl }))
      const { exit, logs } = yield* recorded(Effect.repeat(get(input, call()), { times: times - 1 }))
      assert.strictEqual(exit._tag, "Success")
      return logs
    })

  it.effect.each([
    "https://api.acme.example",
    "http://localhost:8080",
    "http://127.0.0.1:1/v2",
    "http://[::1]:1",
    "http://127.9.9.9"
  ])("over https or on this machine is used without a word: %s", (url) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* logsOf(url), [])
    }))

  it.effect.each(["http://api.acme.example/secret-path", "http://127.0.0.1.evil.example", "http://10.0.0.7"])(
    "over plain http elsewhere is warned of once, by its host: %s",
    (url) =>
      Effect.gen(function*() {
        const logs = yield* logsOf(url, 3)
        assert.strictEqual(logs.length, 1)
        assert.include(logs[0], new URL(url).host)
        assert.notInclude(logs[0], "secret-path")
      })
  )

  it.effect.each([
    "",
    "api.acme.example",
    "ftp://a.example",
    "https://u:p@a.example",
    "https://a.example?k=1",
    "https://a.example#x"
  ])(
    "that is none is refused by name before anything is sent: %j",
    (baseUrl) =>
      Effect.gen(function*() {
        assert.deepNestedInclude(yield* refused({ client: { baseUrl } }), {
          "_tag": "Validation",
          "issues[0].path": "baseUrl"
        })
      })
  )
})

describe("an endpoint", () => {
  it.effect("answers status and headers too where they are asked for", () =>
    Effect.gen(function*() {
      const http = scripted(Response.json({ id: "7" }, { status: 201, headers: { "Fly-Next-Cursor": "abc" } }))
      const { http: api } = yield* http.provide(acme())
      const list = api.endpointAnswer({ operation: "list", class: "read", method: "GET", path: "/boxes", success: Box })
      const answer = yield* list({}, call())
      assert.deepInclude(answer, { status: 201, value: { id: "7" } })
      assert.strictEqual(answer.headers["fly-next-cursor"], "abc")
    }))

  it.effect("without a schema takes any success, and looks at no body", () =>
    Effect.gen(function*() {
      for (const answer of [new Response(null, { status: 204 }), new Response("<html>"), Response.json({ any: 1 })]) {
        const http = scripted(answer)
        const { remove } = yield* http.provide(acme())
        assert.isUndefined(yield* remove(input, call()))
      }
    }))
})
