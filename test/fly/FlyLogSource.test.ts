/**
 * The two log hosts: what is asked, with which credential, and what is made of their answers.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe, it } from "@effect/vitest"
import { AppName, type FlyError, FlyLogSource } from "effect-atlas/fly"
import { FakeFly, SpanRecorder } from "effect-atlas/testing"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { TestClock } from "effect/testing"
import { createServer } from "node:http"
import { canary, said } from "./logs.ts"

const app = AppName.AppName.make("acme-web")

const request = (given: Partial<FlyLogSource.PageRequest> & { readonly text?: string } = {}) => ({
  app,
  token: Redacted.make(given.text ?? canary),
  cursor: null,
  region: null,
  instance: null,
  baseUrl: null,
  ...given
})

const page = (given?: Parameters<typeof request>[0]) =>
  FlyLogSource.FlyLogSource.use((source) => source.page(request(given)))

/** A host that answers what the test says, and what it was asked. */
const host = (
  body: string,
  source: (options?: FlyLogSource.Options) => Layer.Layer<FlyLogSource.FlyLogSource, never, HttpClient.HttpClient>,
  init: ResponseInit = {}
) => {
  const seen: Array<{ readonly url: string; readonly headers: Readonly<Record<string, string>> }> = []
  const client = HttpClient.make((asked, url) =>
    Effect.sync(() => {
      seen.push({ url: url.href, headers: { ...asked.headers } })
      return HttpClientResponse.fromWeb(asked, new Response(body, init))
    })
  )
  return { seen, layer: source().pipe(Layer.provide(Layer.succeed(HttpClient.HttpClient, client))) }
}

const both = [["platform", FlyLogSource.layerPlatform], ["machines", FlyLogSource.layerMachines]] as const

const fake = (source: typeof both[number][1]) =>
  source().pipe(Layer.provide(FakeFly.layerClient), Layer.provideMerge(FakeFly.layer({ apps: [app] })))

const empty = "{\"data\":[],\"meta\":{\"next_token\":\"\"}}"

