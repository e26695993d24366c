import { assert, describe, it, vi } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Headers from "effect/http/Headers"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { policiesOf, rateLimitOf } from "../../../src/provider/internal/httpHeaders.ts"
import * as RateLimits from "../../../src/provider/RateLimits.ts"
import { acme, Box, boxInput, call, canaryKey, input, json, ok, printed, scripted, tagOf } from "./harness.ts"
import { account, fork, limited, type Said, window } from "./limiterHarness.ts"

describe("the limiter of an account", () => {
  it.effect("stops before a 429 when the answer says that nothing is left, until the window is full again", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited(() => window(0, 42))
      yield* send("a")
      const b = yield* fork(send("b"))
      yield* TestClock.adjust("41 seconds")
      assert.strictEqual(sent.length, 1)
      yield* TestClock.adjust("1 seconds")
      yield* Fiber.join(b)
      assert.deepStrictEqual(sent, [["a", 0], ["b", 42_000]])
    }))

  it.effect("counts what is under way: of many at once only as many as are left go out", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited((n) => n === 1 ? window(3, 60) : {})
      yield* send("first")
      const all = yield* fork(Effect.all(Array.from({ length: 20 }, (_, n) => send(`${n}`, { lasts: "1 second" })), {
        concurrency: "unbounded"
      }))
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual(sent.length, 4)
      // one goes first, and its answer decides: then no more than the quota of 10 that is known
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual(sent.length, 5)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(sent.length, 14)
      yield* TestClock.adjust("2 minutes")
      yield* Fiber.join(all)
      assert.strictEqual(sent.length, 21)
    }))

  it.effect("of several windows the one that is full the latest decides", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited((n) =>
        n === 1 ? { ratelimit: "\"minute\";r=0;t=44, \"hour\";r=0;t=1724, \"day\";r=9;t=80012" } : {}
      )
      yield* send("a")
      const b = yield* fork(send("b", { patience: "1 hour" }))
      yield* TestClock.adjust("1723 seconds")
      assert.strictEqual(sent.length, 1)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(b)
      assert.strictEqual(sent.length, 2)
    }))

  it.effect("callers go out in the order they came", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited(() => window(0, 10, 1))
      yield* send("first")
      const all = yield* fork(Effect.forEach(["a", "b", "c"], (name) => send(name), { concurrency: "unbounded" }))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(all)
      assert.deepStrictEqual(sent.map(([name]) => name), ["first", "a", "b", "c"])
    }))

  it.effect("a request that ends a machine goes before all others, however late it came", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited(() => window(0, 10, 1))
      yield* send("first")
      const reads = yield* fork(Effect.forEach(["a", "b"], (name) => send(name), { concurrency: "unbounded" }))
      yield* TestClock.adjust("5 seconds")
      const end = yield* fork(send("terminate", { priority: "terminate" }))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(end)
      yield* Fiber.join(reads)
      assert.deepStrictEqual(sent, [["first", 0], ["terminate", 10_000], ["a", 20_000], ["b", 30_000]])
    }))

  it.effect("the last of a large quota is reserved for ending machines", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited((n) => n === 1 ? window(3, 50, 60) : window(2, 50, 60))
      yield* send("first")
      const read = yield* fork(send("read"))
      yield* send("terminate", { priority: "terminate" })
      assert.deepStrictEqual(sent.map(([name]) => name), ["first", "terminate"])
      yield* TestClock.adjust("50 seconds")
      yield* Fiber.join(read)
    }))

  it.effect("Retry-After of a 429 stops all callers of the account, not only the one that got it", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited((n) => n === 1 ? { "retry-after": "12" } : {})
      yield* send("a")
      const others = yield* fork(Effect.forEach(["b", "c"], (name) => send(name), { concurrency: "unbounded" }))
      yield* TestClock.adjust("11999 millis")
      assert.strictEqual(sent.length, 1)
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(others)
      assert.deepStrictEqual(sent.slice(1), [["b", 12_000], ["c", 12_000]])
    }))

  it.effect("an absurd Retry-After stops no caller for longer than an hour", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited((n) => n === 1 ? { "retry-after": "99999999999999999999" } : {})
      yield* send("a")
      const b = yield* fork(send("b", { patience: "2 hours" }))
      yield* TestClock.adjust("1 hour")
      yield* Fiber.join(b)
      assert.strictEqual(sent.length, 2)
    }))

  it.effect("a caller whose turn comes too late is told at once, with the wait, and nothing is sent", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited(() => window(0, 42))
      yield* send("a")
      const refused = yield* Effect.flip(send("b", { patience: "41 seconds" }))
      assert.strictEqual(refused._tag, "RateLimited")
      assert.isNull(refused.status)
      assert.deepStrictEqual(refused.retryAfter, Duration.seconds(42))
      assert.strictEqual(sent.length, 1)
    }))

  it.effect("a caller behind others gives up when its patience ends", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited(() => window(0, 10, 1))
      yield* send("first")
      const a = yield* fork(send("a"))
      const b = yield* fork(Effect.flip(send("b", { patience: "12 seconds" })))
      yield* TestClock.adjust("12 seconds")
      assert.strictEqual((yield* Fiber.join(b))._tag, "RateLimited")
      yield* Fiber.join(a)
      assert.strictEqual(sent.length, 2)
    }))

  it.effect("an interrupted caller leaves its place, and the next one moves up", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited(() => window(0, 10, 1))
      yield* send("first")
      const a = yield* fork(send("a"))
      const b = yield* fork(send("b"))
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.interrupt(a)
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(b)
      assert.deepStrictEqual(sent, [["first", 0], ["b", 10_000]])
    }))

  it.effect("an answer that was overtaken does not raise the count again", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited((n) => n === 1 ? window(9, 60) : n === 2 ? window(0, 60) : {})
      const slow = yield* fork(send("slow", { lasts: "10 seconds" }))
      yield* send("quick")
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(slow)
      const c = yield* fork(send("c"))
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(sent.length, 2)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(c)
    }))

  it.effect("what is under way counts as used, since the answer may not know of it yet", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited((n) => n === 2 ? window(1, 60) : {})
      const slow = yield* fork(send("slow", { lasts: "10 seconds" }))
      yield* send("quick")
      const third = yield* fork(send("third"))
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual(sent.length, 2)
      yield* TestClock.adjust("1 seconds")
      yield* Fiber.join(slow)
      yield* Fiber.join(third)
    }))

  it.effect("within a window the count only falls, in whatever order the answers come", () =>
    Effect.gen(function*() {
      const left = [2, 0, 1]
      const { send, sent } = yield* limited((n) => n <= 3 ? window(left[n - 1] ?? 0, 61 - n) : {})
      const all = yield* fork(Effect.forEach([1, 2, 3], (n) => send(`${n}`, { lasts: Duration.seconds(n) }), {
        concurrency: "unbounded"
      }))
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(all)
      const fourth = yield* fork(send("fourth"))
      yield* TestClock.adjust("50 seconds")
      assert.strictEqual(sent.length, 3)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fourth)
    }))

  it.effect("limits known beforehand hold from the first request on", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited(() => ({}), [{ requests: 1, per: "12 seconds" }])
      const all = yield* fork(Effect.forEach(["a", "b", "c"], (name) => send(name), { concurrency: "unbounded" }))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(all)
      assert.deepStrictEqual(sent, [["a", 0], ["b", 12_000], ["c", 24_000]])
    }))

  it.effect("without any header no caller waits", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited()
      yield* Effect.forEach(Array.from({ length: 100 }), () => send("x"), { concurrency: "unbounded" })
      assert.strictEqual(sent.length, 100)
    }))
})

