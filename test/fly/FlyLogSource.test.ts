/**
 * The two log hosts: what is asked, with which credential, and what is made of their answers.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe, it } from "@effect/vitest"
import { type FlyError, FlyLogSource } from "effect-atlas/fly"
import { FakeFly, SpanRecorder } from "effect-atlas/testing"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import { createServer } from "node:http"
import { canary, said } from "./logs.ts"
import { app, both, empty, fake, host, page } from "./logSourceHarness.ts"

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
      const { layer, seen } = host(empty, () => Layer.orDie(FlyLogSource.layerConfig()))
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
    "is not sent with a text that is not a token: %j",
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

  it.effect("without a line and without an end is given up, and never held in memory", () =>
    Effect.gen(function*() {
      let sent = 0
      const blanks = new Uint8Array(1024 * 1024).fill(32)
      const endless = new ReadableStream<Uint8Array>({
        pull: (controller) => {
          sent += 1
          controller.enqueue(blanks)
        }
      })
      const { layer } = host(endless, source)
      const error = yield* Effect.flip(page().pipe(Effect.provide(layer)))
      assert.strictEqual(error.kind, "provider")
      assert.include(error.message, "larger than")
      assert.isBelow(sent, 70)
    }))

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
