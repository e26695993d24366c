/**
 * Fan-out: a message to 1, 10 and 1,000 subscribers who all read it, against a bare `PubSub` of the same capacity.
 *
 * An operation is one message read by one subscriber.
 */
import * as Dispatcher from "effect-atlas/events/Dispatcher"
import * as Topic from "effect-atlas/events/Topic"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { compare } from "./measure.ts"

const scope = Scope.makeUnsafe()
const capacity = 16_384
/** A publisher that never yields would fill any queue. */
const burst = 1000

const topic = Topic.make("bench", Schema.Int)
const dispatcher = Context.get(
  Effect.runSync(Scope.provide(Layer.build(Dispatcher.layerMemory), scope)),
  Dispatcher.Dispatcher
)

interface Bus {
  readonly publish: (message: number) => Effect.Effect<unknown>
  /** Subscribes and answers an effect that is done when that many were read. */
  readonly reader: (count: number) => Effect.Effect<Effect.Effect<void>, never, Scope.Scope>
}

const ours: Bus = {
  publish: (message) => dispatcher.publish(topic, message),
  reader: (count) =>
    Effect.map(dispatcher.subscribe(topic, { capacity }), (stream) => Stream.runDrain(Stream.take(stream, count)))
}

const barePubSub = Effect.runSync(PubSub.bounded<number>(capacity))
const bare: Bus = {
  publish: (message) => PubSub.publish(barePubSub, message),
  // no stream: the least that reading can cost
  reader: (count) =>
    Effect.map(PubSub.subscribe(barePubSub), (subscription) => {
      let seen = 0
      return Effect.whileLoop({
        while: () => seen < count,
        body: () => PubSub.takeAll(subscription),
        step: (batch) => {
          seen += batch.length
        }
      })
    })
}

const fanOut = ({ publish, reader }: Bus, subscribers: number) => (deliveries: number) => {
  const messages = Math.ceil(deliveries / subscribers)
  return Effect.runPromise(Effect.scoped(Effect.gen(function*() {
    const readers: Array<Effect.Effect<void>> = []
    // a scope each: one scope has one subscription of a topic
    for (let i = 0; i < subscribers; i++) {
      readers.push(yield* Scope.provide(reader(messages), yield* Scope.fork(yield* Effect.scope)))
    }
    const publishing = Effect.gen(function*() {
      for (let i = 0; i < messages; i++) {
        yield* publish(i)
        if (i % burst === burst - 1) yield* Effect.yieldNow
      }
    })
    yield* Effect.all([...readers, publishing], { concurrency: "unbounded", discard: true })
  })))
}

for (const [subscribers, deliveries] of [[1, 50_000], [10, 100_000], [1000, 100_000]] as const) {
  const of = subscribers === 1 ? "1 subscriber" : `${subscribers.toLocaleString("en")} subscribers`
  await compare([
    { name: `bare PubSub, ${of}`, run: fanOut(bare, subscribers) },
    { name: `Dispatcher, ${of}`, run: fanOut(ours, subscribers) }
  ], deliveries)
}

await compare([
  {
    name: "bare PubSub, no subscriber",
    run: (times) =>
      Effect.runPromise(Effect.forEach(Array.from({ length: times }), () => bare.publish(1), { discard: true }))
  },
  {
    name: "Dispatcher, no subscriber",
    run: (times) =>
      Effect.runPromise(Effect.forEach(Array.from({ length: times }), () => ours.publish(1), { discard: true }))
  }
], 200_000)