describe("a route with limits of its own", () => {
  const launches: RateLimits.RouteLimits = { name: "launch", limits: [{ requests: 1, per: "12 seconds" }] }
  const launch = (name: string, patience: Duration.Input = "10 minutes") =>
    [name, { limits: launches, patience }] as const

  it.effect("goes out once in its window, however much room the account has", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited()
      const all = yield* fork(
        Effect.forEach(["a", "b", "c"], (name) => send(...launch(name)), { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(all)
      assert.deepStrictEqual(sent, [["a", 0], ["b", 12_000], ["c", 24_000]])
    }))

  it.effect("holds up no other route while it waits, and a delete least of all", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited(() => ({}), [{ requests: 1, per: "1 second" }])
      const all = yield* fork(
        Effect.forEach(["launch 1", "launch 2", "launch 3"], (name) => send(...launch(name)), {
          concurrency: "unbounded"
        })
      )
      yield* TestClock.adjust("3 seconds")
      const others = yield* fork(
        Effect.all([send("get"), send("list"), send("delete", { priority: "terminate" })], { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(others)
      yield* Fiber.join(all)
      assert.deepStrictEqual(sent, [
        ["launch 1", 0],
        ["get", 3000],
        ["delete", 4000],
        ["list", 5000],
        ["launch 2", 12_000],
        ["launch 3", 24_000]
      ])
    }))

  it.effect("waits for its account too: no two of its requests are nearer than its window, when each was really sent", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited((n) => n === 1 ? { "retry-after": "11" } : {})
      yield* send("get")
      const all = yield* fork(
        Effect.forEach(["a", "b"], (name) => send(...launch(name)), { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(all)
      assert.deepStrictEqual(sent, [["get", 0], ["a", 11_000], ["b", 23_000]])
    }))

  it.effect("is told at once when its window leaves no room within the caller's patience", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited()
      yield* send(...launch("a"))
      const refused = yield* Effect.flip(send(...launch("b", "11 seconds")))
      assert.deepStrictEqual(refused.retryAfter, Duration.seconds(12))
      assert.lengthOf(sent, 1)
    }))

  it.effect("whose first waiter leaves lets the next one wait for the window", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited()
      yield* send(...launch("a"))
      const b = yield* fork(send(...launch("b")))
      const c = yield* fork(send(...launch("c")))
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.interrupt(b)
      yield* TestClock.adjust("7 seconds")
      yield* Fiber.join(c)
      assert.deepStrictEqual(sent, [["a", 0], ["c", 12_000]])
    }))

  it.effect("holds up no route with limits of another name", () =>
    Effect.gen(function*() {
      const { send, sent } = yield* limited()
      const builds: RateLimits.RouteLimits = { name: "build", limits: [{ requests: 1, per: "12 seconds" }] }
      const all = yield* fork(
        Effect.all([send(...launch("a")), send(...launch("b")), send("build", { limits: builds })], {
          concurrency: "unbounded"
        })
      )
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(all)
      assert.deepStrictEqual(sent, [["a", 0], ["build", 0], ["b", 12_000]])
    }))

  it.effect("that is told to wait stops alone, and shares that with the routes of its name", () =>
    Effect.gen(function*() {
      const free: RateLimits.RouteLimits = { name: "volumes", limits: [] }
      const { send, sent } = yield* limited((n) => n === 1 ? { "retry-after": "30" } : {})
      yield* send("list volumes", { limits: free })
      const all = yield* fork(
        Effect.all([send("get volume", { limits: { ...free } }), send("get")], { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(all)
      assert.deepStrictEqual(sent, [["list volumes", 0], ["get", 0], ["get volume", 30_000]])
    }))

  const Asked = Schema.Struct({
    route: Schema.Literals(["launch", "volumes", "none"]),
    at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 })),
    ends: Schema.Boolean,
    told: Schema.NullOr(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 }))),
    lasts: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5 }))
  })

  it.effect.prop(
    "any requests to any routes with any answers: every caller gets its turn, no window is overrun, and no delete waits long",
    [Schema.Array(Asked).check(Schema.isMaxLength(30))],
    ([asked]) =>
      Effect.gen(function*() {
        const limits = yield* RateLimits.make([{ requests: 2, per: "1 second" }])
        const limiter = limits.account(account)
        const volumes: RateLimits.RouteLimits = { name: "volumes", limits: [{ requests: 3, per: "5 seconds" }] }
        const routes = { launch: launches, volumes, none: undefined }
        const start = yield* Clock.currentTimeMillis
        const sent: Array<{ readonly route: keyof typeof routes; readonly ends: boolean; readonly at: number }> = []
        const waits: Array<number> = []
        const fiber = yield* fork(Effect.forEach(asked, ({ at, ends, lasts, route, told }) =>
          Effect.delay(
            limiter.run(
              { priority: ends ? "terminate" : "normal", patience: Duration.hours(10), limits: routes[route] },
              Effect.gen(function*() {
                const now = (yield* Clock.currentTimeMillis) - start
                sent.push({ route, ends, at: now })
                if (ends) waits.push(now - at * 1000)
                yield* Effect.sleep(Duration.seconds(lasts))
                return {
                  status: 200,
                  headers: Headers.empty,
                  retryAfter: told === null ? null : Duration.seconds(told)
                }
              })
            ),
            Duration.seconds(at)
          ), { concurrency: "unbounded", discard: true }))
        yield* TestClock.adjust("1 hour")
        yield* Fiber.join(fiber)
        assert.lengthOf(sent, asked.length)
        const inWindow = (times: ReadonlyArray<number>, from: number, millis: number) =>
          times.filter((at) => at >= from && at < from + millis).length
        assert.isAtMost(Math.max(0, ...waits), 10_000)
        // what ends a machine may overrun a window
        const launched = sent.flatMap(({ at, ends, route }) => route === "launch" && !ends ? [at] : [])
        assert.isTrue(launched.every((at) => inWindow(launched, at, 12_000) === 1), String(launched))
      })
  )

  it.effect("is one of an endpoint: its limits hold for the calls of that endpoint", () =>
    Effect.gen(function*() {
      const http = scripted(ok())
      const api = yield* http.provide(acme())
      const start = api.http.endpoint({
        operation: "launchBox",
        class: "create",
        method: "POST",
        path: "/launch",
        success: Box,
        limits: launches
      })
      const all = yield* fork(
        Effect.all([start(boxInput, call()), start(boxInput, call()), api.get(input, call())], {
          concurrency: "unbounded"
        })
      )
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(all)
      assert.deepStrictEqual(http.seen.map(({ at, method }) => [method, at]), [["POST", 0], ["GET", 0], [
        "POST",
        12_000
      ]])
    }))
})

