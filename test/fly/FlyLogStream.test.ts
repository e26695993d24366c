/**
 * Following logs: one poller an app while it has subscribers, nothing lost or kept without saying so.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Dispatcher from "effect-atlas/events/Dispatcher"
import { FlyLogs, FlyLogSource, FlyLogStream, FlyTopics } from "effect-atlas/fly"
import { AlreadyRunning, type FlyError } from "effect-atlas/fly/FlyError"
import { FakeFly } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { canary, Published, stack, tokensOf } from "./logs.ts"
import { app, append, asked, listen, messages, tags, tick } from "./logStreamHarness.ts"

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
      // the clock stands still: a reader that waited for the fetch would hang here
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

  it.effect("with one Stopped message on the topic, whatever ended it", () =>
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

  it.effect("before the next one of the same app begins, however long publishing its end takes", () => {
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

  it.effect("can be replaced by the topic of a real bus, which has the batches and the end", () =>
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
