import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { type AtlasErrorReason, RateLimited } from "../../../src/domain/AtlasError.ts"
import type { CallOptions } from "../../../src/provider/Call.ts"
import type { Options } from "../../../src/provider/ProviderHttp.ts"
import { acme, boxInput, call, input, ok, type Script, scripted, status, tagOf } from "./harness.ts"

type Verb = "get" | "create" | "stop" | "remove"

/** One call against scripted answers, with the clock moved far enough; says how it ended and when requests came. */
const play = (
  verb: Verb,
  answers: ReadonlyArray<Script>,
  { callOptions, time = "10 minutes", ...options }: Partial<Options> & {
    readonly callOptions?: CallOptions
    readonly time?: Duration.Input
  } = {}
) =>
  Effect.gen(function*() {
    const http = scripted(...answers)
    const api = yield* http.provide(acme(options))
    const asked: Effect.Effect<unknown, AtlasErrorReason> = verb === "create"
      ? api.create(boxInput, call(callOptions))
      : api[verb](input, call(callOptions))
    const fiber = yield* Effect.forkChild(Effect.result(asked), { startImmediately: true })
    yield* TestClock.adjust(time)
    const result = yield* Fiber.join(fiber)
    return { result, tag: yield* tagOf(Effect.fromResult(result)), times: http.seen.map(({ at }) => at) }
  })

const transient = [408, 429, 500, 502, 503, 504]
const final = [400, 401, 403, 404, 409, 410, 422, 501, 505]

describe("which calls are sent again", () => {
  it.effect.each(transient)("a read, a stop and a delete are sent again after %d", (code) =>
    Effect.gen(function*() {
      for (const verb of ["get", "stop", "remove"] as const) {
        const { tag, times } = yield* play(verb, [status(code), status(code), ok()])
        assert.deepStrictEqual([verb, tag, times.length], [verb, "ok", 3])
      }
    }))

  it.effect.each(final)("no call is sent again after %d", (code) =>
    Effect.gen(function*() {
      for (const verb of ["get", "stop", "remove", "create"] as const) {
        const { times } = yield* play(verb, [status(code), ok()])
        assert.deepStrictEqual([verb, times.length], [verb, 1])
      }
    }))

  it.effect.each(["reset", "refused", "unknown host"] as const)(
    "a read is sent again after: %s",
    (script) =>
      Effect.gen(function*() {
        const { tag, times } = yield* play("get", [script, ok()])
        assert.deepStrictEqual([tag, times.length], ["ok", 2])
      })
  )

  it.effect("a read gives up after three retries, with the last reason", () =>
    Effect.gen(function*() {
      const { tag, times } = yield* play("get", [status(500), status(500), status(500), status(503), ok()])
      assert.deepStrictEqual([tag, times.length], ["ProviderFault", 4])
    }))

  it.effect("a call's own number of retries stands above the client's", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* play("get", [status(500)], { callOptions: { retries: 0 } })).times.length, 1)
      assert.strictEqual((yield* play("get", [status(500)], { callOptions: { retries: 5 } })).times.length, 6)
      assert.strictEqual((yield* play("get", [status(500)], { retries: 1 })).times.length, 2)
    }))

  it.effect("pauses double, with jitter below and never above", () =>
    Effect.gen(function*() {
      const { times } = yield* play("get", [status(500)])
      const pauses = times.slice(1).map((at, index) => at - (times[index] ?? 0))
      for (const [index, most] of [500, 1000, 2000].entries()) {
        assert.isAtMost(pauses[index] ?? NaN, most)
        assert.isAtLeast(pauses[index] ?? NaN, most / 2 - 1)
      }
    }))
})

