import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as TestClock from "effect/testing/TestClock"
import { rateLimitOf } from "../../../src/provider/internal/httpHeaders.ts"
import { makeGate } from "../../../src/provider/internal/limitGate.ts"
import { acme, call, input, ok, scripted, status, tagOf } from "./harness.ts"
import { fork, limited, type Said, window } from "./limiterHarness.ts"

const secondsOf = (sent: ReadonlyArray<readonly [string, number]>) => sent.map(([, at]) => at / 1000)

const day = (q: number, r: number, t: number): Said => ({
  "ratelimit": `"day";r=${r};t=${t}`,
  "ratelimit-policy": `"day";q=${q};w=86400`
})

describe("what a header says is believed for a bounded time", () => {
  it.effect.each<Said>([
    { "x-ratelimit-limit": "0", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "3600" },
    { "ratelimit-policy": "\"day\";q=0;w=86400", "ratelimit": "\"day\";r=0;t=80000" },
    { "ratelimit-policy": "\"day\";q=0" }
  ])("a quota of 0 is unknown, and holds up nobody: %j", (said) =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited(() => said)
      yield* send("first")
      yield* Effect.forEach(["a", "b", "c"], (name) => send(name, { patience: 0 }), { concurrency: "unbounded" })
      yield* send("delete", { priority: "terminate" })
      assert.deepStrictEqual(secondsOf(sent), [0, 0, 0, 0, 0])
    }))

  it.effect("a window of a day that is used up holds up looks for an hour; then one goes, and its answer decides", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited((n) => n === 1 ? day(2, 0, 80_000) : {})
      yield* send("first")
      const looks = yield* fork(
        Effect.forEach(["a", "b", "c", "d"], (name) => send(name, { patience: "2 hours", lasts: "1 second" }), {
          concurrency: "unbounded"
        })
      )
      yield* TestClock.adjust("2 hours")
      yield* Fiber.join(looks)
      assert.deepStrictEqual(secondsOf(sent).slice(0, 2), [0, 3600])
      assert.isTrue(secondsOf(sent).slice(2).every((at) => at >= 3601 && at < 3605), String(sent))
    }))

  it.effect("a quota of a day is no guess for the window after the one that an answer named", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited((n) => n === 1 ? day(2, 1, 10) : {})
      yield* send("first")
      yield* TestClock.adjust("11 seconds")
      yield* Effect.forEach([..."abcdefgh"], (name) => send(name, { patience: 0 }))
      assert.lengthOf(sent, 9)
    }))

  it.effect("a window of a day that is still whole holds up looks for an hour too, once it is used up", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited((n) => n === 1 ? day(2, 2, 80_000) : {})
      yield* Effect.forEach([..."abc"], (name) => send(name, { patience: 0 }))
      const fourth = yield* fork(send("d", { patience: "2 hours" }))
      yield* TestClock.adjust("1 hour")
      yield* Fiber.join(fourth)
      assert.deepStrictEqual(secondsOf(sent), [0, 0, 0, 3600])
    }))

  it.effect("a window that no answer names any more is forgotten at the end of the next one", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited((n) => n === 1 ? window(0, 60, 2) : {})
      yield* send("first")
      const looks = yield* fork(Effect.forEach([..."abcdefgh"], (name) => send(name), { concurrency: "unbounded" }))
      yield* TestClock.adjust("121 seconds")
      yield* Fiber.join(looks)
      assert.deepStrictEqual(secondsOf(sent), [0, 60, 60, ...Array.from({ length: 6 }, () => 120)])
    }))

  it.effect("a count that never recovers lets one request through an hour, and never a burst", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited(() => ({ "ratelimit": "\"x\";r=0;t=999999999" }))
      const looks = yield* fork(
        Effect.forEach([..."abcdefgh"], (name) => send(name, { patience: "1 day", lasts: "1 second" }), {
          concurrency: "unbounded"
        })
      )
      yield* TestClock.adjust("3 hours")
      // each takes a second, and the next hour begins with its answer
      assert.deepStrictEqual(secondsOf(sent), [0, 0, 0, 0, 3601, 7202])
      yield* Fiber.interrupt(looks)
    }))

  it.effect("names that change with every answer hide no window that is told last", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited((n) => ({ "ratelimit": `"${n}";r=${n === 100 ? 0 : 500};t=30` }))
      yield* Effect.forEach(Array.from({ length: 100 }), () => send("look"))
      const next = yield* fork(send("next"))
      yield* TestClock.adjust("29 seconds")
      assert.lengthOf(sent, 100)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(next)
    }))

  it("a monotonic clock that begins below zero holds up nobody", () => {
    for (const gate of [makeGate([]), makeGate([{ requests: 1, per: "1 minute" }])]) {
      assert.strictEqual(gate.delay("normal", -500_000), 0)
    }
  })

  const at = Date.UTC(2026, 0, 1)
  const wait = (reset: string, date: string | undefined, ours: number) =>
    rateLimitOf(
      Headers.fromInput({
        "x-ratelimit-limit": "9",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": reset,
        ...(date === undefined ? {} : { date })
      }),
      ours
    ).balances[0]?.resetMillis

  it.each([
    ["seconds", String((at + 30_000) / 1000)],
    ["milliseconds", String(at + 30_000)],
    ["a date", new Date(at + 30_000).toUTCString()]
  ])("a moment in %s is read against the answer's own Date, however wrong our clock is", (_, reset) => {
    const date = new Date(at).toUTCString()
    for (const ours of [at, at - 1_800_000, at + 1_800_000, at - 86_400_000, at + 400 * 86_400_000]) {
      assert.strictEqual(wait(reset, date, ours), 30_000)
    }
  })

  it.each([undefined, "soon", "2026-01-01", new Date(at - 9 * 86_400_000).toUTCString(), new Date(0).toUTCString()])(
    "a Date that is missing, unreadable or days away leaves our own clock: %s",
    (date) => assert.strictEqual(wait(String((at + 30_000) / 1000), date, at), 30_000)
  )
})

