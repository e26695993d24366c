/**
 * The dispatcher of one process: bounds, eviction, gaps, and that a subscriber that is gone costs nothing.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Dispatcher from "effect-atlas/events/Dispatcher"
import * as EventMetrics from "effect-atlas/events/EventMetrics"
import * as Topic from "effect-atlas/events/Topic"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { collectGarbage, counted, countFibers, keepLogs, message, next, ownMetrics } from "./harness.ts"

const topic = Topic.make("numbers", Schema.Int)

const Thing = Schema.Struct({ n: Schema.Int })
const things = Topic.make("things", Thing)

/** A dispatcher in a scope, for steps that are not in one effect. */
const build = () => {
  const scope = Scope.makeUnsafe()
  const context = Effect.runSync(Scope.provide(Layer.build(Layer.fresh(Dispatcher.layerMemory)), scope))
  return { dispatcher: Context.get(context, Dispatcher.Dispatcher), scope }
}

const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i)

describe("a subscriber who does not read is bounded by bytes as well as by messages", () => {
  const texts = Topic.make("texts", Schema.Unknown)
  const mebibyte = "x".repeat(1024 * 1024)

  it("is evicted when more than 64 MiB wait for it, however few the messages are", async () => {
    const { dispatcher, scope } = build()
    const reader = Effect.runSync(Scope.provide(dispatcher.subscribe(texts), scope))
    Effect.runSync(
      Effect.forEach(range(1, 70), (n) => dispatcher.publish(texts, { entries: [{ message: `${n}${mebibyte}` }] }), {
        discard: true
      })
    )
    assert.deepStrictEqual(await Effect.runPromise(Stream.runCollect(reader)), [{ _tag: "Evicted", topic: "texts" }])
  })

  it.effect.each<readonly [string, (n: number) => unknown]>([
    ["texts", (n) => `${n}`.repeat(100)],
    ["bytes", (n) => new Uint8Array(100).fill(n)],
    ["lists", (n) => Array.from({ length: 13 }, () => n)],
    ["maps", (n) => new Map([[`${n}`, "y".repeat(100)]])]
  ])("may choose the bound, and gets a gap and the newest: %s", ([, make]) =>
    Effect.gen(function*() {
      const dispatcher = yield* Dispatcher.Dispatcher
      const stream = yield* dispatcher.subscribe(texts, { overflow: "gap", bytes: 250 })
      for (const n of range(1, 5)) yield* dispatcher.publish(texts, make(n))
      assert.deepStrictEqual(yield* next(stream, 3), [{ _tag: "Gap", lost: 3 }, message(make(4)), message(make(5))])
      // what was read no longer counts
      for (const n of range(6, 7)) yield* dispatcher.publish(texts, make(n))
      assert.deepStrictEqual(yield* next(stream, 2), [message(make(6)), message(make(7))])
    }).pipe(Effect.scoped, Effect.provide(Dispatcher.layerMemory)))

  it.effect("gets a single message of any size, and one that holds itself or cannot be looked into", () =>
    Effect.gen(function*() {
      const dispatcher = yield* Dispatcher.Dispatcher
      const stream = yield* dispatcher.subscribe(texts, { overflow: "gap", bytes: Number.NaN })
      const ring: { self?: unknown } = {}
      ring.self = ring
      const closed = new Proxy({}, {
        ownKeys: () => {
          throw new Error("closed")
        }
      })
      for (const one of [mebibyte, ring, closed]) {
        yield* dispatcher.publish(texts, one)
        const [heard] = yield* next(stream, 1)
        assert.isTrue(heard?._tag === "Message" && heard.message === one)
      }
    }).pipe(Effect.scoped, Effect.provide(Dispatcher.layerMemory)))
})