describe("an account", () => {
  it.effect("has one limiter, and shares it with no other provider, address or key", () =>
    Effect.gen(function*() {
      const all = yield* RateLimits.make()
      const limiter = all.account(account)
      assert.strictEqual(all.account({ ...account, apiKey: Redacted.make("one") }), limiter)
      for (
        const other of [
          { ...account, apiKey: Redacted.make("two") },
          { ...account, apiKey: null },
          { ...account, provider: "other" },
          { ...account, baseUrl: "https://elsewhere.example" }
        ]
      ) assert.notStrictEqual(all.account(other), limiter)
    }))

  it.effect("is never remembered by its key", () =>
    Effect.gen(function*() {
      const set = vi.spyOn(Map.prototype, "set")
      const all = yield* RateLimits.make()
      all.account({ ...account, apiKey: Redacted.make(canaryKey) })
      const kept = set.mock.calls.map(([key]: ReadonlyArray<unknown>) => String(key))
      set.mockRestore()
      assert.isTrue(kept.some((key) => key.includes(account.baseUrl)))
      assert.notInclude(printed(kept), canaryKey)
    }))

  it.effect("that is limited does not hold up another one of the same client", () =>
    Effect.gen(function*() {
      const http = scripted(() => json({ id: "7" }, { headers: window(0, 60) }))
      const { get } = yield* http.provide(acme({
        auth: { forCall: ({ apiKey }) => Effect.succeed(apiKey ?? Redacted.make("standing")), missing: [] }
      }))
      yield* get(input, call({ apiKey: "one" }))
      yield* get(input, call({ apiKey: "two" }))
      const refused = yield* Effect.flip(get(input, call({ apiKey: "one", timeout: "59 seconds" })))
      assert.strictEqual(refused._tag, "RateLimited")
      assert.strictEqual(http.seen.length, 2)
    }))
})