describe("after a pause", () => {
  it.effect("one request goes, and its answer decides: refused again, the others still wait", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited((n) => n <= 3 ? { "retry-after": "20" } : {})
      yield* send("first")
      const all = yield* fork(Effect.forEach([..."abcdefgh"], (name) => send(name, { lasts: "1 second" }), {
        concurrency: "unbounded"
      }))
      yield* TestClock.adjust("62 seconds")
      assert.deepStrictEqual(secondsOf(sent), [0, 20, 41, 62])
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(all)
    }))

  it.effect("each answer that is no refusal lets one more be under way", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited((n) => n === 1 ? { "retry-after": "10" } : {})
      yield* send("first")
      const all = yield* fork(Effect.forEach(Array.from({ length: 16 }), () => send("x", { lasts: "1 second" }), {
        concurrency: "unbounded"
      }))
      const counts: Array<number> = []
      yield* TestClock.adjust("10 seconds")
      for (let n = 0; n < 4; n++) {
        counts.push(sent.length)
        yield* TestClock.adjust("1 second")
      }
      assert.deepStrictEqual(counts, [2, 4, 8, 16])
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(all)
    }))

  it.effect("a refusal without a wait holds up the whole account, and longer each time it comes again", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited((n) => n <= 6 ? { status: "429" } : {})
      yield* send("first")
      const all = yield* fork(Effect.forEach([..."abcdefgh"], (name) => send(name), { concurrency: "unbounded" }))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(all)
      assert.deepStrictEqual(secondsOf(sent).slice(0, 7), [0, 0.25, 0.75, 1.75, 3.75, 7.75, 11.75])
    }))

  it.effect("a refusal without a wait holds up other callers for as long as the one that got it pauses", () =>
    Effect.gen(function*() {
      const http = scripted(status(429), ok())
      const api = yield* http.provide(acme())
      const first = yield* fork(api.get(input, call()))
      yield* TestClock.adjust(1)
      const second = yield* fork(api.get(input, call()))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(first)
      yield* Fiber.join(second)
      const [, other, again] = http.seen.map((one) => one.at)
      assert.isAbove(other ?? 0, 0)
      assert.strictEqual(other, again)
    }))

  it.effect("a Retry-After of 0 for ever is no hot loop", () =>
    Effect.gen(function*() {
      const http = scripted(status(429, { "retry-after": "0" }))
      const api = yield* http.provide(acme({ retries: 1000 }))
      const calls = yield* fork(Effect.forEach([..."abcdefgh"], () => tagOf(api.get(input, call())), {
        concurrency: "unbounded"
      }))
      yield* TestClock.adjust("2 minutes")
      yield* Fiber.join(calls)
      assert.isAtMost(http.seen.length, 40)
    }))
})

