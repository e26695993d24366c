/**
 * No line of a followed log is lost in silence, and none comes twice, whatever the host makes of ids, times and cursors.
 */
import { assert, describe, it } from "@effect/vitest"
import { FlyLogSource } from "effect-atlas/fly"
import * as FlyLogs from "effect-atlas/fly/FlyLogs"
import * as FlyLogStream from "effect-atlas/fly/FlyLogStream"
import { FakeFly } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import { bus, canary, stack, tokensOf } from "./logs.ts"
import { app, listen, messages, tags, tick } from "./logStreamHarness.ts"

const second = "2026-11-20T09:20:0"
const at = (seconds: string, message: string, id: string | null = null): FakeFly.Line => ({
  timestamp: `${second}${seconds}Z`,
  message,
  id
})

const stampOf = (seconds: number): string =>
  new Date(Date.parse("2026-11-20T09:20:00Z") + Math.round(seconds * 1000)).toISOString()

/** Follows the fake while lines are added to it, a batch each time. */
const followed = (...batches: ReadonlyArray<ReadonlyArray<FakeFly.Line>>) =>
  Effect.gen(function*() {
    const fly = yield* FakeFly.FakeFly
    const { leave, seen } = yield* listen()
    for (const lines of batches) {
      yield* fly.append(app, lines)
      yield* tick("2 seconds")
    }
    yield* tick("20 seconds")
    yield* leave
    return messages(seen)
  }).pipe(Effect.provide(stack()))

describe("a line is not taken for another one", () => {
  it.effect.each<readonly [string, string | null]>([
    ["whose id is empty", ""],
    ["whose id is that of the others in the page", "same"],
    ["that has no id", null]
  ])("%s", ([, id]) =>
    Effect.gen(function*() {
      const heard = yield* followed(
        [at("1.1", "one", id), at("1.2", "two", id)],
        [at("2.1", "three", id), at("2.2", "four", id)]
      )
      assert.deepStrictEqual(heard, ["one", "two", "three", "four"])
    }))

  it.effect("that says the same at the same time: both come, in one page and in two", () =>
    Effect.gen(function*() {
      const heard = yield* followed(
        [at("1.5", "tick"), at("1.5", "tick")],
        [at("1.5", "tick")],
        [at("1.5", "tick"), at("1.6", "end")]
      )
      // one that comes later at the time of an earlier one may come after a newer one
      assert.deepStrictEqual(heard.toSorted(), ["end", "tick", "tick", "tick", "tick"])
    }))

  it.effect("of the same time on both sides of a page's border", () =>
    Effect.gen(function*() {
      const texts = Array.from({ length: 250 }, (_, n) => `line ${n}`)
      // forty lines a time: hundred of them end in the middle of one
      const lines = texts.map((text, n) => at(`2.${String(Math.floor(n / 40)).padStart(3, "0")}`, text))
      assert.deepStrictEqual(yield* followed([at("1.0", "first")], lines), ["first", ...texts])
    }))
})

describe("a line that reaches the host after a newer one", () => {
  it.effect("comes once, and its neighbours do not come again", () =>
    Effect.gen(function*() {
      const heard = yield* followed(
        [at("1.0", "one"), at("5.0", "five")],
        [at("2.0", "two"), at("6.0", "six")],
        [at("3.5", "three")],
        [at("6.5", "seven")],
        [at("5.5", "between")]
      )
      assert.deepStrictEqual(heard, ["one", "five", "two", "six", "three", "seven", "between"])
    }))

  it.effect("comes also among many, and their number does not grow with what is read again", () =>
    Effect.gen(function*() {
      const fly = yield* FakeFly.FakeFly
      yield* fly.append(app, [{ timestamp: stampOf(0), message: "first" }])
      const { leave, seen } = yield* listen()
      yield* tick("2 seconds")
      const texts = Array.from({ length: 1000 }, (_, n) => `line ${n}`)
      // fifteen lines a second
      yield* fly.append(app, texts.map((text, n) => ({ timestamp: stampOf(1 + n / 15), message: text })))
      yield* tick("10 seconds")
      yield* fly.append(app, [{ timestamp: stampOf(1000 / 15 - 2), message: "late" }])
      yield* tick("10 seconds")
      yield* leave
      assert.deepStrictEqual(messages(seen).toSorted(), ["first", ...texts, "late"].toSorted())
      const requests = (yield* fly.requests).length
      assert.isBelow(requests, 30)
    }).pipe(Effect.provide(stack())))
})

/** A host that answers as the test says, and what it was asked with. */
const scripted = (
  answer: (
    cursor: string | null,
    request: number
  ) => { readonly lines: ReadonlyArray<readonly [string, string]>; readonly token?: string },
  headers: Readonly<Record<string, string>> = {}
) => {
  const cursors: Array<string | null> = []
  const client = HttpClient.make((asked, url) =>
    Effect.sync(() => {
      const cursor = url.searchParams.get("next_token")
      const { lines, token } = answer(cursor, cursors.length)
      cursors.push(cursor)
      const data = lines.map(([timestamp, message]) => ({ id: "", attributes: { timestamp, message } }))
      const body = JSON.stringify({ data, meta: token === undefined ? {} : { next_token: token } })
      return HttpClientResponse.fromWeb(asked, new Response(body, { headers }))
    })
  )
  return {
    cursors,
    layer: FlyLogStream.layer().pipe(
      Layer.provide(FlyLogs.layerTokens(tokensOf(canary))),
      Layer.provide(FlyLogSource.layerPlatform()),
      Layer.provide(Layer.succeed(HttpClient.HttpClient, client)),
      Layer.provideMerge(bus)
    )
  }
}

