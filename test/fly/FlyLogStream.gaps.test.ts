/**
 * Following logs when something goes wrong: a fetch that fails, a cursor that is of no use, a reader that is too slow.
 */
import { assert, describe, it } from "@effect/vitest"
import type { FlyLogSource } from "effect-atlas/fly"
import { FlyLogs, FlyLogStream } from "effect-atlas/fly"
import { FakeFly } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import { bus, Published, stack } from "./logs.ts"
import { app, append, asked, listen, messages, tags, tick } from "./logStreamHarness.ts"

describe("a failed fetch", () => {
  it.effect("is logged with app and reason, delivered to subscribers, and the poller goes on from the same cursor", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      yield* Effect.gen(function*() {
        const fly = yield* FakeFly.FakeFly
        yield* append(app, "one")
        const { leave, seen } = yield* listen()
        yield* tick()
        yield* fly.order({ _tag: "Refuse", status: 503, body: "secret words of the host" })
        yield* append(app, "two")
        yield* tick("2 seconds")
        assert.deepStrictEqual(tags(seen), ["Logs", "Failed"])
        yield* tick("2 seconds")
        assert.deepStrictEqual(messages(seen), ["one", "two"])
        const cursors = (yield* fly.requests).map(({ cursor }) => cursor)
        assert.isNull(cursors[0])
        assert.isNotNull(cursors[1])
        assert.strictEqual(cursors[2], cursors[1])
        yield* leave
      }).pipe(
        Effect.provide(Layer.provideMerge(
          stack(),
          Logger.layer([Logger.make(({ fiber, message }) => {
            lines.push(JSON.stringify([message, fiber.getRef(References.CurrentLogAnnotations)]))
          })])
        ))
      )
      assert.strictEqual(lines.length, 1)
      assert.include(lines[0], "acme-web")
      assert.include(lines[0], "[fly] provider (HTTP 503)")
      assert.notInclude(lines.join(), "secret words")
    }))

  it.effect("in a row backs off to a minute, and the first success brings the interval back", () =>
    Effect.gen(function*() {
      const fly = yield* FakeFly.FakeFly
      yield* fly.order({ _tag: "Refuse", status: 500, times: 8 })
      const { leave } = yield* listen()
      yield* tick("20 minutes")
      const at = (yield* fly.requests).map((one) => one.at / 1000)
      const pauses = at.slice(1, 11).map((moment, index) => moment - (at[index] ?? 0))
      assert.deepStrictEqual(pauses, [2, 4, 8, 16, 32, 60, 60, 60, 2, 2])
      yield* leave
    }).pipe(Effect.provide(stack())))

  it.effect("with Retry-After waits that long, and never more than a minute", () =>
    Effect.gen(function*() {
      const fly = yield* FakeFly.FakeFly
      yield* fly.order({ _tag: "Refuse", status: 429, retryAfter: 20 })
      yield* fly.order({ _tag: "Refuse", status: 429, retryAfter: 900 })
      const { leave } = yield* listen()
      yield* tick("5 minutes")
      const at = (yield* fly.requests).map((one) => one.at / 1000)
      assert.deepStrictEqual(at.slice(0, 3), [0, 20, 80])
      yield* leave
    }).pipe(Effect.provide(stack())))

  it.effect("of one app changes neither the interval nor the cursor of another", () =>
    Effect.gen(function*() {
      const fly = yield* FakeFly.FakeFly
      yield* fly.order({ _tag: "Refuse", app: "acme-api", status: 500, times: 1000 })
      yield* append(app, "one")
      const failing = yield* listen("acme-api")
      const fine = yield* listen()
      yield* tick("8 seconds")
      // more than what is read again, so that the cursor moves
      yield* append(app, "two")
      yield* tick("8 seconds")
      assert.deepStrictEqual(messages(fine.seen), ["one", "two"])
      assert.strictEqual(yield* asked(), 9)
      const cursors = (yield* fly.requests).filter((one) => one.app === app).map(({ cursor }) => cursor)
      assert.strictEqual(new Set(cursors).size, 3)
      assert.isTrue(tags(failing.seen).every((tag) => tag === "Failed"))
      yield* failing.leave
      yield* fine.leave
    }).pipe(Effect.provide(stack())))

  it.effect("that is a bug of an injected token source ends nothing either", () => {
    let calls = 0
    const tokens: FlyLogs.TokenSource = {
      get: () =>
        Effect.suspend(() =>
          calls++ === 0 ? Effect.die(new Error("fm2_secret")) : Effect.succeed(Redacted.make("fm2_a"))
        ),
      invalidate: () => Effect.void
    }
    return Effect.gen(function*() {
      yield* append(app, "one")
      const { leave, seen } = yield* listen()
      yield* tick("2 seconds")
      assert.deepStrictEqual(tags(seen), ["Failed", "Logs"])
      assert.notInclude(JSON.stringify(seen), "secret")
      yield* leave
    }).pipe(Effect.provide(stack({}, tokens)))
  })
})