describe("a request", () => {
  it.effect("to the platform names only what is set, and no question mark where nothing is", () =>
    Effect.gen(function*() {
      const { layer, seen } = host(empty, FlyLogSource.layerPlatform)
      yield* Effect.gen(function*() {
        yield* page()
        yield* page({ cursor: "1795166401123456789", region: "fra", instance: "a b&c" })
        yield* page({ baseUrl: "http://127.0.0.1:4011/" })
      }).pipe(Effect.provide(layer))
      assert.deepStrictEqual(seen.map(({ url }) => url), [
        "https://api.fly.io/api/v1/apps/acme-web/logs",
        "https://api.fly.io/api/v1/apps/acme-web/logs?next_token=1795166401123456789&instance=a%20b%26c&region=fra",
        "http://127.0.0.1:4011/api/v1/apps/acme-web/logs"
      ])
    }))

  it.effect("to the Machines API goes to its own base with start_time", () =>
    Effect.gen(function*() {
      const { layer, seen } = host("", FlyLogSource.layerMachines)
      yield* Effect.gen(function*() {
        yield* page()
        yield* page({ cursor: "1795166401123456790", region: "fra", instance: "m1" })
      }).pipe(Effect.provide(layer))
      assert.deepStrictEqual(seen.map(({ url }) => url), [
        "https://api.machines.dev/v1/apps/acme-web/logs",
        "https://api.machines.dev/v1/apps/acme-web/logs?region=fra&instance=m1&start_time=1795166401123456790"
      ])
    }))

  it.effect("goes where FLY_API_BASE_URL says", () =>
    Effect.gen(function*() {
      const { layer, seen } = host(empty, () => Layer.orDie(FlyLogSource.layerConfig))
      yield* page().pipe(
        Effect.provide(Layer.provide(
          layer,
          ConfigProvider.layer(ConfigProvider.fromEnvRecord({ FLY_API_BASE_URL: "https://fly.example" }))
        ))
      )
      assert.strictEqual(seen[0]?.url, "https://fly.example/api/v1/apps/acme-web/logs")
    }))

  it.effect("carries no trace headers and makes no span of its own", () =>
    Effect.gen(function*() {
      const { layer, seen } = host(empty, FlyLogSource.layerPlatform)
      const recorder = yield* SpanRecorder.SpanRecorder
      yield* page().pipe(Effect.withSpan("outer"), Effect.provide(layer))
      assert.deepStrictEqual(recorder.spans.map(({ name }) => name), ["outer"])
      assert.deepStrictEqual(Object.keys(seen[0]?.headers ?? {}).toSorted(), ["accept", "authorization", "user-agent"])
      assert.match(seen[0]?.headers["user-agent"] ?? "", /^effect-atlas\//)
    }).pipe(Effect.provide(SpanRecorder.layer)))

  it.effect.each<readonly [string, string, string]>([
    ["a macaroon", "fm2_abc", "FlyV1 fm2_abc"],
    ["what fly tokens create prints", "FlyV1 fm2_abc,fm2_def", "FlyV1 fm2_abc,fm2_def"],
    ["a scheme pasted twice", "Bearer FlyV1  fm2_abc", "FlyV1 fm2_abc"],
    ["a scheme in another case", "flyv1 fm2_abc", "FlyV1 fm2_abc"],
    ["older macaroons", "fm1r_abc,fm1a_def", "FlyV1 fm1r_abc,fm1a_def"],
    ["a mixed list", "fm2_abc, fo1_xyz ,fm2_def", "FlyV1 fm2_abc,fm2_def"],
    ["a user's token", "fo1_xyz", "Bearer fo1_xyz"],
    ["a user's token with its scheme", "Bearer fo1_xyz\n", "Bearer fo1_xyz"]
  ])("takes the scheme from the kind of the token: %s", ([, text, expected]) =>
    Effect.gen(function*() {
      const { layer, seen } = host(empty, FlyLogSource.layerPlatform)
      yield* page({ text }).pipe(Effect.provide(layer))
      assert.strictEqual(seen[0]?.headers["authorization"], expected)
    }))

  it.effect.each(["", "FlyV1 ", " , ", "fm2_a\nfm2_b", "fm2_\u0007", "two words"])(
    "with a token that is none is not made: %j",
    (text) =>
      Effect.gen(function*() {
        const { layer, seen } = host(empty, FlyLogSource.layerPlatform)
        const error = yield* Effect.flip(page({ text }).pipe(Effect.provide(layer)))
        assert.strictEqual(error.kind, "unauthorized")
        assert.isNull(error.status)
        assert.deepStrictEqual(seen, [])
        if (text.length > 3) assert.notInclude(JSON.stringify(error), text)
      })
  )

  it.effect.each(["ftp://a", "nonsense", "https://me:pw@a", "https://a?b=c", "https://a#b"])(
    "to a base that no token may be sent to is not made: %s",
    (baseUrl) =>
      Effect.gen(function*() {
        const { layer, seen } = host(empty, FlyLogSource.layerPlatform)
        const error = yield* Effect.flip(page({ baseUrl }).pipe(Effect.provide(layer)))
        assert.strictEqual(error.kind, "validation")
        assert.deepStrictEqual(seen, [])
      })
  )

  it.effect("is refused by a real host's rule when a macaroon goes behind Bearer", () =>
    Effect.gen(function*() {
      const fly = yield* FakeFly.FakeFly
      const answers = yield* Effect.forEach(
        ["Bearer fm2_abc", "FlyV1 fm2_abc", "FlyV1 FlyV1 fm2_abc", "FlyV1 fo1_xyz", "Bearer fo1_xyz"],
        (authorization) =>
          fly.client.get("https://api.fly.io/api/v1/apps/acme-web/logs", { headers: { authorization } })
      )
      assert.deepStrictEqual(answers.map(({ status }) => status), [401, 200, 401, 401, 200])
    }).pipe(Effect.provide(FakeFly.layer({ apps: [app] }))))
})

describe.each(both)("an answer of the %s", (on, source) => {
  it.effect("gives every part of a line in the order sent, null where it is missing", () =>
    Effect.gen(function*() {
      const fly = yield* FakeFly.FakeFly
      const timestamp = "2026-11-20T09:20:01.123456789Z"
      yield* fly.append(app, [{ timestamp, message: "listening", level: "warn", region: "ams", instance: "m1" }])
      const { entries } = yield* page()
      assert.deepStrictEqual(entries, [
        { timestamp, message: "listening", level: "warn", region: "ams", instance: "m1", appName: app }
      ])
      yield* fly.order({ _tag: "Hollow" })
      const hollow = yield* page()
      assert.deepStrictEqual(hollow.entries.map(({ level, region, instance }) => [level, region, instance]), [
        [null, null, null]
      ])
      assert.strictEqual(hollow.skipped, 0)
    }).pipe(Effect.provide(fake(source))))

  it.effect("that is not an object a line is counted and costs only itself", () =>
    Effect.gen(function*() {
      const fly = yield* FakeFly.FakeFly
      yield* fly.append(app, said("one", "two"))
      yield* fly.order({ _tag: "Strange", lines: ["42", "\"text\"", "null", "[1,{}]", "true"] })
      const { entries, skipped } = yield* page()
      assert.deepStrictEqual(entries.map(({ message }) => message), ["one", "two"])
      assert.strictEqual(skipped, 5)
    }).pipe(Effect.provide(fake(source))))

  it.effect("of an empty log is an empty page", () =>
    Effect.gen(function*() {
      const { cursor, entries, isFull } = yield* page()
      assert.deepStrictEqual({ cursor, entries, isFull }, { cursor: null, entries: [], isFull: false })
    }).pipe(Effect.provide(fake(source))))

  it.effect("continues after the cursor without repeating or losing a nanosecond", () =>
    Effect.gen(function*() {
      const fly = yield* FakeFly.FakeFly
      yield* fly.append(app, [
        { message: "one", timestamp: "2026-11-20T09:20:01.123456788Z" },
        { message: "two", timestamp: "2026-11-20T09:20:01.123456789Z" }
      ])
      const first = yield* page()
      yield* fly.append(app, [{ message: "three", timestamp: "2026-11-20T09:20:01.123456790Z" }])
      const second = yield* page({ cursor: first.cursor })
      assert.deepStrictEqual(second.entries.map(({ message }) => message), ["three"])
      const third = yield* page({ cursor: second.cursor })
      assert.deepStrictEqual(third.entries, [])
    }).pipe(Effect.provide(fake(source))))

  it.effect.each(
    [
      [400, "provider"],
      [401, "unauthorized"],
      [403, "forbidden"],
      [404, "not_found"],
      [408, "timeout"],
      [429, "rate_limited"],
      [500, "provider"],
      [503, "provider"],
      [204, "unknown"],
      [302, "unknown"]
    ] as const
  )("%i fails with its status, once, and keeps nothing of the body", ([status, kind]) =>
    Effect.gen(function*() {
      const fly = yield* FakeFly.FakeFly
      if (status === 302) yield* fly.order({ _tag: "Redirect", location: "https://api.fly.io/elsewhere" })
      else {
        yield* fly.order({ _tag: "Refuse", status, ...(status === 204 ? { body: "" } : { body: `no: ${canary}` }) })
      }
      const error = yield* Effect.flip(page())
      assert.strictEqual(error.kind, kind)
      assert.strictEqual(error.status, status)
      assert.strictEqual(error.app, app)
      assert.notInclude(JSON.stringify(error) + error.message, "canary")
      assert.strictEqual((yield* fly.requests).length, 1)
    }).pipe(Effect.provide(fake(source))))

  it.effect("that never comes is given up after ten seconds", () =>
    Effect.gen(function*() {
      const fly = yield* FakeFly.FakeFly
      yield* fly.order({ _tag: "Hang" })
      const fiber = yield* Effect.forkChild(Effect.flip(page()), { startImmediately: true })
      yield* TestClock.adjust("9999 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error.kind, "timeout")
    }).pipe(Effect.provide(fake(source))))

  it.effect("that is lost fails as transport, and is not asked for again", () =>
    Effect.gen(function*() {
      const fly = yield* FakeFly.FakeFly
      yield* fly.order({ _tag: "LoseAnswer" })
      const error = yield* Effect.flip(page())
      assert.strictEqual(error.kind, "transport")
      assert.include(error.message, "ECONNRESET")
      assert.strictEqual((yield* fly.requests).length, 1)
    }).pipe(Effect.provide(fake(source))))

  it.effect("that is larger than we hold is refused while it comes", () =>
    Effect.gen(function*() {
      const fly = yield* FakeFly.FakeFly
      yield* fly.order({ _tag: "Huge", bytes: 17 * 1024 * 1024 })
      const error = yield* Effect.flip(page())
      assert.strictEqual(error.kind, "provider")
      assert.include(error.message, "larger than")
    }).pipe(Effect.provide(fake(source))))

  it.live("comes over real HTTP, where a lost connection and a redirect are failures too", () =>
    Effect.gen(function*() {
      const fly = yield* FakeFly.FakeFly
      const url = yield* HttpServer.addressFormattedWith(Effect.succeed)
      const baseUrl = on === "platform" ? url : `${url}/v1/apps`
      yield* fly.append(app, said("eins", "zwei ü"))
      const { cursor, entries } = yield* page({ baseUrl })
      assert.deepStrictEqual(entries.map(({ message }) => message), ["eins", "zwei ü"])
      yield* fly.order({ _tag: "LoseAnswer" })
      yield* fly.order({ _tag: "Redirect", location: `${url}/caught` })
      yield* fly.order({ _tag: "Refuse", status: 401, body: canary })
      const errors: ReadonlyArray<FlyError.FlyError> = yield* Effect.forEach(
        [1, 2, 3],
        () => Effect.flip(page({ baseUrl, cursor }))
      )
      assert.deepStrictEqual(errors.map(({ kind }) => kind), ["transport", "unknown", "unauthorized"])
      assert.deepStrictEqual((yield* fly.requests).map(({ status }) => status), [200, null, 302, 401])
    }).pipe(Effect.provide(
      FakeFly.layerServer.pipe(
        Layer.provideMerge(NodeHttpServer.layer(() => createServer(), { host: "127.0.0.1", port: 0 })),
        Layer.provideMerge(FakeFly.layer({ apps: [app] })),
        Layer.merge(source().pipe(Layer.provide(FetchHttpClient.layer)))
      )
    )))
})

describe("the platform's cursor", () => {
  const token = (meta: string) => `{"meta":${meta},"data":[]}`

  it.effect.each<readonly [string, string, string | null]>([
    ["a text", token("{\"next_token\":\"1795166401123456789\"}"), "1795166401123456789"],
    ["a bare number beyond 2^53", token("{\"next_token\": 1795166401123456789 }"), "1795166401123456789"],
    ["a huge number", token("{\"next_token\":99999999999999999999999999}"), "99999999999999999999999999"],
    ["empty", token("{\"next_token\":\"\"}"), null],
    ["null", token("{\"next_token\":null}"), null],
    ["a fraction", token("{\"next_token\":1.5}"), null],
    ["negative", token("{\"next_token\":-5}"), null],
    ["an exponent", token("{\"next_token\":1e18}"), null],
    ["endless", token(`{"next_token":"${"9".repeat(1000)}"}`), null],
    ["words", token("{\"next_token\":\"soon\"}"), null],
    ["missing", token("{}"), null],
    ["without its meta", "{\"data\":[]}", null],
    ["with a meta that is none", token("7"), null]
  ])("is read from the text, never through a number: %s", ([, body, expected]) =>
    Effect.gen(function*() {
      const { layer } = host(body, FlyLogSource.layerPlatform)
      const { cursor } = yield* page().pipe(Effect.provide(layer))
      assert.strictEqual(cursor, expected)
    }))

  it.effect("is not found in what a line says", () =>
    Effect.gen(function*() {
      const body = JSON.stringify({
        data: [{ id: "1", attributes: { message: "\"next_token\": 666, ", next_token: "777" } }],
        meta: { next_token: "5" }
      })
      const { layer } = host(body, FlyLogSource.layerPlatform)
      const { cursor, entries } = yield* page().pipe(Effect.provide(layer))
      assert.strictEqual(cursor, "5")
      assert.strictEqual(entries[0]?.message, "\"next_token\": 666, ")
    }))

  it.effect("falls back on the newest line where the host gives none", () =>
    Effect.gen(function*() {
      const attributes = { timestamp: "2024-01-01T00:00:02Z" }
      const { layer } = host(JSON.stringify({ data: [{ attributes }] }), FlyLogSource.layerPlatform)
      const { cursor } = yield* page().pipe(Effect.provide(layer))
      assert.strictEqual(cursor, "1704067202000000000")
    }))

  it.effect.each(["", "not json", "[]", "{}", "{\"data\":{}}", "{\"data\":[{\"id\":", "null"])(
    "of another answer altogether fails, and the answer is not in the failure: %s",
    (body) =>
      Effect.gen(function*() {
        const { layer } = host(body, FlyLogSource.layerPlatform)
        const error = yield* Effect.flip(page().pipe(Effect.provide(layer)))
        assert.strictEqual(error.kind, "provider")
        assert.strictEqual(error.status, 200)
      })
  )

  it.effect("tells a full page, and gives every line an id to be known by", () =>
    Effect.gen(function*() {
      const fly = yield* FakeFly.FakeFly
      yield* fly.append(app, [{ message: "nameless", id: null }])
      const short = yield* page()
      assert.isFalse(short.isFull)
      assert.include(short.ids[0], "nameless")
      yield* fly.append(app, said(...Array.from({ length: 100 }, (_, n) => `${n}`)))
      const full = yield* page()
      assert.isTrue(full.isFull)
      assert.strictEqual(new Set(full.ids).size, 100)
    }).pipe(Effect.provide(fake(FlyLogSource.layerPlatform))))
})

describe("the Machines API's lines", () => {
  const read = (body: string) => page().pipe(Effect.provide(host(body, FlyLogSource.layerMachines).layer))
  const at = (timestamp: unknown) => JSON.stringify({ timestamp })

  it.effect("are read each on its own: blank ones are nothing, broken ones are counted, no final newline is needed", () =>
    Effect.gen(function*() {
      const { entries, skipped } = yield* read(
        "\n{\"message\":\"one\"}\r\n  \n{\"message\":\nplain words\n\uFEFF{}\n{\"message\":\"two\"}"
      )
      assert.deepStrictEqual(entries.map(({ message }) => message), ["one", "two"])
      assert.strictEqual(skipped, 3)
    }))

  it.effect("with nested parts of the wrong type read as missing", () =>
    Effect.gen(function*() {
      const bodies = [
        { fly: null, log: null },
        { fly: "fra", log: 5 },
        { fly: { region: 7, app: null }, log: { level: {} } },
        { fly: { app: ["x"] }, log: [] },
        { fly: { app: { name: 1, instance: false } }, timestamp: 12, message: { a: 1 } },
        {}
      ]
      const { entries, skipped } = yield* read(bodies.map((one) => JSON.stringify(one)).join("\n"))
      const nothing = { timestamp: null, message: null, level: null, region: null, instance: null, appName: null }
      assert.deepStrictEqual(entries, bodies.map(() => nothing))
      assert.strictEqual(skipped, 0)
    }))

  it.effect("leave out what is not mapped", () =>
    Effect.gen(function*() {
      const { entries } = yield* read("{\"message\":\"a\",\"host\":\"edge\",\"event\":{\"provider\":\"app\"}}")
      assert.deepStrictEqual(Object.keys(entries[0] ?? {}).toSorted(), [
        "appName",
        "instance",
        "level",
        "message",
        "region",
        "timestamp"
      ])
    }))

  it.effect.each<readonly [string, ReadonlyArray<string>, string | null]>([
    ["a second", [at("2024-01-01T00:00:02Z")], "1704067202000000001"],
    ["all nine digits", [at("2026-11-20T09:20:01.123456789Z")], "1795166401123456790"],
    ["digits beyond the ninth", [at("2026-11-20T09:20:01.1234567899Z")], "1795166401123456790"],
    ["few digits", [at("2026-11-20T09:20:01.5Z")], "1795166401500000001"],
    ["an offset", [at("2026-11-20T10:50:01.123456789+01:30")], "1795166401123456790"],
    ["an offset to the west", [at("2026-11-20T04:20:01-05:00")], "1795166401000000001"],
    ["small letters", [at("2026-11-20t09:20:01z")], "1795166401000000001"],
    ["the greatest, not the last", [at("2024-01-01T00:00:02Z"), at("2024-01-01T00:00:01Z")], "1704067202000000001"],
    ["equal ones", [at("2024-01-01T00:00:02Z"), at("2024-01-01T00:00:02Z")], "1704067202000000001"],
    ["the one that can be read", [at("yesterday"), at(null), at("2024-01-01T00:00:02Z")], "1704067202000000001"],
    ["none that can", [at("yesterday"), at(5), at("2024-13-01T00:00:00Z"), at("2024-02-30T00:00:00Z")], null],
    ["none before there was Fly", [at("1969-12-31T23:59:59Z"), at("0001-01-01T00:00:00Z")], null],
    ["nothing at all", [], null]
  ])("have the next nanosecond after the newest as cursor: %s", ([, lines, expected]) =>
    Effect.gen(function*() {
      const { cursor } = yield* read(lines.join("\n"))
      assert.strictEqual(cursor, expected)
    }))
})
