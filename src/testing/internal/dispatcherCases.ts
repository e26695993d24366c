/** What a dispatcher promises, one definition a promise. Each uses topics of its own. */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Entropy from "../../domain/Entropy.ts"
import type { Delivery, Dispatcher, SubscribeOptions } from "../../events/Dispatcher.ts"
import * as Topic from "../../events/Topic.ts"
import { check, type ConformanceFailure } from "./trial.ts"

type Service = Dispatcher["Service"]

/** The bus as a case sees it. */
export interface Bus<R> {
  readonly dispatcher: Service
  /** Publishes, possibly from another end of the bus. */
  readonly publish: Service["publish"]
  readonly taken: (topic: string) => Effect.Effect<ReadonlyArray<unknown>, never, R>
  readonly failNext: Effect.Effect<void, never, R>
}

export interface DispatcherDefinition {
  readonly name: string
  readonly needs?: "subscribe"
  readonly lacks?: "subscribe"
  readonly orders?: "taken" | "failNext"
  readonly run: <R>(bus: Bus<R>) => Effect.Effect<void, ConformanceFailure, R>
}

const freshName = Effect.map(Entropy.hex(8), (digits) => `check:${digits}`)

const freshTopic = Effect.map(freshName, (name) => Topic.make(name, Schema.Int))

const message = (value: number): Delivery<number> => ({ _tag: "Message", message: value })

const numbers = (first: number, last: number): ReadonlyArray<number> =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i)

const sendAll = <R>({ publish }: Bus<R>, topic: Topic.Topic<number>, values: ReadonlyArray<number>) =>
  Effect.forEach(values, (value) => publish(topic, value), { discard: true })

const is = <A>(seen: ReadonlyArray<A>, wanted: ReadonlyArray<A>, what: string) =>
  check(
    JSON.stringify(seen) === JSON.stringify(wanted),
    `${what}: got ${JSON.stringify(seen.slice(0, 20))} and not ${JSON.stringify(wanted.slice(0, 20))}`
  )

/** The next `count` elements of a stream that may go on. */
const next = <A>(stream: Stream.Stream<Delivery<A>>, count: number) => Stream.runCollect(Stream.take(stream, count))

/** A subscription of a scope that the case closes itself. */
const inScope = <A>(dispatcher: Service, topic: Topic.Topic<A>, options?: SubscribeOptions) =>
  Effect.gen(function*() {
    const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
    const stream = yield* Scope.provide(dispatcher.subscribe(topic, options), scope)
    return { stream, close: Scope.close(scope, Exit.void), again: Scope.provide(dispatcher.subscribe(topic), scope) }
  })

const Rich = Schema.Struct({
  at: Schema.DateTimeUtc,
  note: Schema.Option(Schema.String),
  big: Schema.BigInt,
  text: Schema.String
})