describe("a create", () => {
  it.effect.each([500, 502, 503, 504, 408])(
    "is never sent again after %d, and fails as Uncertain",
    (code) =>
      Effect.gen(function*() {
        const { result, tag, times } = yield* play("create", [status(code), ok()], { callOptions: { retries: 9 } })
        assert.deepStrictEqual([tag, times.length], ["Uncertain", 1])
        assert.deepNestedInclude(result, { "failure.status": code })
      })
  )

  it.effect("is never sent again after a reset, and fails as Uncertain", () =>
    Effect.gen(function*() {
      const { tag, times } = yield* play("create", ["reset", ok()])
      assert.deepStrictEqual([tag, times.length], ["Uncertain", 1])
    }))

  it.effect("is never sent again after silence, and fails as Uncertain", () =>
    Effect.gen(function*() {
      const { tag, times } = yield* play("create", ["hang", ok()])
      assert.deepStrictEqual([tag, times.length], ["Uncertain", 1])
    }))

  it.effect.each(["refused", "unknown host"] as const)(
    "is sent again after a failure before sending: %s",
    (script) =>
      Effect.gen(function*() {
        const { tag, times } = yield* play("create", [script, script, ok()])
        assert.deepStrictEqual([tag, times.length], ["ok", 3])
      })
  )

  it.effect("that could never be sent fails as Transport, not as Uncertain", () =>
    Effect.gen(function*() {
      const { tag, times } = yield* play("create", ["refused"])
      assert.deepStrictEqual([tag, times.length], ["Transport", 4])
    }))

  it.effect("that the client itself refuses to send fails with its reason, not as Uncertain; no call is tried again", () =>
    Effect.gen(function*() {
      for (const verb of ["create", "get", "stop", "remove"] as const) {
        const { tag, times } = yield* play(verb, ["refused by the client", ok()])
        assert.deepStrictEqual([verb, tag, times.length], [verb, "Validation", 1])
      }
    }))

  it.effect("is sent again after 429, and is not again once a later try may have arrived", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* play("create", [status(429), ok()])).tag, "ok")
      const { tag, times } = yield* play("create", [status(429), "reset", ok()])
      assert.deepStrictEqual([tag, times.length], ["Uncertain", 2])
    }))

  it.effect.each(
    [
      ["a page instead of JSON", new Response("<html>", { status: 200 })],
      ["half of a JSON", new Response("{\"id\":", { status: 200 })],
      ["another shape", Response.json({ pod: 1 }, { status: 201 })],
      ["null", Response.json(null)],
      ["nothing", new Response(null, { status: 204 })]
    ] as const
  )("whose success is unreadable is Uncertain: %s", ([, answer]) =>
    Effect.gen(function*() {
      const { result, tag, times } = yield* play("create", [answer])
      assert.deepStrictEqual([tag, times.length], ["Uncertain", 1])
      assert.deepNestedInclude(result, { "failure.status": answer.status, "failure.raw": null })
    }))

  it.effect.each([301, 302, 303, 307, 308])(
    "follows no redirect: what it has done before is not known, so %d is Uncertain with its status",
    (code) =>
      Effect.gen(function*() {
        const { result, tag, times } = yield* play("create", [
          status(code, { location: "https://api.acme.example/v1/elsewhere" }),
          ok()
        ])
        assert.deepStrictEqual([tag, times.length], ["Uncertain", 1])
        assert.deepNestedInclude(result, { "failure.status": code })
      })
  )
})

describe("time limits", () => {
  it.effect("an attempt has 30 seconds; a read is then sent again", () =>
    Effect.gen(function*() {
      const { tag, times } = yield* play("get", ["hang", ok()])
      assert.strictEqual(tag, "ok")
      assert.isAtLeast(times[1] ?? 0, 30_000)
      assert.isAtMost(times[1] ?? 0, 30_500)
    }))

  it.effect("the call's limit is absolute: attempts, pauses and retries end with it", () =>
    Effect.gen(function*() {
      const http = scripted("hang")
      const { get } = yield* http.provide(acme())
      const fiber = yield* Effect.forkChild(Effect.flip(get(input, call({ timeout: "45 seconds" }))), {
        startImmediately: true
      })
      yield* TestClock.adjust("44999 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.isDefined(fiber.pollUnsafe())
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "Timeout")
      assert.strictEqual(http.seen.length, 2)
    }))

  it.effect("without an option the whole call ends after two minutes", () =>
    Effect.gen(function*() {
      const { tag, times } = yield* play("get", ["hang"], { callOptions: { retries: 100 }, time: "2 minutes" })
      assert.strictEqual(tag, "Timeout")
      assert.isAtMost(times.length, 4)
    }))

  it.effect.each([-1, 1])(
    "a wall clock that jumps changes no pause and no limit: by %d years a look",
    (years) =>
      Effect.gen(function*() {
        let looks = 0
        const jumping = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
          Effect.clockWith((clock) => {
            const now = () => 1e12 + years * looks++ * 31_536_000_000
            return Effect.provideService(effect, Clock.Clock, {
              currentTimeMillisUnsafe: now,
              currentTimeMillis: Effect.sync(now),
              currentTimeNanosUnsafe: () => BigInt(now()) * 1_000_000n,
              currentTimeNanos: Effect.sync(() => BigInt(now()) * 1_000_000n),
              monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
              monotonicTimeNanos: clock.monotonicTimeNanos,
              sleep: (duration) => clock.sleep(duration)
            })
          })
        const http = scripted(status(503), status(429, { "retry-after": "7" }), ok())
        const { get } = yield* http.provide(acme())
        const fiber = yield* Effect.forkChild(tagOf(get(input, call()).pipe(jumping)), { startImmediately: true })
        yield* Effect.repeat(TestClock.adjust("1 second"), { times: 9 })
        assert.strictEqual(yield* Fiber.join(fiber), "ok")
        assert.isAbove(looks, 1)
        const silent = scripted("hang")
        const { get: never } = yield* silent.provide(acme())
        const waiting = yield* Effect.forkChild(tagOf(never(input, call({ timeout: "20 seconds" })).pipe(jumping)), {
          startImmediately: true
        })
        yield* TestClock.adjust("20 seconds")
        assert.strictEqual(yield* Fiber.join(waiting), "Timeout")
      })
  )

  it.effect("a client's own limits hold where the call has none", () =>
    Effect.gen(function*() {
      const timeouts = { attempt: "1 second", total: "10 seconds" } as const
      const { tag, times } = yield* play("get", ["hang"], { timeouts, retries: 0, time: "1 second" })
      assert.deepStrictEqual([tag, times.length], ["Timeout", 1])
    }))
})

