/**
 * Bodies of any size, and bodies that break off: split while they come, a limit for each line and none for the whole.
 */
import { assert, describe, it } from "@effect/vitest"
import { FlyLogSource, FlyLogStream } from "effect-atlas/fly"
import * as FlyLogs from "effect-atlas/fly/FlyLogs"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { createServer, type ServerResponse } from "node:http"
import * as JsonItems from "../../src/fly/internal/jsonItems.ts"
import { bus, canary, tokensOf } from "./logs.ts"
import { page } from "./logSourceHarness.ts"

/** A real server that answers each request with the next function. */
const serving = (answers: ReadonlyArray<(response: ServerResponse) => void>) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      let count = 0
      const server = createServer((_, response) => answers[Math.min(count++, answers.length - 1)]?.(response))
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      const address = server.address()
      return { server, url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}` }
    }),
    ({ server }) =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  ).pipe(Effect.map(({ url }) => url))

const item = (n: number, message: string) => ({
  id: `${n}`,
  attributes: { timestamp: `2026-11-20T09:20:00.${String(n).padStart(9, "0")}Z`, message, level: "info", region: "fra" }
})
const machinesLine = (n: number, message: string) =>
  `${JSON.stringify({ timestamp: item(n, "").attributes.timestamp, message, log: { level: "info" } })}\n`

const platform = FlyLogSource.layerPlatform().pipe(Layer.provide(FetchHttpClient.layer))
const machines = FlyLogSource.layerMachines().pipe(Layer.provide(FetchHttpClient.layer))

describe("a body larger than 16 MiB", () => {
  const filler = "x".repeat(100_000)
  const count = 200

  it.live("of the platform gives every line", () =>
    Effect.gen(function*() {
      const data = Array.from({ length: count }, (_, n) => item(n, `${n} ${filler}`))
      const baseUrl = yield* serving([(response) => response.end(JSON.stringify({ data, meta: { next_token: "5" } }))])
      const { cut, entries, cursor } = yield* page({ baseUrl })
      assert.deepStrictEqual(entries.map(({ message }) => message), data.map(({ attributes }) => attributes.message))
      assert.strictEqual(cursor, "5")
      assert.isNull(cut)
    }).pipe(Effect.scoped, Effect.provide(platform)))

  it.live("of the Machines API gives every line", () =>
    Effect.gen(function*() {
      const lines = Array.from({ length: count }, (_, n) => machinesLine(n, `${n} ${filler}`))
      const baseUrl = yield* serving([(response) => response.end(lines.join(""))])
      const { cut, entries } = yield* page({ baseUrl })
      assert.deepStrictEqual(entries.map(({ message }) => message), lines.map((_, n) => `${n} ${filler}`))
      assert.isNull(cut)
    }).pipe(Effect.scoped, Effect.provide(machines)))
})

describe("a line above the limit is cut, marked and shown, with the lines around it", () => {
  const long = "é".repeat(9 * 1024 * 1024)
  const isMarked = (text: string | null | undefined) => {
    assert.match(text?.slice(-100) ?? "", /é \[\.\.\. \d+ more characters cut \.\.\.\]$/)
    assert.isAbove(text?.length ?? 0, 8_388_000)
    assert.isBelow(text?.length ?? 0, 8_389_000)
  }

  it.live("of the platform", () =>
    Effect.gen(function*() {
      const data = [item(1, "one"), item(2, long), item(3, "three")]
      const baseUrl = yield* serving([(response) => response.end(JSON.stringify({ data, meta: {} }))])
      const { entries, skipped } = yield* page({ baseUrl })
      assert.deepStrictEqual(entries.map(({ level, region }) => [level, region]), data.map(() => ["info", "fra"]))
      assert.deepStrictEqual([entries[0]?.message, entries[2]?.message], ["one", "three"])
      isMarked(entries[1]?.message)
      assert.strictEqual(skipped, 0)
    }).pipe(Effect.scoped, Effect.provide(platform)))

  it.live("of the Machines API", () =>
    Effect.gen(function*() {
      const lines = [machinesLine(1, "one"), machinesLine(2, long), machinesLine(3, "three")]
      const baseUrl = yield* serving([(response) => response.end(lines.join(""))])
      const { entries } = yield* page({ baseUrl })
      isMarked(entries[1]?.message)
      assert.deepStrictEqual(entries.map(({ level }) => level), ["info", "info", "info"])
    }).pipe(Effect.scoped, Effect.provide(machines)))
})

describe("a body that breaks off", () => {
  const whole = [item(1, "one"), item(2, "two"), item(3, "three")]
  const body = JSON.stringify({ data: whole, meta: { next_token: "1795166400000000003" } })
  /** Sends a part of the body and ends the connection. */
  const breaking = (part: string) => (response: ServerResponse) => {
    response.writeHead(200, { "content-length": String(Buffer.byteLength(body)) })
    response.write(part, () => response.destroy())
  }

  it.live("within a line gives the lines before it, says so, and the half line is read again", () =>
    Effect.gen(function*() {
      const baseUrl = yield* serving([breaking(body.slice(0, body.indexOf("three"))), (response) => response.end(body)])
      const first = yield* page({ baseUrl })
      assert.deepStrictEqual(first.entries.map(({ message }) => message), ["one", "two"])
      assert.strictEqual(first.cut?.kind, "transport")
      assert.strictEqual(first.cursor, "1795166400000000002")
    }).pipe(Effect.scoped, Effect.provide(platform)))

  it.live("again and again loses no line and repeats none", () =>
    Effect.gen(function*() {
      const at = (text: string) => body.slice(0, body.indexOf(text))
      const baseUrl = yield* serving([breaking(at("two")), breaking(at("one")), breaking(at("three")), (response) =>
        response.end(body)])
      const heard = yield* FlyLogStream.FlyLogStream.use(({ subscribeLogs }) =>
        subscribeLogs("acme-web").pipe(
          Stream.flatMap((element) =>
            Stream.fromIterable(element._tag === "Logs" ? element.entries : [])
          ),
          Stream.take(3),
          Stream.runCollect
        )
      ).pipe(Effect.provide(
        FlyLogStream.layer({ interval: "1 millis" }).pipe(
          Layer.provide(FlyLogs.layerTokens(tokensOf(canary))),
          Layer.provide(FlyLogSource.layerPlatform({ baseUrl })),
          Layer.provide(FetchHttpClient.layer),
          Layer.provide(bus)
        )
      ))
      assert.deepStrictEqual(
        heard.map(({ message }) =>
          message
        ),
        ["one", "two", "three"]
      )
    }).pipe(Effect.scoped))

  it.live("before its first line is a failure", () =>
    Effect.gen(function*() {
      const baseUrl = yield* serving([breaking(body.slice(0, 20))])
      assert.strictEqual((yield* Effect.flip(page({ baseUrl }))).kind, "transport")
    }).pipe(Effect.scoped, Effect.provide(platform)))

  it.live("as NDJSON leaves the half line for the next request, also where the connection ends as it should", () =>
    Effect.gen(function*() {
      const half = machinesLine(2, "two").slice(0, 60)
      const baseUrl = yield* serving([(response) => response.end(machinesLine(1, "one") + half)])
      const { cursor, cut, entries } = yield* page({ baseUrl })
      assert.deepStrictEqual(entries.map(({ message }) => message), ["one"])
      assert.strictEqual(cut?.kind, "provider")
      assert.strictEqual(cursor, "1795166400000000002")
    }).pipe(Effect.scoped, Effect.provide(machines)))

  it.live("has no cursor where its lines were not in order: those behind the cut may be older", () =>
    Effect.gen(function*() {
      const baseUrl = yield* serving([
        (response) => response.end(machinesLine(2, "two") + machinesLine(1, "one") + "{\"mess")
      ])
      assert.isNull((yield* page({ baseUrl })).cursor)
    }).pipe(Effect.scoped, Effect.provide(machines)))
})

it.live("a cursor more than five minutes ahead of the host's clock is capped", () =>
  Effect.gen(function*() {
    const data = [item(1, "one"), { id: "2", attributes: { timestamp: "2099-01-01T00:00:00Z", message: "odd" } }]
    const answer = (response: ServerResponse) => {
      response.writeHead(200, { date: "Fri, 20 Nov 2026 09:20:00 GMT" })
      response.end(JSON.stringify({ data, meta: { next_token: "4070908800000000000" } }))
    }
    const baseUrl = yield* serving([answer])
    const { cursor, hostTime } = yield* page({ baseUrl })
    assert.strictEqual(cursor, "1795166400000000001")
    assert.strictEqual(hostTime, Date.parse("2026-11-20T09:20:00Z"))
  }).pipe(Effect.scoped, Effect.provide(platform)))

it.live("a token that the host repeats in a line is not shown, as a whole or in part", () =>
  Effect.gen(function*() {
    const data = [item(1, `got FlyV1 ${canary}`), item(2, `part ${canary.slice(5)} of it`), item(3, "fine")]
    const baseUrl = yield* serving([(response) => response.end(JSON.stringify({ data, meta: {} }))])
    const { entries } = yield* page({ baseUrl })
    assert.deepStrictEqual(entries.map(({ message }) => message), [
      "got FlyV1 <redacted>",
      "part <redacted> of it",
      "fine"
    ])
  }).pipe(Effect.scoped, Effect.provide(platform)))

describe("the items of a body", () => {
  const split = (text: string, size: number, limit = 10_000) => {
    const items: Array<string | null> = []
    const { end, push } = JsonItems.inArray("data", limit, (item) => items.push(item))
    // a decoder of bytes never divides a character
    const characters = Array.from(text)
    for (let at = 0; at < characters.length; at += size) push(characters.slice(at, at + size).join(""))
    return { items, around: end() }
  }
  const body =
    `{"note":"data","meta":{"data":[9]}, "data" : [ {"a":"]},\\"{[\\u00e9"}, [1,[2]],3 , "x,y\\\\" ] ,"end":[1]}`

  it.each([1, 2, 3, 7, 1000])("are the same in pieces of %d characters", (size) => {
    const { around, items } = split(body, size)
    assert.deepStrictEqual(items.map((one) => JSON.parse(one ?? "")), JSON.parse(body).data)
    assert.deepStrictEqual(JSON.parse(around ?? ""), { ...JSON.parse(body), data: [] })
  })

  it.each([1, 5, 100_000])("stay JSON when they are cut, and no escape is divided: pieces of %d", (size) => {
    const data = [{ a: "é\"\n\u0001".repeat(3000), b: "short" }, { a: "\u{1f680}".repeat(5000), b: "short" }]
    const { items } = split(JSON.stringify({ data }), size)
    const read = items.map((one) => JSON.parse(one ?? ""))
    for (const one of read) {
      assert.match(one.a, / \[\.\.\. \d+ more characters cut \.\.\.\]$/)
      assert.isTrue(one.a.isWellFormed())
      assert.strictEqual(one.b, "short")
    }
  })

  it("that are too large with all their texts cut are told as such, and the next one is whole", () => {
    const { items } = split(`{"data":[{"a":[${"1,".repeat(20_000)}1]},{"b":1}]}`, 64)
    assert.deepStrictEqual(items, [null, "{\"b\":1}"])
  })
})