export const dispatcherCases: ReadonlyArray<DispatcherDefinition> = [
  {
    name: "publishing to a topic without subscribers succeeds",
    run: (bus) =>
      Effect.gen(function*() {
        yield* sendAll(bus, yield* freshTopic, numbers(1, 10))
      })
  },
  {
    name: "every subscriber gets every message, in the order it was published",
    needs: "subscribe",
    run: (bus) =>
      Effect.gen(function*() {
        const topic = yield* freshTopic
        const all = yield* Effect.forEach(numbers(1, 3), () => inScope(bus.dispatcher, topic))
        yield* sendAll(bus, topic, numbers(1, 500))
        for (const { stream } of all) {
          yield* is(yield* next(stream, 500), numbers(1, 500).map(message), "a subscriber")
        }
      }).pipe(Effect.scoped)
  },
  {
    name: "a subscriber is registered when subscribing returns, and gets only what is published after",
    needs: "subscribe",
    run: (bus) =>
      Effect.gen(function*() {
        const topic = yield* freshTopic
        const first = yield* inScope(bus.dispatcher, topic)
        yield* sendAll(bus, topic, [1])
        yield* is(yield* next(first.stream, 1), [message(1)], "the first subscriber")
        const second = yield* inScope(bus.dispatcher, topic)
        yield* sendAll(bus, topic, [2])
        yield* is(yield* next(second.stream, 1), [message(2)], "a later subscriber")
      }).pipe(Effect.scoped)
  },
  {
    name: "a topic is its exact name, whatever stands in it",
    needs: "subscribe",
    run: (bus) =>
      Effect.gen(function*() {
        const name = yield* freshName
        const names = ["", "*", "[a-z]", ":", " ", "\n", "ü", "A", "a", "__proto__"].map((ending) => `${name}${ending}`)
        const topics = names.map((one) => Topic.make(one, Schema.Int))
        const all = yield* Effect.forEach(topics, (topic) => inScope(bus.dispatcher, topic))
        yield* Effect.forEach(topics, (topic, i) => sendAll(bus, topic, [i, 1000 + i]), { discard: true })
        for (const [i, { stream }] of all.entries()) {
          yield* is(yield* next(stream, 2), [message(i), message(1000 + i)], JSON.stringify(names[i]))
        }
      }).pipe(Effect.scoped)
  },
  {
    name: "a message arrives as the value its schema describes",
    needs: "subscribe",
    run: (bus) =>
      Effect.gen(function*() {
        const topic = Topic.make(yield* freshName, Rich)
        const { stream } = yield* inScope(bus.dispatcher, topic)
        const at = DateTime.makeUnsafe("2026-01-02T03:04:05.678Z")
        yield* bus.publish(topic, { at, note: Option.some("ü\u2028\n"), big: 2n ** 64n, text: "x".repeat(100_000) })
        const [seen] = yield* next(stream, 1)
        const kept = seen?._tag === "Message" ? seen.message : undefined
        yield* check(kept !== undefined && DateTime.Equivalence(kept.at, at), "its time is another one")
        yield* check(kept?.big === 2n ** 64n, "its big number is another one")
        yield* check(
          kept !== undefined && Option.isOption(kept.note) && Option.contains(kept.note, "ü\u2028\n"),
          "its note is another one"
        )
        yield* check(kept?.text.length === 100_000, "its text is not as long")
      }).pipe(Effect.scoped)
  },
  {
    name: "the order of each publisher is kept when many publish at once",
    needs: "subscribe",
    run: (bus) =>
      Effect.gen(function*() {
        const topic = yield* freshTopic
        const { stream } = yield* inScope(bus.dispatcher, topic)
        yield* Effect.forEach(
          numbers(0, 9),
          (publisher) =>
            Effect.forEach(
              numbers(0, 49),
              (i) => Effect.andThen(bus.publish(topic, publisher * 1000 + i), Effect.yieldNow),
              { discard: true }
            ),
          { concurrency: "unbounded", discard: true }
        )
        const seen = yield* next(stream, 500)
        const values = seen.flatMap((one) => one._tag === "Message" ? [one.message] : [])
        for (const publisher of numbers(0, 9)) {
          yield* is(
            values.filter((value) => Math.floor(value / 1000) === publisher),
            numbers(publisher * 1000, publisher * 1000 + 49),
            `publisher ${publisher}`
          )
        }
      }).pipe(Effect.scoped)
  },
  {
    name: "a second subscription of one scope to one topic delivers once",
    needs: "subscribe",
    run: (bus) =>
      Effect.gen(function*() {
        const topic = yield* freshTopic
        const one = yield* inScope(bus.dispatcher, topic)
        const again = yield* one.again
        yield* sendAll(bus, topic, numbers(1, 20))
        yield* is(yield* next(one.stream, 20), numbers(1, 20).map(message), "the first")
        yield* sendAll(bus, topic, [21])
        yield* is(yield* next(again, 1), [message(21)], "the second, after the first has read all")
      }).pipe(Effect.scoped)
  },
  {
    name: "closing the scope unsubscribes: the stream ends, and others go on",
    needs: "subscribe",
    run: (bus) =>
      Effect.gen(function*() {
        const topic = yield* freshTopic
        const gone = yield* inScope(bus.dispatcher, topic)
        const kept = yield* inScope(bus.dispatcher, topic)
        yield* gone.close
        yield* sendAll(bus, topic, [1, 2])
        yield* is(yield* next(kept.stream, 2), [message(1), message(2)], "the one that stayed")
        yield* is(yield* Stream.runCollect(gone.stream), [], "the one that left")
      }).pipe(Effect.scoped)
  },
  {
    name:
      "a subscriber that does not read is evicted: one Evicted element, then the end, and its neighbours miss nothing",
    needs: "subscribe",
    run: (bus) =>
      Effect.gen(function*() {
        const topic = yield* freshTopic
        const slow = yield* inScope(bus.dispatcher, topic, { capacity: 4 })
        const kept = yield* inScope(bus.dispatcher, topic)
        yield* sendAll(bus, topic, numbers(1, 10))
        // when this one has them all, the slow one was offered them too
        yield* is(yield* next(kept.stream, 10), numbers(1, 10).map(message), "a neighbour")
        yield* is(yield* Stream.runCollect(slow.stream), [{ _tag: "Evicted", topic: topic.name }], "the slow one")
        yield* is(yield* Stream.runCollect(slow.stream), [], "the slow one, read again")
      }).pipe(Effect.scoped)
  },
  {
    name: "an evicted subscriber may subscribe again",
    needs: "subscribe",
    run: (bus) =>
      Effect.gen(function*() {
        const topic = yield* freshTopic
        const slow = yield* inScope(bus.dispatcher, topic, { capacity: 1 })
        const kept = yield* inScope(bus.dispatcher, topic)
        yield* sendAll(bus, topic, [1, 2])
        yield* next(kept.stream, 2)
        const anew = yield* slow.again
        yield* sendAll(bus, topic, [3])
        yield* is(yield* next(anew, 1), [message(3)], "the new subscription")
      }).pipe(Effect.scoped)
  },
  {
    name: "a subscriber that chose gaps loses its oldest messages and is told how many, where they would have been",
    needs: "subscribe",
    run: (bus) =>
      Effect.gen(function*() {
        const topic = yield* freshTopic
        const slow = yield* inScope(bus.dispatcher, topic, { capacity: 4, overflow: "gap" })
        const kept = yield* inScope(bus.dispatcher, topic)
        yield* sendAll(bus, topic, numbers(1, 10))
        yield* next(kept.stream, 10)
        const gap: Delivery<number> = { _tag: "Gap", lost: 6 }
        yield* is(yield* next(slow.stream, 5), [gap, ...numbers(7, 10).map(message)], "the slow one")
        yield* sendAll(bus, topic, [11])
        yield* is(yield* next(slow.stream, 1), [message(11)], "the slow one, later")
      }).pipe(Effect.scoped)
  },
  {
    name: "subscribing to a bus that cannot be subscribed to ends at once, with nothing",
    lacks: "subscribe",
    run: (bus) =>
      Effect.gen(function*() {
        const topic = yield* freshTopic
        const { stream } = yield* inScope(bus.dispatcher, topic)
        yield* sendAll(bus, topic, [1])
        yield* is(yield* Stream.runCollect(stream), [], "the subscriber")
      }).pipe(Effect.scoped)
  },
  {
    name: "the bus is handed every message in order, as the JSON of its schema",
    orders: "taken",
    run: (bus) =>
      Effect.gen(function*() {
        const topic = Topic.make(yield* freshName, Schema.Struct({ at: Schema.DateTimeUtcFromMillis, n: Schema.Int }))
        const at = DateTime.makeUnsafe(0)
        yield* Effect.forEach(numbers(1, 100), (n) => bus.publish(topic, { at, n }), { discard: true })
        const seen = yield* enough(() => bus.taken(topic.name), 100)
        yield* is(seen, numbers(1, 100).map((n) => ({ at: 0, n })), "the bus")
      })
  },
  {
    name: "a bus that fails does not fail its producer, and gets the next message",
    orders: "failNext",
    run: (bus) =>
      Effect.gen(function*() {
        const topic = yield* freshTopic
        yield* bus.failNext
        yield* sendAll(bus, topic, [1, 2, 3])
        yield* is(yield* enough(() => bus.taken(topic.name), 2), [2, 3], "the bus")
      })
  }
]

/** Looks until there are that many: a bus is handed messages in the background. The time limit of the case ends it. */
const enough = <R>(look: () => Effect.Effect<ReadonlyArray<unknown>, never, R>, count: number) =>
  Effect.repeat(Effect.tap(Effect.suspend(look), () => Effect.sleep("1 millis")), {
    until: (seen) => seen.length >= count
  })
