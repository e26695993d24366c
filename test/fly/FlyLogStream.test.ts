/**
 * Following logs: one poller an app while somebody listens, nothing lost or kept without saying so.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Dispatcher from "effect-atlas/events/Dispatcher"
import { FlyLogs, FlyLogSource, FlyLogStream, FlyTopics } from "effect-atlas/fly"
import { AlreadyRunning, type FlyError } from "effect-atlas/fly/FlyError"
import { FakeFly } from "effect-atlas/testing"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { bus, canary, Published, said, stack, tokensOf } from "./logs.ts"

type Element = FlyLogStream.Element

const app = "acme-web"

/** Subscribes in a scope of its own, and keeps what comes. */
const listen = (name = app, options: FlyLogStream.SubscribeOptions = {}) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const seen: Array<Element> = []
    const stream = yield* FlyLogStream.FlyLogStream.use((logs) => logs.subscribe(name, options)).pipe(
      Scope.provide(scope)
    )
    const fiber = yield* Effect.forkIn(
      Stream.runForEach(stream, (one) => Effect.sync(() => void seen.push(one))),
      scope
    )
    return { seen, fiber, leave: Scope.close(scope, Exit.void) }
  })

const messages = (seen: ReadonlyArray<Element>): ReadonlyArray<string | null> =>
  seen.flatMap((one) => one._tag === "Logs" ? one.entries.map(({ message }) => message) : [])

const tags = (seen: ReadonlyArray<Element>) => seen.map(({ _tag }) => _tag)

/** How many requests for an app's logs there have been. */
const asked = (name = app) =>
  Effect.map(
    FakeFly.FakeFly.use(({ requests }) => requests),
    (all) => all.filter((one) => one.app === name).length
  )

const append = (name: string, ...texts: ReadonlyArray<string>) =>
  FakeFly.FakeFly.use((fly) => fly.append(name, said(...texts)))

/** Lets everybody who is not asleep go on until they are; what a body is read with needs real turns. */
const settle = Effect.promise(async () => {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
})

/** Moves the clock a second at a time, so that whoever wakes is done before it moves on. */
const tick = (by: Duration.Input = 0) =>
  Effect.gen(function*() {
    yield* settle
    for (let left = Duration.toMillis(Duration.fromInputUnsafe(by)); left > 0; left -= 1000) {
      yield* TestClock.adjust(Math.min(left, 1000))
      yield* settle
    }
  })

it.effect("the first batch reaches the subscriber that started the poller", () =>
  Effect.gen(function*() {
    yield* append(app, "one", "two")
    const { seen, leave } = yield* listen()
    yield* tick()
    assert.deepStrictEqual(messages(seen), ["one", "two"])
    yield* leave
  }).pipe(Effect.provide(stack())))

describe("one poller an app", () => {
  it.effect("whatever the number of subscribers, two seconds after each finished poll", () =>
    Effect.gen(function*() {
      yield* append(app, "one")
      const first = yield* listen()
      const second = yield* listen()
      yield* tick()
      assert.strictEqual(yield* asked(), 1)
      yield* append(app, "two")
      yield* tick("1999 millis")
      assert.strictEqual(yield* asked(), 1)
      yield* tick("1 millis")
      assert.strictEqual(yield* asked(), 2)
      assert.deepStrictEqual(messages(first.seen), ["one", "two"])
      assert.deepStrictEqual(messages(second.seen), ["one", "two"])
      yield* first.leave
      yield* second.leave
    }).pipe(Effect.provide(stack())))

  it.effect("the interval can be set, and begins when the poll has ended", () =>
    Effect.gen(function*() {
      yield* FakeFly.FakeFly.use(({ order }) => order({ _tag: "Delay", by: "3 seconds" }))
      const { leave } = yield* listen()
      yield* tick("3 seconds")
      assert.strictEqual(yield* asked(), 1)
      yield* tick("499 millis")
      assert.strictEqual(yield* asked(), 1)
      yield* tick("1 millis")
      assert.strictEqual(yield* asked(), 2)
      yield* leave
    }).pipe(Effect.provide(stack({ interval: "500 millis" }))))

  it.effect("concurrent first subscribers share one start", () =>
    Effect.gen(function*() {
      yield* append(app, "one")
      const all = yield* Effect.all(Array.from({ length: 50 }, () => listen()), { concurrency: "unbounded" })
      yield* tick()
      assert.strictEqual(yield* asked(), 1)
      for (const { seen } of all) assert.deepStrictEqual(messages(seen), ["one"])
      yield* Effect.forEach(all, ({ leave }) => leave, { concurrency: "unbounded", discard: true })
      assert.isFalse(yield* FlyLogStream.FlyLogStream.use((logs) => logs.streamerRunning(app)))
    }).pipe(Effect.provide(stack())))

  it.effect("subscribing never waits for a fetch in flight, and gets what that fetch brings", () =>
    Effect.gen(function*() {
      yield* FakeFly.FakeFly.use(({ order }) => order({ _tag: "Delay", by: "5 seconds" }))
      yield* append(app, "one")
      const first = yield* listen()
      yield* tick("1 second")
      // the clock stands still: whoever waited for the fetch would hang here
      const second = yield* listen()
      yield* tick("4 seconds")
      assert.deepStrictEqual(messages(second.seen), ["one"])
      yield* first.leave
      yield* second.leave
    }).pipe(Effect.provide(stack())))

  it.effect("a full page is followed at once by the next, an empty or short one after the interval", () =>
    Effect.gen(function*() {
      yield* append(app, "line")
      const { leave, seen } = yield* listen()
      yield* tick()
      yield* append(app, ...Array.from({ length: 250 }, (_, n) => `line ${n}`))
      yield* tick("2 seconds")
      assert.strictEqual(messages(seen).length, 251)
      assert.strictEqual(yield* asked(), 4)
      yield* leave
    }).pipe(Effect.provide(stack())))
})