describe("publishing", () => {
  it("never waits: a hundred thousand messages to a subscriber who never reads are published without a pause", async () => {
    const { dispatcher, scope } = build()
    const stream = Effect.runSync(Scope.provide(dispatcher.subscribe(topic), scope))
    // runSync fails on anything that waits
    Effect.runSync(Effect.forEach(range(1, 100_000), (n) => dispatcher.publish(topic, n), { discard: true }))
    assert.deepStrictEqual(await Effect.runPromise(Stream.runCollect(stream)), [{ _tag: "Evicted", topic: "numbers" }])
  })

  it.effect("never runs a reader: the publisher goes on, and the reader gets the burst afterwards", () =>
    Effect.gen(function*() {
      const dispatcher = yield* Dispatcher.Dispatcher
      const seen: Array<string> = []
      const stream = yield* dispatcher.subscribe(topic)
      const reader = yield* Effect.forkChild(
        Stream.runForEachArray(
          Stream.take(stream, 3),
          (batch) => Effect.sync(() => void seen.push(`read ${batch.length}`))
        ),
        { startImmediately: true }
      )
      yield* Effect.forEach([1, 2, 3], (n) => dispatcher.publish(topic, n), { discard: true })
      seen.push("published")
      yield* Fiber.join(reader)
      assert.deepStrictEqual(seen, ["published", "read 3"])
    }).pipe(Effect.provide(Dispatcher.layerMemory)))

  it.effect("is not failed by logs and metrics that break", () =>
    Effect.gen(function*() {
      const dispatcher = yield* Dispatcher.Dispatcher
      const stream = yield* dispatcher.subscribe(topic, { capacity: 1 })
      yield* Effect.forEach([1, 2], (n) => dispatcher.publish(topic, n), { discard: true })
      assert.deepStrictEqual(yield* Stream.runCollect(stream), [{ _tag: "Evicted", topic: "numbers" }])
    }).pipe(
      Effect.provide(Layer.provideMerge(
        Dispatcher.layerMemory,
        Logger.layer([Logger.make(() => {
          throw new Error("the sink is broken")
        })])
      ))
    ))

  it.effect("from within a reader of the same topic works", () =>
    Effect.gen(function*() {
      const dispatcher = yield* Dispatcher.Dispatcher
      const stream = yield* dispatcher.subscribe(topic)
      yield* dispatcher.publish(topic, 1)
      const seen = yield* stream.pipe(
        Stream.map((one) => one._tag === "Message" ? one.message : -1),
        Stream.tap((n) => dispatcher.publish(topic, n + 1)),
        Stream.take(5),
        Stream.runCollect
      )
      assert.deepStrictEqual(seen, [1, 2, 3, 4, 5])
    }).pipe(Effect.provide(Dispatcher.layerMemory)))

  it.effect("stays within its own layer when there are two", () =>
    Effect.gen(function*() {
      const one = yield* Dispatcher.Dispatcher
      const two = Context.get(yield* Layer.build(Layer.fresh(Dispatcher.layerMemory)), Dispatcher.Dispatcher)
      const stream = yield* one.subscribe(topic)
      yield* two.publish(topic, 1)
      yield* one.publish(topic, 2)
      assert.deepStrictEqual(yield* next(stream, 1), [message(2)])
    }).pipe(Effect.provide(Dispatcher.layerMemory)))
})

describe("a subscription", () => {
  it.effect("keeps 10,000 messages unless told otherwise, and is evicted by the next one", () =>
    Effect.gen(function*() {
      const logs = keepLogs()
      const dispatcher = yield* Dispatcher.Dispatcher
      const stream = yield* dispatcher.subscribe(topic)
      yield* Effect.forEach(range(1, 10_000), (n) => dispatcher.publish(topic, n), { discard: true })
      assert.strictEqual((yield* next(stream, 10_000)).length, 10_000)
      yield* Effect.forEach(range(1, 10_001), (n) => dispatcher.publish(topic, n), { discard: true }).pipe(
        Effect.provide(logs.layer)
      )
      assert.deepStrictEqual(yield* Stream.runCollect(stream), [{ _tag: "Evicted", topic: "numbers" }])
      assert.strictEqual(yield* counted(EventMetrics.evicted), 1)
      assert.strictEqual(logs.lines.length, 1)
      assert.include(logs.lines[0], "\"topic\":\"numbers\"")
    }).pipe(Effect.provide(Dispatcher.layerMemory), ownMetrics))

  it.effect.each([0, -5, Number.NaN, 0.5, 1, 1.9])(
    "of capacity %d keeps one message",
    (capacity) =>
      Effect.gen(function*() {
        const dispatcher = yield* Dispatcher.Dispatcher
        const stream = yield* dispatcher.subscribe(topic, { capacity, overflow: "gap" })
        yield* Effect.forEach([1, 2, 3], (n) => dispatcher.publish(topic, n), { discard: true })
        assert.deepStrictEqual(yield* next(stream, 2), [{ _tag: "Gap", lost: 2 }, message(3)])
      }).pipe(Effect.provide(Dispatcher.layerMemory))
  )

  it.effect("puts a Gap where messages were dropped: after those that were read, before those that were kept", () =>
    Effect.gen(function*() {
      const dispatcher = yield* Dispatcher.Dispatcher
      const stream = yield* dispatcher.subscribe(topic, { capacity: 2, overflow: "gap" })
      const publish = (values: ReadonlyArray<number>) =>
        Effect.forEach(values, (n) => dispatcher.publish(topic, n), { discard: true })
      yield* publish([1, 2])
      const first = yield* next(stream, 2)
      yield* publish([3, 4, 5])
      const second = yield* next(stream, 3)
      yield* publish([6])
      const third = yield* next(stream, 1)
      assert.deepStrictEqual([...first, ...second, ...third], [
        message(1),
        message(2),
        { _tag: "Gap", lost: 1 },
        message(4),
        message(5),
        message(6)
      ])
    }).pipe(Effect.provide(Dispatcher.layerMemory)))

  it.effect("a reader that is interrupted while it waits loses nothing for the next one", () =>
    Effect.gen(function*() {
      const dispatcher = yield* Dispatcher.Dispatcher
      const stream = yield* dispatcher.subscribe(topic)
      const reader = yield* Effect.forkChild(Stream.runDrain(stream), { startImmediately: true })
      yield* Fiber.interrupt(reader)
      yield* dispatcher.publish(topic, 1)
      assert.deepStrictEqual(yield* next(stream, 1), [message(1)])
    }).pipe(Effect.provide(Dispatcher.layerMemory)))

  it.effect("ends for a reader that waits when its scope closes", () =>
    Effect.gen(function*() {
      const dispatcher = yield* Dispatcher.Dispatcher
      const scope = yield* Scope.make()
      const stream = yield* Scope.provide(dispatcher.subscribe(topic), scope)
      const reader = yield* Effect.forkChild(Stream.runCollect(stream), { startImmediately: true })
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* Fiber.join(reader), [])
    }).pipe(Effect.provide(Dispatcher.layerMemory)))

  it.effect("in a scope that is closed already ends at once", () =>
    Effect.gen(function*() {
      const dispatcher = yield* Dispatcher.Dispatcher
      const scope = yield* Scope.make()
      yield* Scope.close(scope, Exit.void)
      const stream = yield* Scope.provide(dispatcher.subscribe(topic), scope)
      yield* dispatcher.publish(topic, 1)
      assert.deepStrictEqual(yield* Stream.runCollect(stream), [])
    }).pipe(Effect.provide(Dispatcher.layerMemory)))

  it.effect("ends for all subscribers when the layer closes", () =>
    Effect.gen(function*() {
      const { dispatcher, scope } = build()
      const stream = yield* dispatcher.subscribe(topic)
      const reader = yield* Effect.forkChild(Stream.runCollect(stream), { startImmediately: true })
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* Fiber.join(reader), [])
      yield* dispatcher.publish(topic, 1)
    }))

  it.effect("of another scope counts on its own", () =>
    Effect.gen(function*() {
      const dispatcher = yield* Dispatcher.Dispatcher
      const streams = yield* Effect.forEach(
        [1, 2],
        () => Effect.flatMap(Scope.make(), (scope) => Scope.provide(dispatcher.subscribe(topic), scope))
      )
      yield* dispatcher.publish(topic, 7)
      for (const stream of streams) assert.deepStrictEqual(yield* next(stream, 1), [message(7)])
    }).pipe(Effect.provide(Dispatcher.layerMemory)))
})

