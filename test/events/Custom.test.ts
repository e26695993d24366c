/**
 * The host's own bus and the host without one: failures stay where they are, and no message is in any log.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Dispatcher from "effect-atlas/events/Dispatcher"
import * as EventMetrics from "effect-atlas/events/EventMetrics"
import * as Topic from "effect-atlas/events/Topic"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { counted, countFibers, keepLogs, message, next, ownMetrics, until } from "./harness.ts"

const canary = "canary-7f3a"
const topic = Topic.make("orders", Schema.String)

class BadNews extends Schema.TaggedError<BadNews>()("BadNews", { text: Schema.String }) {}

const logged = (layer: Layer.Layer<Dispatcher.Dispatcher>, logs: ReturnType<typeof keepLogs>) =>
  Layer.provideMerge(layer, logs.layer)

const settled = Effect.gen(function*() {
  for (let i = 0; i < 20; i++) yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
})

const failing: ReadonlyArray<readonly [string, string, Dispatcher.Handler<BadNews>]> = [
  ["fails", "BadNews", (_, message) => Effect.fail(new BadNews({ text: String(message) }))],
  ["dies", "TypeError", (_, message) => Effect.die(new TypeError(`${message}`))],
  ["throws", "RangeError", (_, message) => {
    throw new RangeError(`cannot take ${message}`)
  }],
  ["rejects", "Error", (_, message) => Promise.reject(new Error(`no ${message}`))],
  ["rejects with no error at all", "string", (_, message) => Promise.reject(message)],
  ["interrupts itself", "interrupted", () => Effect.interrupt]
]

describe("a function that", () => {
  it.effect.each(failing)(
    "%s is logged as an error with topic and name, never with the message",
    ([, error, handler]) =>
      Effect.gen(function*() {
        const logs = keepLogs()
        yield* Effect.gen(function*() {
          const dispatcher = yield* Dispatcher.Dispatcher
          yield* dispatcher.publish(topic, canary)
          yield* until(Effect.sync(() => logs.lines.length > 0))
          yield* dispatcher.publish(topic, canary)
        }).pipe(Effect.provide(logged(Dispatcher.layerCustom(handler, { name: "toHost" }), logs)))
        assert.strictEqual(logs.lines.length, 1)
        const line = JSON.parse(logs.lines[0] ?? "")
        assert.deepStrictEqual([line.level, line.annotations], [
          "ERROR",
          { topic: "orders", function: "toHost", error, suppressed: 0 }
        ])
        assert.notInclude(logs.lines.join(), canary)
        assert.strictEqual(yield* counted(EventMetrics.unsent), 2)
      }).pipe(ownMetrics)
  )

  it.effect("keeps failing is logged now and then, with the number of suppressed lines", () =>
    Effect.gen(function*() {
      const logs = keepLogs()
      yield* Effect.gen(function*() {
        const dispatcher = yield* Dispatcher.Dispatcher
        const publish = Effect.andThen(dispatcher.publish(topic, canary), settled)
        yield* Effect.repeat(publish, { times: 9 })
        yield* TestClock.adjust("10 seconds")
        yield* publish
      }).pipe(
        Effect.provide(logged(
          Dispatcher.layerCustom(function toHost() {
            throw new Error(canary)
          }),
          logs
        ))
      )
      assert.deepStrictEqual(logs.lines.map((line) => JSON.parse(line).annotations.suppressed), [0, 9])
      assert.strictEqual(JSON.parse(logs.lines[0] ?? "").annotations.function, "toHost")
    }).pipe(ownMetrics))

  it.effect("never comes to an end is given up at its time limit, and the next message gets its turn", () =>
    Effect.gen(function*() {
      const taken: Array<unknown> = []
      yield* Effect.gen(function*() {
        const dispatcher = yield* Dispatcher.Dispatcher
        yield* dispatcher.publish(topic, "hang")
        yield* dispatcher.publish(topic, "next")
        yield* settled
        assert.deepStrictEqual(taken, [])
        yield* TestClock.adjust("3 seconds")
        yield* settled
        assert.deepStrictEqual(taken, ["next"])
      }).pipe(Effect.provide(Dispatcher.layerCustom(
        (_, message) => message === "hang" ? Effect.never : Effect.sync(() => taken.push(message)),
        { timeLimit: "3 seconds" }
      )))
    }).pipe(Effect.provide(keepLogs().layer)))

  it.effect("is slower than its producer loses the oldest messages and never delays the producer", () =>
    Effect.gen(function*() {
      const taken: Array<unknown> = []
      const logs = keepLogs()
      yield* Effect.gen(function*() {
        const dispatcher = yield* Dispatcher.Dispatcher
        yield* Effect.forEach(["a", "b", "c", "d", "e"], (one) => dispatcher.publish(topic, one), { discard: true })
        yield* until(Effect.sync(() => taken.length === 2))
      }).pipe(
        Effect.provide(logged(Dispatcher.layerCustom((_, message) => void taken.push(message), { capacity: 2 }), logs))
      )
      assert.deepStrictEqual(taken, ["d", "e"])
      assert.strictEqual(yield* counted(EventMetrics.unsent), 3)
      assert.include(logs.lines.join(), "\"lost\":3")
    }).pipe(ownMetrics))

  it.effect("uses services gets them from the layer", () =>
    Effect.gen(function*() {
      class Bus extends Context.Service<Bus, Array<string>>()("test/Bus") {}
      const bus: Array<string> = []
      yield* Effect.gen(function*() {
        yield* (yield* Dispatcher.Dispatcher).publish(topic, "x")
      }).pipe(
        Effect.provide(
          Dispatcher.layerCustom((name, message) => Bus.use((all) => Effect.sync(() => all.push(`${name} ${message}`))))
        ),
        Effect.provideService(Bus, bus)
      )
      // handed over before the layer has closed
      assert.deepStrictEqual(bus, ["orders x"])
    }))
})

it.effect("what does not match the schema of its topic is not handed over, and logged without its content", () =>
  Effect.gen(function*() {
    const logs = keepLogs()
    const taken: Array<unknown> = []
    const even = Topic.make("even", Schema.String.check(Schema.isMaxLength(3)))
    yield* Effect.gen(function*() {
      const dispatcher = yield* Dispatcher.Dispatcher
      yield* dispatcher.publish(even, canary)
      yield* dispatcher.publish(even, "ok")
    }).pipe(
      Effect.provide(logged(Dispatcher.layerCustom((_, message) => void taken.push(message)), logs))
    )
    assert.deepStrictEqual(taken, ["ok"])
    assert.strictEqual(logs.lines.length, 1)
    assert.include(logs.lines[0], "\"topic\":\"even\"")
    assert.notInclude(logs.lines.join(), canary)
    assert.strictEqual(yield* counted(EventMetrics.unsent), 1)
  }).pipe(ownMetrics))

it.effect("subscribing to a custom bus warns, and its stream is empty", () =>
  Effect.gen(function*() {
    const logs = keepLogs()
    const seen = yield* Effect.gen(function*() {
      const dispatcher = yield* Dispatcher.Dispatcher
      assert.isFalse(dispatcher.canSubscribe)
      return yield* Stream.runCollect(yield* dispatcher.subscribe(topic))
    }).pipe(Effect.scoped, Effect.provide(logged(Dispatcher.layerCustom(() => {}), logs)))
    assert.deepStrictEqual(seen, [])
    assert.deepStrictEqual(logs.lines.map((line) => JSON.parse(line).level), ["WARN"])
  }))

it.live("a custom bus that hangs does not keep its layer open, nor a fiber alive", () =>
  Effect.gen(function*() {
    const fibers = countFibers()
    yield* Effect.gen(function*() {
      yield* (yield* Dispatcher.Dispatcher).publish(topic, "x")
    }).pipe(Effect.provide(Dispatcher.layerCustom(() => Effect.never)), fibers.within)
    assert.strictEqual(fibers.running(), 0)
  }).pipe(Effect.provide(keepLogs().layer)))

it.effect("a host without Redis is served within the process, with a warning", () =>
  Effect.gen(function*() {
    const logs = keepLogs()
    yield* Effect.gen(function*() {
      const dispatcher = yield* Dispatcher.Dispatcher
      const stream = yield* dispatcher.subscribe(topic)
      yield* dispatcher.publish(topic, "hello")
      assert.deepStrictEqual(yield* next(stream, 1), [message("hello")])
    }).pipe(Effect.scoped, Effect.provide(logged(Dispatcher.layerHost(), logs)))
    assert.deepStrictEqual(logs.lines.map((line) => JSON.parse(line).level), ["WARN"])
    assert.include(logs.lines[0], "no Redis")
  }))

it.effect("layers are values: building one twice gives two that do not hear each other", () =>
  Effect.gen(function*() {
    const both = yield* Effect.forEach(
      [1, 2],
      () => Effect.map(Layer.build(Layer.fresh(Dispatcher.layerHost())), Context.get(Dispatcher.Dispatcher))
    )
    const [one, two] = both
    const stream = yield* one!.subscribe(topic)
    yield* two!.publish(topic, "other")
    yield* one!.publish(topic, "own")
    assert.deepStrictEqual(yield* next(stream, 1), [message("own")])
  }).pipe(Effect.provide(keepLogs().layer)))