describe("a request that ends a machine", () => {
  const cases: ReadonlyArray<readonly [string, Said]> = [
    ["a pause", { "retry-after": "1000000000000" }],
    ["a window", { "ratelimit": "\"x\";r=0;t=999999999" }],
    ["a window of a small quota", day(1, 0, 80_000)]
  ]

  it.effect.each(cases)("is sent after 10 seconds whatever the counts say: %s", ([, said]) =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited(() => said)
      yield* send("first")
      const ends = yield* fork(Effect.forEach([..."abcdefgh"], (name) => send(name, { priority: "terminate" }), {
        concurrency: "unbounded"
      }))
      yield* TestClock.adjust("9999 millis")
      assert.lengthOf(sent, 1)
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(ends)
      assert.lengthOf(sent, 9)
    }))

  it.effect("is sent within half its caller's patience", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited(() => ({ "retry-after": "3600" }))
      yield* send("first")
      const end = yield* fork(send("delete", { priority: "terminate", patience: "5 seconds" }))
      yield* TestClock.adjust("2500 millis")
      assert.deepStrictEqual(secondsOf(sent), [0, 2.5])
      yield* Fiber.join(end)
    }))

  it.effect("that is answered although it was forbidden shows that the pause or the count was wrong", () =>
    Effect.gen(function*() {
      for (const said of [{ "retry-after": "3600" }, day(2, 0, 80_000)]) {
        const { send, sent } = yield* limited((n) => n === 1 ? said : n === 2 ? {} : day(2, 0, 80_000))
        yield* send("first")
        const end = yield* fork(send("delete", { priority: "terminate" }))
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(end)
        yield* send("look", { patience: 0 })
        assert.lengthOf(sent, 3)
      }
    }))

  it.effect("is asked again within 10 seconds by its own call, whatever wait the refusal asks for", () =>
    Effect.gen(function*() {
      const http = scripted(status(429, { "retry-after": "3600" }), status(429, { "retry-after": "3600" }), ok())
      const api = yield* http.provide(acme())
      const end = yield* fork(tagOf(api.remove(input, call())))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Fiber.join(end), "ok")
      assert.deepStrictEqual(http.seen.map((one) => one.at), [0, 10_000, 20_000])
    }))
})

describe("an account that nothing is known of", () => {
  it.effect("has a few requests under way until its first answer", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited(() => window(9000, 60, 9001))
      const all = yield* fork(
        Effect.forEach(Array.from({ length: 200 }), () => send("create", { lasts: "2 seconds" }), {
          concurrency: "unbounded"
        })
      )
      yield* TestClock.adjust("1999 millis")
      assert.lengthOf(sent, 4)
      yield* TestClock.adjust("1 millis")
      assert.lengthOf(sent, 200)
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(all)
    }))

  it.effect("lets a request that ends a machine pass creates that hang, and go before those that wait", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited()
      const creates = yield* fork(
        Effect.forEach([..."abcdefgh"], (name) => send(name, { lasts: "1 hour" }), { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("1 second")
      const end = yield* fork(send("delete", { priority: "terminate" }))
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(sent.slice(0, 5).map(([name]) => name), ["a", "b", "c", "d", "delete"])
      yield* Fiber.join(end)
      yield* Fiber.interrupt(creates)
    }))

  it.effect("is not held up for long by requests that are never answered", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited()
      const creates = yield* fork(
        Effect.forEach([..."abcdefgh"], (name) => send(name, { lasts: "1 hour" }), { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("5 seconds")
      assert.lengthOf(sent, 8)
      yield* Fiber.interrupt(creates)
    }))

  it.effect("a cloud that refuses without any header is asked little more than once for each call", () =>
    Effect.gen(function*() {
      const counts = { requests: 0, begun: 0, used: 0 }
      // 20 requests a second, and an answer after 50 ms
      const client = HttpClient.make((request) =>
        Effect.gen(function*() {
          const now = yield* Clock.currentTimeMillis
          if (now - counts.begun >= 1000) [counts.begun, counts.used] = [now, 0]
          counts.requests += 1
          counts.used += 1
          const answer = counts.used > 20 ? status(429) : ok()
          yield* Effect.sleep("50 millis")
          return HttpClientResponse.fromWeb(request, answer)
        })
      )
      const api = yield* Effect.provideService(acme(), HttpClient.HttpClient, client)
      const all = yield* fork(Effect.forEach(Array.from({ length: 350 }), () => tagOf(api.get(input, call())), {
        concurrency: "unbounded"
      }))
      yield* TestClock.adjust(Duration.minutes(3))
      const tags = yield* Fiber.join(all)
      assert.isTrue(tags.every((tag) => tag === "ok"))
      assert.isAtMost(counts.requests, 450)
    }))
})
