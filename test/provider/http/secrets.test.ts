/** What spans, metrics and failures tell of a request: enough to see what happened, never a key, query, body or environment. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import type { CallOptions } from "../../../src/provider/Call.ts"
import {
  acme,
  assertNoCanary,
  boxInput,
  call,
  canaryEnv,
  canaryKey,
  hurried,
  input,
  ok,
  recorded,
  type Script,
  scripted,
  status
} from "./harness.ts"

const everything = (answer: Script) =>
  Effect.gen(function*() {
    const http = scripted(answer)
    const { create, get } = yield* http.provide(acme({ retries: 0, timeouts: { attempt: "1 millis" } }))
    const secretCall: CallOptions = { headers: { "X-Other": canaryKey } }
    return yield* Effect.all([
      Effect.flip(get({ ...input, query: { sig: Redacted.make(canaryEnv), page: 2 } }, call(secretCall))),
      Effect.flip(create(boxInput, call(secretCall)))
    ])
  })

const echo = `you sent Bearer ${canaryKey} and ${canaryEnv} to https://x.example/?key=${encodeURIComponent(canaryEnv)}`

describe("no key and no environment shows in a failure, a span or a log line", () => {
  it.live.each<readonly [string, Script]>([
    [
      "echoed by a refusal",
      status(400, {}, { error: { message: echo, code: canaryKey }, env: { T: canaryEnv }, [canaryKey]: echo })
    ],
    [
      "echoed by a problem",
      status(422, {}, { detail: echo, errors: [echo, { location: canaryEnv, message: echo, value: canaryEnv }] })
    ],
    ["echoed in plain text", new Response(echo, { status: 403, headers: { "content-type": "text/plain" } })],
    ["echoed in a list", status(409, {}, [[echo], { deep: { deeper: [echo] } }])],
    ["echoed by a failed server", status(500, {}, { message: echo })],
    ["echoed in a success of another shape", Response.json({ [canaryKey]: canaryEnv, id: 7 })],
    ["echoed in half of a JSON", new Response(`{"id": "${canaryKey}`)],
    ["echoed in a redirect", status(302, { location: `https://x.example/?k=${canaryKey}` }, { message: echo })],
    ["echoed in headers", status(429, { "retry-after": canaryKey, "ratelimit": canaryKey, "x-request-id": canaryKey })],
    ["thrown by the transport", "reset"],
    ["sent, and never answered", "hang"]
  ])("%s", ([, answer]) =>
    Effect.gen(function*() {
      const { exit, printed, spans } = yield* recorded(everything(answer))
      assert.strictEqual(exit._tag, "Success", printed)
      assert.strictEqual(spans.length, 2)
      assertNoCanary(printed)
    }))
})

it.live.each([
  ["as it is", JSON.stringify({ id: `box ${canaryKey}` })],
  ["written with escapes", `{"id":"box ${canaryKey.replace("k", "\\u006b")}"}`],
  ["in the header that carried it", JSON.stringify({ id: `box Bearer ${canaryKey}` })]
])("an API key that a success repeats, %s, is in no answer either", ([, body]) =>
  Effect.gen(function*() {
    const { create } = yield* scripted(new Response(body)).provide(acme())
    const { id } = yield* create(boxInput, call())
    assert.match(id, /^box .*<redacted>$/)
    assert.notInclude(id, canaryKey)
  }))

describe("a span", () => {
  const spanOf = (answers: ReadonlyArray<Script>) =>
    Effect.gen(function*() {
      const http = scripted(...answers)
      const { get } = yield* http.provide(acme())
      const { spans } = yield* recorded(get({ ...input, query: { page: 2 } }, call({ retries: 1 }))).pipe(hurried(1000))
      assert.deepStrictEqual(spans.map(({ name }) => name), ["Acme.getBox"])
      return spans[0]
    })

  it.live("tells method, route template, class, status and attempts, and neither id nor query", () =>
    Effect.gen(function*() {
      const span = yield* spanOf([status(503), ok()])
      assert.strictEqual(span?.kind, "client")
      assert.deepStrictEqual(Object.fromEntries(span?.attributes ?? []), {
        "atlas.provider": "acme",
        "atlas.http.api": "management",
        "http.request.method": "GET",
        "url.template": "/boxes/{id}",
        "atlas.http.class": "read",
        "server.address": "api.acme.example",
        "http.response.status_code": 200,
        "atlas.http.attempts": 2
      })
    }))

  it.live("of a call without an answer has no status", () =>
    Effect.gen(function*() {
      const span = yield* spanOf(["refused"])
      assert.isFalse(span?.attributes.has("http.response.status_code"))
      assert.strictEqual(span?.attributes.get("atlas.http.attempts"), 2)
      assert.strictEqual(span?.status._tag, "Ended")
    }))
})

describe("metrics", () => {
  const counted = (answers: ReadonlyArray<Script>) =>
    Effect.gen(function*() {
      const http = scripted(...answers)
      const { get } = yield* http.provide(acme({ api: "runtime" }))
      yield* Effect.exit(get(input, call({ retries: 1 }))).pipe(hurried(1000))
      const all = yield* Metric.snapshot
      return all.filter(({ id }) => id.startsWith("atlas_http_")).map(({ attributes, id, state }) => ({
        id,
        attributes,
        count: "count" in state ? Number(state.count) : NaN
      })).toSorted((a, b) => a.id.localeCompare(b.id))
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))

  it.live("count a call once by provider, api and status class, and its retries apart", () =>
    Effect.gen(function*() {
      const labels = { provider: "acme", api: "runtime" }
      const all = yield* counted([status(503), ok()])
      assert.deepStrictEqual(all, [
        { id: "atlas_http_requests", attributes: { ...labels, status: "2xx" }, count: 1 },
        { id: "atlas_http_retries", attributes: labels, count: 1 }
      ])
    }))

  it.live("count a call that reached no server too, without a status", () =>
    Effect.gen(function*() {
      const all = yield* counted(["refused"])
      assert.deepInclude(all.find(({ id }) => id === "atlas_http_requests"), {
        attributes: { provider: "acme", api: "runtime", status: "none" },
        count: 1
      })
    }))

  it.live("do not count what was refused before a request", () =>
    Effect.gen(function*() {
      const { get } = yield* scripted(ok()).provide(acme())
      yield* Effect.exit(get({ params: { id: ".." } }, call()))
      assert.deepStrictEqual((yield* Metric.snapshot).filter(({ id }) => id.startsWith("atlas_http_")), [])
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))
})