describe("Retry-After", () => {
  it.effect("in seconds is obeyed", () =>
    Effect.gen(function*() {
      const { tag, times } = yield* play("get", [status(429, { "retry-after": "7" }), ok()])
      assert.deepStrictEqual([tag, times], ["ok", [0, 7000]])
    }))

  it.effect("as a date is obeyed", () =>
    Effect.gen(function*() {
      const date = new Date(9000).toUTCString()
      const { tag, times } = yield* play("stop", [status(503, { "retry-after": date }), ok()])
      assert.deepStrictEqual([tag, times], ["ok", [0, 9000]])
    }))

  it.effect.each(["120", "99999999999999999999", new Date(1e13).toUTCString()])(
    "beyond the call's time limit is answered at once, with the wait as asked: %s",
    (header) =>
      Effect.gen(function*() {
        const { result, tag, times } = yield* play("get", [status(429, { "retry-after": header }), ok()], {
          callOptions: { timeout: "1 minute" },
          time: 0
        })
        assert.deepStrictEqual([tag, times], ["RateLimited", [0]])
        assert.deepNestedInclude(result, { "failure.status": 429 })
      })
  )

  it.effect.each(["-1", "soon", "1e9", "", "1, 2"])(
    "that is unreadable counts as missing: %j",
    (header) =>
      Effect.gen(function*() {
        const { tag, times } = yield* play("get", [status(429, { "retry-after": header }), ok()])
        assert.strictEqual(tag, "ok")
        assert.isAtMost(times[1] ?? NaN, 500)
      })
  )
})