const nanos = (text: string): bigint => BigInt(Date.parse(text)) * 1_000_000n
const date = { date: "Fri, 20 Nov 2026 09:20:00 GMT" }

describe("a line from the future", () => {
  it.effect.each(["2026-11-20T09:24:00.000Z", "2026-11-20T10:20:00.000Z", "2099-01-01T00:00:00.000Z"])(
    "does not hide the lines after it, and comes once: %s",
    (future) => {
      const log: Array<readonly [string, string]> = [["2026-11-20T09:19:58.000Z", "one"], [future, "odd"]]
      const { cursors, layer } = scripted((cursor) => {
        const shown = log.filter(([time]) => cursor === null || nanos(time) > BigInt(cursor))
        const newest = shown.at(-1)?.[0]
        return { lines: shown, ...(newest === undefined ? {} : { token: String(nanos(newest)) }) }
      }, date)
      return Effect.gen(function*() {
        const { leave, seen } = yield* listen()
        yield* tick("2 seconds")
        log.splice(-1, 0, ["2026-11-20T09:20:01.000Z", "two"])
        yield* tick("4 seconds")
        log.splice(-1, 0, ["2026-11-20T09:20:01.500Z", "three"])
        yield* tick("8 seconds")
        assert.deepStrictEqual(messages(seen), ["one", "odd", "two", "three"])
        assert.isAbove(cursors.length, 3)
        yield* leave
      }).pipe(Effect.provide(layer))
    }
  )

  it.effect("that is the only one of a page leaves the cursor at the host's clock", () => {
    const log: Array<readonly [string, string]> = [["2099-01-01T00:00:00.000Z", "odd"]]
    const { layer } = scripted((cursor) => ({
      lines: log.filter(([time]) => cursor === null || nanos(time) > BigInt(cursor)),
      token: String(nanos("2099-01-01T00:00:00.000Z"))
    }), date)
    return Effect.gen(function*() {
      const { leave, seen } = yield* listen()
      yield* tick("2 seconds")
      log.unshift(["2026-11-20T09:19:59.000Z", "late"], ["2026-11-20T09:20:01.000Z", "next"])
      yield* tick("6 seconds")
      assert.deepStrictEqual(messages(seen), ["odd", "late", "next"])
      yield* leave
    }).pipe(Effect.provide(layer))
  })
})

describe("a host that ignores the cursor", () => {
  it.effect("repeats nothing, is told of once, and is asked less and less often", () => {
    const lines = Array.from(
      { length: 100 },
      (_, n) => [`2026-11-20T09:20:00.${String(n).padStart(3, "0")}Z`, `line ${n}`] as const
    )
    const { cursors, layer } = scripted(() => ({ lines, token: String(nanos("2026-11-20T09:20:00.099Z")) }))
    return Effect.gen(function*() {
      const { leave, seen } = yield* listen()
      yield* tick("10 minutes")
      assert.deepStrictEqual(messages(seen), lines.map(([, text]) => text))
      assert.deepStrictEqual(tags(seen), ["Logs", "Notice"])
      // every 2 seconds it would be 300
      assert.isBelow(cursors.length, 40)
      yield* leave
    }).pipe(Effect.provide(layer))
  })

  it.effect("and has new lines among the old ones is read like any other", () => {
    const lineAt = (n: number) => [`2026-11-20T09:20:${String(n).padStart(2, "0")}.000Z`, `line ${n}`] as const
    const { layer } = scripted((_, request) => ({ lines: Array.from({ length: 10 }, (_, n) => lineAt(request + n)) }))
    return Effect.gen(function*() {
      const { leave, seen } = yield* listen()
      yield* tick("40 seconds")
      const heard = messages(seen)
      assert.isAbove(heard.length, 20)
      assert.deepStrictEqual(heard, heard.map((_, n) => `line ${n}`))
      yield* leave
    }).pipe(Effect.provide(layer))
  })
})

it.effect("more lines of one time than a page holds are told as perhaps missing, and what follows them comes", () =>
  Effect.gen(function*() {
    const fly = yield* FakeFly.FakeFly
    yield* fly.append(app, [at("1.0", "first")])
    const { leave, seen } = yield* listen()
    yield* tick("2 seconds")
    yield* fly.append(app, [...Array.from({ length: 150 }, (_, n) => at("2.0", `burst ${n}`)), at("3.0", "after")])
    yield* tick("10 seconds")
    assert.include(messages(seen), "after")
    assert.include(tags(seen), "Notice")
    assert.strictEqual(new Set(messages(seen)).size, messages(seen).length)
    yield* leave
  }).pipe(Effect.provide(stack())))