describe("a poller ends", () => {
  it.effect("with its last subscriber, by a stream that ends, a scope that closes, a fiber that is interrupted", () =>
    Effect.gen(function*() {
      const logs = yield* FlyLogStream.FlyLogStream
      yield* append(app, "one")
      const scoped = yield* listen()
      const interrupted = yield* Effect.forkChild(Stream.runDrain(logs.subscribeLogs(app)), { startImmediately: true })
      yield* Stream.runDrain(Stream.take(logs.subscribeLogs(app), 1))
      assert.deepStrictEqual((yield* logs.streamers).map(({ subscribers }) => subscribers), [2])
      yield* scoped.leave
      assert.isTrue(yield* logs.streamerRunning(app))
      yield* Fiber.interrupt(interrupted)
      assert.isFalse(yield* logs.streamerRunning(app))
      const before = yield* asked()
      yield* tick("10 minutes")
      assert.strictEqual(yield* asked(), before)
    }).pipe(Effect.provide(stack())))

  it.effect("also one that was started by hand, once a subscriber came and left, and it is not restarted", () =>
    Effect.gen(function*() {
      const logs = yield* FlyLogStream.FlyLogStream
      yield* logs.startStreamer(app)
      yield* tick("10 seconds")
      const { leave } = yield* listen()
      yield* leave
      const before = yield* asked()
      yield* tick("1 hour")
      assert.strictEqual(yield* asked(), before)
      assert.deepStrictEqual(yield* logs.streamers, [])
    }).pipe(Effect.provide(stack())))

  it.effect("with one stop signal on the topic, whatever ended it", () =>
    Effect.gen(function*() {
      const logs = yield* FlyLogStream.FlyLogStream
      const { messages } = yield* Published
      const stopped = () =>
        messages.filter(({ message }) => JSON.stringify(message) === `{"_tag":"Stopped","app":"${app}"}`)
      const { leave } = yield* listen()
      yield* leave
      assert.strictEqual(stopped().length, 1)
      yield* logs.startStreamer(app)
      yield* logs.stopStreamer(app)
      assert.strictEqual(stopped().length, 2)
      const ended = yield* listen()
      yield* logs.stopStreamer(app)
      yield* tick()
      assert.strictEqual(stopped().length, 3)
      assert.deepStrictEqual(tags(ended.seen), ["Stopped"])
      yield* ended.leave
      assert.strictEqual(stopped().length, 3)
    }).pipe(Effect.provide(stack())))

  it.effect("and one that is stopped ends the streams of its subscribers after what they had not read yet", () =>
    Effect.gen(function*() {
      const logs = yield* FlyLogStream.FlyLogStream
      yield* append(app, "one")
      const stream = yield* logs.subscribe(app)
      yield* tick()
      yield* logs.stopStreamer(app)
      const seen = yield* Stream.runCollect(stream)
      assert.deepStrictEqual(messages(seen), ["one"])
      assert.deepStrictEqual(tags(seen), ["Logs", "Stopped"])
    }).pipe(Effect.scoped, Effect.provide(stack())))

  it.effect("before the next one of the same app begins, however long its last word takes", () => {
    const heard: Array<string> = []
    const slowBus = Layer.succeed(Dispatcher.Dispatcher, {
      canSubscribe: false,
      publish: (_, message) => {
        const tag = String(typeof message === "object" && message !== null && Reflect.get(message, "_tag"))
        return Effect.delay(Effect.sync(() => void heard.push(tag)), tag === "Stopped" ? "5 seconds" : 0)
      },
      subscribe: () => Effect.succeed(Stream.empty)
    })
    return Effect.gen(function*() {
      yield* append(app, "one")
      const first = yield* listen()
      yield* tick()
      yield* Effect.forkChild(first.leave, { startImmediately: true })
      const second = yield* listen()
      yield* tick("4 seconds")
      assert.deepStrictEqual(heard, ["Logs"])
      yield* tick("2 seconds")
      assert.deepStrictEqual(heard, ["Logs", "Stopped", "Logs"])
      assert.deepStrictEqual(messages(second.seen), ["one"])
      yield* Effect.forkChild(second.leave, { startImmediately: true })
      yield* tick("5 seconds")
    }).pipe(
      Effect.provide(
        FlyLogStream.layer().pipe(
          Layer.provide(FlyLogs.layerTokens(tokensOf(canary))),
          Layer.provide(FlyLogSource.layerPlatform()),
          Layer.provide(FakeFly.layerClient),
          Layer.provideMerge(FakeFly.layer()),
          Layer.provide(slowBus)
        )
      )
    )
  })

  it.effect("and leaves no fiber when the layer closes, however many apps and subscribers there were", () =>
    Effect.gen(function*() {
      const counts = { started: 0, alive: 0 }
      const scope = yield* Scope.make()
      yield* Effect.gen(function*() {
        const context = yield* Layer.buildWithScope(stack(), scope)
        yield* Effect.gen(function*() {
          const logs = yield* FlyLogStream.FlyLogStream
          const streams = yield* Effect.forEach([app, app, "acme-api", "no-such-app"], (name) => logs.subscribe(name))
          yield* Effect.forEach(streams, (stream) => Effect.forkChild(Stream.runDrain(stream)), { discard: true })
          yield* logs.startStreamer("acme-other")
          yield* tick("10 seconds")
          assert.strictEqual((yield* logs.streamers).length, 4)
          assert.isAtLeast(counts.alive, 8)
          yield* Scope.close(scope, Exit.void)
          yield* tick()
          const refused = yield* Effect.flip(logs.subscribe(app))
          assert.strictEqual(refused.kind, "no_streamer")
        }).pipe(Effect.scoped, Effect.provide(context))
      }).pipe(Effect.provideService(Metric.FiberRuntimeMetrics, {
        recordFiberStart: () => {
          counts.started += 1
          counts.alive += 1
        },
        recordFiberEnd: () => void (counts.alive -= 1)
      }))
      assert.isAtLeast(counts.started, 8)
      assert.strictEqual(counts.alive, 0)
    }))
})