describe("a limited call", () => {
  it.effect("many fibers of one client stay within the window the server named, and none meets a 429", () =>
    Effect.gen(function*() {
      let [used, until] = [0, 0]
      // a server with 10 requests in 60 seconds
      const server = {
        answer: (now: number) => {
          if (now >= until) [used, until] = [0, now + 60_000]
          used += 1
          const t = Math.ceil((until - now) / 1000)
          return used > 10
            ? { status: 429, said: { "retry-after": String(t) } }
            : { status: 200, said: window(10 - used, t) }
        }
      }
      const limits = yield* RateLimits.make()
      const statuses: Array<number> = []
      const one = limits.account(account).run(
        { priority: "normal", patience: Duration.hours(1) },
        Effect.gen(function*() {
          const { said, status } = server.answer(yield* Clock.currentTimeMillis)
          statuses.push(status)
          yield* Effect.sleep("50 millis")
          return { status, headers: Headers.fromInput(said) }
        })
      )
      const first = yield* fork(one)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(first)
      const rest = yield* fork(Effect.all(Array.from({ length: 34 }, () => one), { concurrency: "unbounded" }))
      yield* TestClock.adjust("10 minutes")
      yield* Fiber.join(rest)
      assert.deepStrictEqual(statuses, Array.from({ length: 35 }, () => 200))
    }))

  it.effect("a create that finds no room was never sent: RateLimited, not Uncertain", () =>
    Effect.gen(function*() {
      const http = scripted(() => json({ id: "7" }, { headers: window(0, 300) }))
      const { create } = yield* http.provide(acme())
      yield* create({ body: {} }, call())
      assert.strictEqual(yield* tagOf(create({ body: {} }, call())), "RateLimited")
      assert.strictEqual(http.seen.length, 1)
    }))
})

