import { assert, describe, it, vi } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { NoCapacity, ProviderFault } from "../../../src/domain/AtlasError.ts"
import * as HttpReason from "../../../src/domain/HttpReason.ts"
import * as HttpAnswer from "../../../src/provider/internal/httpAnswer.ts"
import { codeOf, messageOf } from "../../../src/provider/internal/httpAnswer.ts"
import type { Options } from "../../../src/provider/ProviderHttp.ts"
import { acme, boxInput, call, input, json, scripted, status, tagOf } from "./harness.ts"

/** The reason a read, or a create, fails for. */
const reasonOf = (answer: Response, options: Partial<Options> = {}, verb: "get" | "create" = "get") =>
  Effect.gen(function*() {
    const http = scripted(answer)
    const api = yield* http.provide(acme({ retries: 0, ...options }))
    return yield* Effect.flip(verb === "get" ? api.get(input, call()) : api.create(boxInput, call()))
  })

describe("the status of a refusal", () => {
  it.effect.each(
    [
      [400, "ProviderFault"],
      [401, "Unauthorized"],
      [402, "ProviderFault"],
      [403, "Forbidden"],
      [404, "NotFound"],
      [408, "Timeout"],
      [409, "ProviderFault"],
      [410, "ProviderFault"],
      [418, "ProviderFault"],
      [422, "ProviderFault"],
      [429, "RateLimited"],
      [500, "ProviderFault"],
      [503, "ProviderFault"],
      [300, "Unknown"],
      [302, "Unknown"],
      [304, "Unknown"]
    ] as const
  )("%j", ([code, tag]) =>
    Effect.gen(function*() {
      const body = code === 304 ? null : "{\"error\":\"why\"}"
      const reason = yield* reasonOf(new Response(body, { status: code }))
      assert.deepStrictEqual([reason._tag, reason.status], [tag, code])
      if (code >= 400) assert.strictEqual(reason.message, "why")
    }))

  it("beyond the known ranges is Unknown", () => {
    for (const code of [100, 199, 600, 999]) assert.strictEqual(HttpReason.fromStatus(code)._tag, "Unknown")
  })

  it.effect("429 says how long to wait, as far as the provider did", () =>
    Effect.gen(function*() {
      const said = yield* reasonOf(status(429, { "retry-after": "12" }))
      assert.deepInclude(said, { retryAfter: Duration.seconds(12) })
      assert.deepInclude(yield* reasonOf(status(429)), { retryAfter: null })
    }))
})

describe("the provider's own words", () => {
  it.each([
    ["a problem's detail before all", { detail: "d", error: { message: "e" }, message: "m" }, "d"],
    [
      "its errors in brackets",
      { detail: "d", errors: ["a", { location: "$.x", message: "b" }, { message: "c" }] },
      "d [a; $.x: b; c]"
    ],
    ["never the value an error repeats", {
      detail: "d",
      errors: [{ location: "$.env", message: "bad", value: "s3cret" }]
    }, "d [$.env: bad]"],
    ["an error's message", { error: { message: "e", code: "c" }, message: "m" }, "e"],
    ["an error that is text", { error: "e", message: "m" }, "e"],
    ["a message", { message: "m", errors: [{ message: "n" }] }, "m"],
    ["the first error's message", { errors: [{ message: "n" }, { message: "o" }] }, "n"],
    ["the first error that is text", { errors: ["n", "o"] }, "n"],
    ["a body that is text", "plain", "plain"],
    ["none in a number", 7, ""],
    ["none in null", null, ""],
    ["none in a list", ["x"], ""],
    ["none in an inherited name", { constructor: 1 }, ""],
    ["none where the words are no text", { detail: 1, error: { message: [] }, message: {} }, ""]
  ])("%s", (_, body, expected) => assert.strictEqual(messageOf(body), expected))

  it("an error code is a word, never a sentence", () => {
    assert.strictEqual(codeOf({ error: { code: "global/quota-exceeded", message: "m" } }), "global/quota-exceeded")
    assert.strictEqual(codeOf({ code: "x" }), "x")
    assert.strictEqual(codeOf({ error: "no_such_ask", msg: "m" }), "no_such_ask")
    assert.isNull(codeOf({ error: "a whole sentence" }))
    assert.isNull(codeOf({ code: "x".repeat(101) }))
  })

  it.effect("plain text is kept, a page is not, and neither is what is no JSON", () =>
    Effect.gen(function*() {
      const of = (type: string, body: string) =>
        reasonOf(new Response(body, { status: 403, headers: { "content-type": type } }))
      assert.deepInclude(yield* of("text/plain", "error code: 1010"), {
        message: "error code: 1010",
        raw: "error code: 1010"
      })
      assert.deepInclude(yield* of("text/html", "<html>who</html>"), { message: "", raw: null })
      assert.deepInclude(yield* of("application/json", "{\"error\": \"unfin"), { message: "", raw: null })
    }))

  it.effect("are cut when they are endless, and cannot drive a terminal", () =>
    Effect.gen(function*() {
      const reason = yield* reasonOf(json({ error: `\u001b[2Jred\r\nnext ${"x".repeat(5000)}` }, { status: 400 }))
      assert.isAtMost(reason.message.length, 2000)
      assert.match(reason.message, /^red next x/)
    }))
})