describe("a wait that only the body tells", () => {
  /** `endpoint threshold=3.0`, in plain text and without any header. */
  const slow = (code: number, seconds = 3): Response =>
    new Response(`API requests too frequent: endpoint threshold=${seconds}`, {
      status: code,
      headers: { "content-type": "text/plain" }
    })
  const classify: Options["classify"] = ({ message, raw, status }) => {
    const told = /threshold=([\d.]+)/.exec(message)
    return told === null
      ? undefined
      : new RateLimited({ message, raw, status, retryAfter: Duration.seconds(Number(told[1])) })
  }

  it.effect.each(["get", "stop", "create"] as const)(
    "is waited for before the call is sent again: %s",
    (verb) =>
      Effect.gen(function*() {
        const { tag, times } = yield* play(verb, [slow(429), ok()], { classify })
        assert.deepStrictEqual([tag, times], ["ok", [0, 3000]])
      })
  )

  it.effect("stops all callers of the account, not only the one that was told", () =>
    Effect.gen(function*() {
      const http = scripted(slow(429), ok())
      const api = yield* http.provide(acme({ classify }))
      const first = yield* Effect.forkChild(api.get(input, call()), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      const second = yield* Effect.forkChild(api.stop(input, call()), { startImmediately: true })
      const third = yield* Effect.forkChild(api.get(input, call()), { startImmediately: true })
      yield* TestClock.adjust("1999 millis")
      assert.lengthOf(http.seen, 1)
      yield* TestClock.adjust("1 minute")
      yield* Effect.all([Fiber.join(first), Fiber.join(second), Fiber.join(third)])
      assert.isTrue(http.seen.slice(1).every(({ at }) => at === 3000))
    }))

  it.effect("is waited for whichever status it comes with", () =>
    Effect.gen(function*() {
      const { tag, times } = yield* play("get", [slow(400), ok()], { classify })
      assert.deepStrictEqual([tag, times], ["ok", [0, 3000]])
    }))

  it.effect.each([["5", 5000], ["1", 3000]] as const)(
    "and one that a header tells: the longer counts, beside a header of %s",
    ([header, sentAgain]) =>
      Effect.gen(function*() {
        const both = slow(429)
        both.headers.set("retry-after", header)
        assert.deepStrictEqual((yield* play("get", [both, ok()], { classify })).times, [0, sentAgain])
      })
  )

  it.effect("beyond the call's time limit is answered at once, with the wait as told", () =>
    Effect.gen(function*() {
      const { result, times } = yield* play("get", [slow(429, 90), ok()], {
        classify,
        callOptions: { timeout: "1 minute" },
        time: 0
      })
      assert.deepNestedInclude(result, { "failure.retryAfter": Duration.seconds(90) })
      assert.deepStrictEqual(times, [0])
    }))

  it.effect("holds for its route alone where that has limits of its own", () =>
    Effect.gen(function*() {
      const http = scripted(slow(429), ok())
      const api = yield* http.provide(acme({ classify }))
      const volumes = api.http.endpoint({
        operation: "listVolumes",
        class: "read",
        method: "GET",
        path: "/volumes",
        limits: { name: "volumes", limits: [] }
      })
      const all = yield* Effect.forkChild(
        Effect.all([volumes({}, call()), Effect.delay(api.get(input, call()), "1 second")], {
          concurrency: "unbounded"
        }),
        { startImmediately: true }
      )
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(all)
      assert.deepStrictEqual(http.seen.map(({ at, url }) => [url.split("/").at(-1), at]), [
        ["volumes", 0],
        ["7", 1000],
        ["volumes", 3000]
      ])
    }))
})

describe("redirects of a call that may be repeated", () => {
  const there = (location: string, code = 307) => status(code, { location })

  const follow = (verb: "get" | "stop", answer: Response) =>
    Effect.gen(function*() {
      const http = scripted(answer, ok())
      const api = yield* http.provide(acme())
      return {
        tag: yield* tagOf(api[verb](input, call())),
        urls: http.seen.map(({ method, url }) => `${method} ${url}`)
      }
    })

  it.effect.each([301, 302, 303, 307, 308])("a read follows %d to the same origin", (code) =>
    Effect.gen(function*() {
      const { tag, urls } = yield* follow("get", there("/v2/boxes/7?a=1#x", code))
      assert.strictEqual(tag, "ok")
      assert.deepStrictEqual(urls.at(1), "GET https://api.acme.example/v2/boxes/7?a=1")
    }))

  it.effect("a stop follows only what keeps its method and body", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        (yield* follow("stop", there("/v2/x", 308))).urls.at(1),
        "POST https://api.acme.example/v2/x"
      )
      for (const code of [301, 302, 303]) {
        assert.strictEqual((yield* follow("stop", there("/v2/x", code))).tag, "Unknown")
      }
    }))

  it.effect.each(
    [
      ["another host", "https://evil.example/"],
      ["another port", "https://api.acme.example:8443/v1"],
      ["plain http", "http://api.acme.example/v1"],
      ["a host that begins alike", "https://api.acme.example.evil.example/"],
      ["no scheme", "//evil.example/v1"],
      ["user info", "https://user:word@api.acme.example/"],
      ["another scheme", "file:///etc/passwd"],
      ["no address", "https://%"]
    ] as const
  )(
    "is not followed to %s: Unknown with its status, and no other server is asked",
    ([, location]) =>
      Effect.gen(function*() {
        const { tag, urls } = yield* follow("get", there(location))
        assert.deepStrictEqual([tag, urls.length], ["Unknown", 1])
      })
  )

  it.effect("a circle of redirects ends", () =>
    Effect.gen(function*() {
      const http = scripted(there("/v1/boxes/7"))
      const { get } = yield* http.provide(acme())
      assert.strictEqual(yield* tagOf(get(input, call())), "Unknown")
      assert.strictEqual(http.seen.length, 6)
    }))
})