describe("rate limit headers", () => {
  const read = (headers: Said, now = 0) => rateLimitOf(Headers.fromInput(headers), now)

  it("names, quotas, windows, what is left and when it is full again are read", () => {
    assert.deepStrictEqual(
      policiesOf("\"minute\";q=60;w=60, \"hour\" ; q=3000; w=3600;pk=:cHJpdmF0ZQ==:, \"odd\";w=1"),
      [
        { name: "minute", quota: 60, windowMillis: 60_000 },
        { name: "hour", quota: 3000, windowMillis: 3_600_000 }
      ]
    )
    assert.deepStrictEqual(read({ "RateLimit": "\"minute\";r=59;t=42, \"hour\";r=2999" }).balances, [
      { name: "minute", remaining: 59, resetMillis: 42_000 },
      { name: "hour", remaining: 2999, resetMillis: null }
    ])
  })

  it("a comma or a semicolon inside a quoted name does not split it", () => {
    assert.deepStrictEqual(read({ ratelimit: "\"a,b;r=0\";r=5;t=1" }).balances, [
      { name: "a,b;r=0", remaining: 5, resetMillis: 1000 }
    ])
  })

  it.each([
    ["seconds", "30", 30_000],
    ["a moment in seconds", "1700000030", 30_000],
    ["a moment in milliseconds", "1700000030000", 30_000],
    ["a moment that is over", "1600000000", 0]
  ])("the reset of X-RateLimit may be %s", (_, reset, expected) => {
    const said = { "X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "3", "X-RateLimit-Reset": reset }
    assert.deepStrictEqual(read(said, 1_700_000_000_000).balances, [{ name: "", remaining: 3, resetMillis: expected }])
  })

  it.each([
    "r=1",
    "\"x\";r=-1;t=5",
    "\"x\";r=1.5;t=5",
    "\"x\";r=",
    "\"x",
    ";;;,,,",
    "\"x\";r=99999999999999999999",
    "<script>",
    `"${"x".repeat(5000)}";r=0;t=9`
  ])("an unreadable RateLimit stops no caller: %s", (ratelimit) => {
    assert.deepStrictEqual(read({ ratelimit }).balances, [])
  })

  it.each(["NaN", "-5", "1e3", "0x10", " ", "Infinity"])(
    "an unreadable X-RateLimit-Remaining stops no caller: %s",
    (remaining) => {
      assert.deepStrictEqual(read({ "x-ratelimit-remaining": remaining }).balances, [])
    }
  )

  it("a header with a thousand windows is cut", () => {
    const ratelimit = Array.from({ length: 300 }, (_, n) => `"${n}";r=0`).join(",")
    assert.isAtMost(read({ ratelimit }).balances.length, 16)
  })
})