describe("nothing is left", () => {
  it("of what an evicted subscriber did not read, although its scope stays open", async () => {
    const { dispatcher, scope } = build()
    const stream = Effect.runSync(Scope.provide(dispatcher.subscribe(things, { capacity: 10 }), scope))
    const references = range(1, 20).map((n) => {
      const thing = { n }
      Effect.runSync(dispatcher.publish(things, thing))
      return new WeakRef(thing)
    })
    await collectGarbage()
    assert.deepStrictEqual(references.filter((one) => one.deref() !== undefined), [])
    assert.deepStrictEqual(await Effect.runPromise(Stream.runCollect(stream)), [{ _tag: "Evicted", topic: "things" }])
  })

  it("of messages and topics without subscribers, or whose subscribers have left", async () => {
    const { dispatcher } = build()
    const references = range(1, 100).flatMap((n) => {
      const own = Topic.make(`own:${n}`, Thing)
      const thing = { n }
      const scope = Scope.makeUnsafe()
      const stream = Effect.runSync(Scope.provide(dispatcher.subscribe(own), scope))
      Effect.runSync(dispatcher.publish(own, thing))
      Effect.runSync(Scope.close(scope, Exit.void))
      Effect.runSync(dispatcher.publish(own, thing))
      return [new WeakRef(own), new WeakRef(scope), new WeakRef(thing), new WeakRef(stream)]
    })
    await collectGarbage()
    // the engine may still hold what was touched last
    assert.isAtMost(references.filter((one) => one.deref() !== undefined).length, 3)
  })

  it.effect("running: a thousand subscribers, half of them evicted, and no fiber once their scopes are closed", () =>
    Effect.gen(function*() {
      const fibers = countFibers()
      yield* Effect.gen(function*() {
        const dispatcher = yield* Dispatcher.Dispatcher
        yield* Effect.forEach(
          range(1, 1000),
          (n) =>
            Effect.gen(function*() {
              const stream = yield* dispatcher.subscribe(topic, { capacity: n % 2 === 0 ? 1 : 10 })
              yield* Effect.forkScoped(n % 2 === 0 ? Effect.never : Stream.runDrain(stream))
            }).pipe(
              Effect.provideServiceEffect(Scope.Scope, Effect.flatMap(Effect.scope, (scope) => Scope.fork(scope)))
            ),
          {
            discard: true
          }
        )
        yield* Effect.forEach([1, 2, 3], (n) => dispatcher.publish(topic, n), { discard: true })
        yield* Effect.yieldNow
        assert.isAtLeast(fibers.running(), 1000)
      }).pipe(Effect.scoped, Effect.provide(Dispatcher.layerMemory), fibers.within)
      assert.strictEqual(fibers.running(), 0)
    }).pipe(Effect.provide(Logger.layer([]))))
})