describe("what is kept of a refusing body", () => {
  const scrub = (body: Schema.Json) => HttpAnswer.makeScrub([]).json(body, 100)

  it("no env at any depth, and nothing that is named like a credential", () => {
    const body = {
      env: { A: "1" },
      pod: { Env: [1], ENV: 1, name: "n", nested: [{ env: 2, ok: true }] },
      apiKey: 1,
      api_key: 1,
      "x-api-key": 1,
      token: 1,
      accessToken: 1,
      Authorization: 1,
      password: 1,
      client_secret: 1,
      jupyterUrl: 1,
      signature: 1,
      cookie: 1,
      environment: 1
    }
    assert.deepStrictEqual(scrub(body), { pod: { name: "n", nested: [{ ok: true }] } })
  })

  it("no value that an error list repeats", () => {
    assert.deepStrictEqual(
      scrub({
        errors: [{ location: "$", message: "m", value: "s" }],
        value: 1,
        deep: { errors: [{ value: 2 }] },
        detail: [{ msg: "x", input: "s" }]
      }),
      { errors: [{ location: "$", message: "m" }], value: 1, deep: { errors: [{}] }, detail: [{ msg: "x" }] }
    )
  })

  it("no query and no user info of a URL", () => {
    assert.strictEqual(
      scrub("get https://u:p@h.example/a?X-Sig=s#f and http://k.example/b now"),
      "get https://h.example/a and http://k.example/b now"
    )
  })

  it("nothing of a body that is huge or bottomless", () => {
    let deep: Schema.Json = 1
    for (let depth = 0; depth < 5000; depth++) deep = [deep]
    assert.isNull(scrub(deep))
    assert.isNull(HttpAnswer.makeScrub([]).json({ a: 1 }, 1e6))
  })

  it("no inherited surprise: a key named __proto__ stays a key", () => {
    const kept = scrub(JSON.parse("{\"__proto__\":{\"isAdmin\":true}}"))
    assert.isFalse(kept !== null && typeof kept === "object" && "isAdmin" in kept)
  })

  it("no echo of a secret that was sent, in whatever way it is written", () => {
    const secret = "a \"b\"/c&longer"
    const { json, text } = HttpAnswer.makeScrub([secret, "a \"b\"", "tiny", "x"])
    for (const written of [secret, encodeURIComponent(secret), JSON.stringify(secret)]) {
      assert.notInclude(text(`before ${written} after`), "longer")
    }
    assert.deepStrictEqual(json({ [secret]: [`${secret}!`] }, 10), { "<redacted>": ["<redacted>!"] })
    assert.strictEqual(text("x marks tiny"), "x marks <redacted>")
  })

  it("no part of a secret that is long enough to tell it, since validators quote beginnings", () => {
    const secret = "sk-live-0123456789abcdefghijklmnopqrstuvwxyz"
    const { json, text } = HttpAnswer.makeScrub([secret, "hunter2"])
    assert.strictEqual(text(`got '${secret.slice(0, 20)}...' for TOKEN`), "got '<redacted>...' for TOKEN")
    assert.strictEqual(text(`${secret.slice(5, 17)}, and ${secret.slice(20)}`), "<redacted>, and <redacted>")
    assert.deepStrictEqual(json({ detail: [`${secret.slice(0, 30)}…`, secret.slice(-12)] }, 10), {
      detail: ["<redacted>…", "<redacted>"]
    })
    // words that merely begin alike stay
    assert.strictEqual(text("keys begin with sk-live-"), "keys begin with sk-live-")
  })

  it.effect("nothing at all of a success", () =>
    Effect.gen(function*() {
      assert.deepInclude(yield* reasonOf(json({ pod: "x" })), { _tag: "ProviderFault", status: 200, raw: null })
    }))
})

