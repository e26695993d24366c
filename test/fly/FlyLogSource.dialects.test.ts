/**
 * What each of the two log hosts does in its own way: cursors of the platform, lines of the Machines API.
 */
import { assert, describe, it } from "@effect/vitest"
import { FlyLogSource } from "effect-atlas/fly"
import { FakeFly } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import { said } from "./logs.ts"
import { app, fake, host, page } from "./logSourceHarness.ts"

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

  it.effect("is not read from the text of a line", () =>
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

  it.effect("is the time of the newest line where the host gives no cursor", () =>
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

  it.effect("comes with whether the page is full, and with an id for every line", () =>
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

  it.effect("are read one by one: blank ones are ignored, broken ones are counted, no final newline is needed", () =>
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