describe("the cursor", () => {
  /** Log pages from a script, and the cursors they were asked with. */
  const scripted = (pages: ReadonlyArray<Partial<FlyLogSource.Page>>) => {
    const cursors: Array<string | null> = []
    const page = Effect.sync(() => {
      const entries = pages[cursors.length - 1]?.entries ?? []
      return {
        ids: entries.map(() => null),
        cursor: null,
        isFull: false,
        skipped: 0,
        ...pages[cursors.length - 1],
        entries
      }
    })
    const fetch: FlyLogs.FlyLogs["Service"]["fetch"] = (_, options = {}) =>
      Effect.andThen(Effect.sync(() => void cursors.push(options.cursor ?? null)), page)
    return {
      cursors,
      layer: FlyLogStream.layer().pipe(
        Layer.provide(Layer.succeed(FlyLogs.FlyLogs, { fetch, fetchWithRetry: fetch })),
        Layer.provideMerge(bus)
      )
    }
  }
  const entry = (message: string) => ({
    message,
    timestamp: null,
    level: null,
    region: null,
    instance: null,
    appName: null
  })

  it.effect("is absent at first, never moves back, and a page without one keeps it", () => {
    const { cursors, layer } = scripted([
      { cursor: "1795166401123456789" },
      { cursor: "1795166401123456788" },
      { cursor: null, entries: [entry("no time")] },
      { cursor: "1795166401123456790" },
      { cursor: "999" }
    ])
    return Effect.gen(function*() {
      const { leave } = yield* listen()
      yield* tick("10 seconds")
      assert.deepStrictEqual(cursors, [
        null,
        "1795166401123456789",
        "1795166401123456789",
        "1795166401123456789",
        "1795166401123456790",
        "1795166401123456790"
      ])
      yield* leave
    }).pipe(Effect.provide(layer))
  })

  it.effect("of a poller without subscribers advances without publishing: a later subscriber gets only new lines", () =>
    Effect.gen(function*() {
      const logs = yield* FlyLogStream.FlyLogStream
      const published = yield* Published
      yield* append(app, "old")
      yield* logs.startStreamer(app)
      yield* tick("4 seconds")
      assert.deepStrictEqual(published.messages, [])
      const { leave, seen } = yield* listen()
      yield* append(app, "new")
      yield* tick("2 seconds")
      assert.deepStrictEqual(messages(seen), ["new"])
      yield* leave
    }).pipe(Effect.provide(stack())))

  it.effect("a line that two pages share comes once", () =>
    Effect.gen(function*() {
      const fly = yield* FakeFly.FakeFly
      yield* fly.order({ _tag: "Overlap", times: 10 })
      yield* fly.append(app, [{ message: "one" }, { message: "two" }, { message: "nameless", id: null }])
      const { leave, seen } = yield* listen()
      yield* tick("4 seconds")
      yield* append(app, "three")
      yield* tick("4 seconds")
      assert.deepStrictEqual(messages(seen), ["one", "two", "nameless", "three"])
      yield* leave
    }).pipe(Effect.provide(stack())))

  it.effect("a host whose cursor does not advance is not asked again at once, however full its pages", () => {
    const { cursors, layer } = scripted(
      Array.from({ length: 100 }, (_, n) => ({ cursor: "5", isFull: true, entries: [entry(`again ${n}`)] }))
    )
    return Effect.gen(function*() {
      const { leave } = yield* listen()
      yield* tick("10 seconds")
      assert.isAtMost(cursors.length, 7)
      yield* leave
    }).pipe(Effect.provide(layer))
  })
})

describe("a slow subscriber", () => {
  it.effect("loses the oldest batches, gets their number, and delays no other subscriber", () =>
    Effect.gen(function*() {
      const logs = yield* FlyLogStream.FlyLogStream
      const slow = yield* logs.subscribe(app, { capacity: 3 })
      const fast = yield* listen()
      for (const text of ["1", "2", "3", "4", "5"]) {
        yield* append(app, text)
        yield* tick("2 seconds")
      }
      assert.deepStrictEqual(messages(fast.seen), ["1", "2", "3", "4", "5"])
      yield* logs.stopStreamer(app)
      const seen = yield* Stream.runCollect(slow)
      assert.deepStrictEqual(seen[0], { _tag: "Gap", app, batches: 2, entries: 2 })
      assert.deepStrictEqual(messages(seen), ["3", "4", "5"])
      yield* fast.leave
    }).pipe(Effect.scoped, Effect.provide(stack())))

  it.effect("does not collect failures: of several in a row only the last one waits", () =>
    Effect.gen(function*() {
      const logs = yield* FlyLogStream.FlyLogStream
      const stream = yield* logs.subscribe("no-such-app")
      yield* tick("1 hour")
      yield* logs.stopStreamer("no-such-app")
      assert.deepStrictEqual(tags(yield* Stream.runCollect(stream)), ["Failed", "Stopped"])
    }).pipe(Effect.scoped, Effect.provide(stack())))

  it.effect("still gets the newest batch when that alone is more than its bound", () =>
    Effect.gen(function*() {
      const logs = yield* FlyLogStream.FlyLogStream
      yield* append(app, "1", "2", "3", "4")
      const stream = yield* logs.subscribe(app, { capacity: 2 })
      yield* tick()
      yield* logs.stopStreamer(app)
      assert.deepStrictEqual(messages(yield* Stream.runCollect(stream)), ["1", "2", "3", "4"])
    }).pipe(Effect.scoped, Effect.provide(stack())))
})