describe("a success of another shape", () => {
  it.effect.each([
    null,
    [],
    "text",
    7,
    {},
    { id: 7 }
  ])("is ProviderFault for a read, never a defect: %j", (body) =>
    Effect.gen(function*() {
      assert.deepInclude(yield* reasonOf(json(body)), { _tag: "ProviderFault", status: 200, raw: null })
    }))

  it.effect("names the documented field, and nothing that stood in the answer", () =>
    Effect.gen(function*() {
      const Answer = Schema.Struct({
        pods: Schema.Array(Schema.Struct({ cost: Schema.Finite, labels: Schema.Record(Schema.String, Schema.Int) }))
      })
      const http = scripted(json({ pods: [{ cost: "s3cret-value", labels: { "s3cret-key": "x" } }] }))
      const { http: api } = yield* http.provide(acme())
      const list = api.endpoint({ operation: "list", class: "read", method: "GET", path: "/pods", success: Answer })
      const first = yield* Effect.flip(list({}, call()))
      assert.include(first.message, "pods[0].cost")
      assert.notInclude(first.message, "s3cret")
      const other = scripted(json({ pods: [{ cost: 1, labels: { "s3cret-key": "x", "1234567890": "x" } }] }))
      const { http: second } = yield* other.provide(acme())
      const reason = yield* Effect.flip(
        second.endpoint({ operation: "list", class: "read", method: "GET", path: "/pods", success: Answer })({}, call())
      )
      assert.notMatch(reason.message, /s3cret|1234567890/)
      assert.include(reason.message, "pods[0].labels")
    }))

  it.effect("that is nested so deep that a reader would overflow is ProviderFault, never a defect", () =>
    Effect.gen(function*() {
      const nested = (depth: number) => new Response(`${"[".repeat(depth)}"]]\\"[["${"]".repeat(depth)}`)
      for (const [depth, tag] of [[200_000, "ProviderFault"], [257, "ProviderFault"], [200, "ok"]] as const) {
        const { http: api } = yield* scripted(nested(depth)).provide(acme())
        const any = api.endpoint({ operation: "any", class: "read", method: "GET", path: "/", success: Schema.Json })
        assert.deepStrictEqual([depth, yield* tagOf(any({}, call()))], [depth, tag])
      }
    }))
})

describe("an adapter that knows better than the status", () => {
  const sold = new Response(JSON.stringify({ detail: "There are no longer any instances available" }), { status: 400 })
  const classify: Options["classify"] = ({ message, raw, status }) =>
    /no longer any instances/i.test(message) ? new NoCapacity({ status, message, raw }) : undefined

  it.effect("tells want of machines from a bad request, on a create too", () =>
    Effect.gen(function*() {
      const raw = { detail: "There are no longer any instances available" }
      assert.deepInclude(yield* reasonOf(sold, { classify }, "create"), { _tag: "NoCapacity", status: 400, raw })
    }))

  it.effect("and has nothing to say leaves the reason of the status", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* reasonOf(status(404), { classify }))._tag, "NotFound")
    }))

  it.effect("cannot make a failed server's create certain", () =>
    Effect.gen(function*() {
      for (const code of [500, 503, 408]) {
        const reason = yield* reasonOf(
          json({ detail: "no longer any instances" }, { status: code }),
          { classify },
          "create"
        )
        assert.strictEqual(reason._tag, "Uncertain")
      }
    }))

  it.effect("costs nothing where it looks at the status alone: nothing of the answer is read for it", () =>
    Effect.gen(function*() {
      const parse = vi.spyOn(JSON, "parse")
      const seen: Array<number> = []
      const looks: Options["classify"] = (refusal) => void seen.push(refusal.status)
      const { get } = yield* scripted(json({ id: "box-1" })).provide(acme({ classify: looks }))
      yield* get(input, call())
      const times = parse.mock.calls.length
      parse.mockRestore()
      assert.deepStrictEqual(seen, [200])
      // once, to be decoded
      assert.strictEqual(times, 1)
    }))

  it.effect("may refuse a success that is none", () =>
    Effect.gen(function*() {
      const reason = yield* reasonOf(json({ success: false, msg: "queued" }), {
        classify: ({ body, status }) =>
          typeof body === "object" && body !== null && "success" in body && body.success === false
            ? new ProviderFault({ status, message: "not done" })
            : undefined
      }, "create")
      assert.deepInclude(reason, { _tag: "ProviderFault", message: "not done" })
    }))
})

it.effect("a message that can repeat the request is withheld where the endpoint says so; status and code stay", () =>
  Effect.gen(function*() {
    const http = scripted(
      json({ error: { code: "global/invalid", message: "bad: hello-from-user-data" } }, { status: 400 })
    )
    const { http: api } = yield* http.provide(acme())
    const create = api.endpoint({
      operation: "createBox",
      class: "create",
      method: "POST",
      path: "/boxes",
      withholdMessage: true
    })
    const reason = yield* Effect.flip(create({ body: {} }, call()))
    assert.deepInclude(reason, { _tag: "ProviderFault", status: 400, code: "global/invalid", raw: null })
    assert.notInclude(reason.message, "hello-from-user-data")
  }))

it.effect.each<readonly [number, string, RegExp]>([
  [401, "Unauthorized", /the API key/],
  [403, "Forbidden", /this API key/],
  [404, "NotFound", /does not know what was asked for/]
])("a withheld message of a %s still says what the status says", ([status, tag, words]) =>
  Effect.gen(function*() {
    const http = scripted(json({ error: "bad: hello-from-user-data" }, { status }))
    const { http: api } = yield* http.provide(acme())
    const create = api.endpoint({
      operation: "createBox",
      class: "create",
      method: "POST",
      path: "/boxes",
      withholdMessage: true
    })
    const reason = yield* Effect.flip(create({ body: {} }, call()))
    assert.strictEqual(reason._tag, tag)
    assert.match(reason.message, words)
    assert.notInclude(reason.message, "hello-from-user-data")
  }))