describe("a failed fetch", () => {
  it.effect("is logged with app and reason, told to subscribers, and keeps the streamer and its place", () =>
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

  it.effect("of one app disturbs neither the pace nor the place of another", () =>
    Effect.gen(function*() {
      const fly = yield* FakeFly.FakeFly
      yield* fly.order({ _tag: "Refuse", app: "acme-api", status: 500, times: 1000 })
      yield* append(app, "one")
      const failing = yield* listen("acme-api")
      const fine = yield* listen()
      yield* tick("2 seconds")
      yield* append(app, "two")
      yield* tick("8 seconds")
      assert.deepStrictEqual(messages(fine.seen), ["one", "two"])
      assert.strictEqual(yield* asked(), 6)
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

  it.effect("of a streamer without subscribers moves in silence: who comes later gets only what is new", () =>
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

  it.effect("a host that stands still is not hurried, however full its pages", () => {
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
  it.effect("loses the oldest batches, is told how many, and holds up nobody", () =>
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

  it.effect("does not collect failures either: of several in a row the last one waits", () =>
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

describe("a subscriber", () => {
  it.effect("can want one region or one machine, and gets no empty batches", () =>
    Effect.gen(function*() {
      const fly = yield* FakeFly.FakeFly
      const all = yield* listen()
      const inAms = yield* listen(app, { region: "ams" })
      const onOne = yield* listen(app, { instance: "1", region: "fra" })
      yield* tick()
      yield* fly.append(app, [{ message: "a", region: "ams" }, { message: "b", instance: "1" }])
      yield* tick("2 seconds")
      yield* fly.append(app, [{ message: "c", instance: "2" }])
      yield* tick("2 seconds")
      assert.deepStrictEqual(messages(all.seen), ["a", "b", "c"])
      assert.deepStrictEqual(messages(inAms.seen), ["a"])
      assert.deepStrictEqual(messages(onOne.seen), ["b"])
      assert.strictEqual(onOne.seen.length, 1)
      for (const { leave } of [all, inAms, onOne]) yield* leave
    }).pipe(Effect.provide(stack())))

  it.effect("gets on the topic what it gets in the stream, in batches that are never empty", () =>
    Effect.gen(function*() {
      const { messages } = yield* Published
      const { leave, seen } = yield* listen()
      yield* tick()
      yield* append(app, "one", "two")
      yield* tick("10 seconds")
      yield* leave
      assert.strictEqual(seen.length, 1)
      assert.deepStrictEqual(messages.map(({ topic }) => topic), [`fly_logs:${app}`, `fly_logs:${app}`])
      assert.deepStrictEqual(messages[0]?.message, seen[0])
    }).pipe(Effect.provide(stack())))

  it.effect("is not needed to hear of it elsewhere: the topic of a real bus has the batches and the end", () =>
    Effect.gen(function*() {
      const bus = yield* Dispatcher.Dispatcher
      const elsewhere = yield* bus.subscribe(FlyTopics.logs(app))
      yield* append(app, "one")
      const { leave } = yield* listen()
      yield* tick()
      yield* leave
      const heard = yield* Stream.runCollect(Stream.take(elsewhere, 2))
      assert.deepStrictEqual(heard.map((one) => one._tag === "Message" ? one.message._tag : one._tag), [
        "Logs",
        "Stopped"
      ])
    }).pipe(
      Effect.scoped,
      Effect.provide(
        FlyLogStream.layer().pipe(
          Layer.provide(FlyLogs.layerTokens(tokensOf(canary))),
          Layer.provide(FlyLogSource.layerPlatform()),
          Layer.provide(FakeFly.layerClient),
          Layer.provideMerge(FakeFly.layer()),
          Layer.provideMerge(Dispatcher.layerMemory)
        )
      )
    ))

  it.effect("of an app that cannot be is refused before anything starts", () =>
    Effect.gen(function*() {
      const logs = yield* FlyLogStream.FlyLogStream
      for (const name of ["", "../etc", "a b", "a/b", "x".repeat(300)]) {
        const error = yield* Effect.flip(Stream.runDrain(logs.subscribeLogs(name)))
        assert.strictEqual(error.kind, "validation")
      }
      assert.deepStrictEqual(yield* logs.streamers, [])
    }).pipe(Effect.provide(stack())))

  it.effect("is refused where Fly operations are switched off, and nothing is left of it", () =>
    Effect.gen(function*() {
      const logs = yield* FlyLogStream.FlyLogStream
      const kinds = yield* Effect.forEach(
        [Stream.runDrain(logs.subscribeLogs(app)), Effect.scoped(logs.subscribe(app)), logs.startStreamer(app)],
        (refused) => Effect.map(Effect.flip<unknown, FlyError, never>(refused), ({ kind }) => kind)
      )
      assert.deepStrictEqual(kinds, ["no_streamer", "no_streamer", "no_streamer"])
      assert.strictEqual((yield* Effect.flip(logs.stopStreamer(app))).kind, "not_found")
      assert.isFalse(yield* logs.streamerRunning(app))
    }).pipe(Effect.provide(FlyLogStream.layerDisabled)))
})

describe("by hand", () => {
  it.effect("a streamer is started once, seen with its directory, and stopped once", () =>
    Effect.gen(function*() {
      const logs = yield* FlyLogStream.FlyLogStream
      yield* logs.startStreamer(app, { projectDir: "/srv/web" })
      assert.strictEqual((yield* Effect.flip(logs.startStreamer(app))).kind, "already_running")
      assert.deepStrictEqual(yield* logs.streamers, [{ app, projectDir: "/srv/web", subscribers: 0 }])
      assert.isTrue(yield* logs.streamerRunning(app))
      yield* logs.stopStreamer(app)
      assert.isFalse(yield* logs.streamerRunning(app))
      assert.strictEqual((yield* Effect.flip(logs.stopStreamer(app))).kind, "not_found")
    }).pipe(Effect.provide(stack())))

  it.effect("a streamer of a subscriber is running already", () =>
    Effect.gen(function*() {
      const { leave } = yield* listen()
      const error = yield* Effect.flip(FlyLogStream.FlyLogStream.use((logs) => logs.startStreamer(app)))
      assert.instanceOf(error.reason, AlreadyRunning)
      yield* leave
    }).pipe(Effect.provide(stack())))
})
