/**
 * Publish and subscribe by topic: in this process, across processes, or through the host's own bus.
 *
 * Publishing never waits for a receiver and never fails its producer.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Redis from "effect/persistence/Redis"
import * as Queue from "effect/Queue"
import * as RcMap from "effect/RcMap"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Entropy from "../domain/Entropy.ts"
import * as EventMetrics from "./EventMetrics.ts"
import * as Background from "./internal/background.ts"
import * as Connection from "./internal/connection.ts"
import * as Hub from "./internal/hub.ts"
import * as Outbox from "./internal/outbox.ts"
import { makeThrottle, nameOfCause } from "./internal/throttle.ts"
import type { Topic } from "./Topic.ts"

export type { SubscribeOptions } from "./internal/hub.ts"

/**
 * What a subscriber gets: a message, word that older messages were dropped, or the end because it was too slow.
 *
 * @category models
 * @since 0.1.0
 */
export type Delivery<A> = Hub.Delivery<A>

/**
 * The schema of what a subscriber gets, by the schema of the topic's messages.
 *
 * @category models
 * @since 0.1.0
 */
export const Delivery = <S extends Schema.Constraint>(message: S) =>
  Schema.Union([
    Schema.TaggedStruct("Message", { message }),
    Schema.TaggedStruct("Gap", { lost: Schema.Int }),
    Schema.TaggedStruct("Evicted", { topic: Schema.String })
  ])

/**
 * Publishes messages to topics and subscribes to them.
 *
 * **Example** (Publish and read)
 *
 * ```ts
 * import * as Dispatcher from "effect-atlas/events/Dispatcher"
 * import * as Topic from "effect-atlas/events/Topic"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import * as Stream from "effect/Stream"
 *
 * const greetings = Topic.make("greetings", Schema.String)
 *
 * const program = Effect.gen(function*() {
 *   const dispatcher = yield* Dispatcher.Dispatcher
 *   const heard = yield* dispatcher.subscribe(greetings)
 *   yield* dispatcher.publish(greetings, "hello")
 *   return yield* Stream.runHead(heard)
 * }).pipe(Effect.scoped, Effect.provide(Dispatcher.layerMemory))
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class Dispatcher extends Context.Service<Dispatcher, {
  /** False for a bus that only takes messages; subscribing to it ends at once with a warning. */
  readonly canSubscribe: boolean
  /** Gives a message to all current subscribers; succeeds without subscribers, and whatever happens to the bus. */
  readonly publish: <A>(topic: Topic<A>, message: A) => Effect.Effect<void>
  /**
   * Registers a subscriber until the scope closes: registered when this returns, so nothing published after is missed.
   * A second subscription of one scope to one topic shares the first, with the bounds of the first.
   */
  readonly subscribe: <A>(
    topic: Topic<A>,
    options?: Hub.SubscribeOptions
  ) => Effect.Effect<Stream.Stream<Hub.Delivery<A>>, never, Scope.Scope>
}>()("effect-atlas/events/Dispatcher") {}

/**
 * Within this process; nothing is encoded.
 *
 * **Details**
 *
 * A publish appends to the queue of each subscriber and returns; readers run later, never inside a publish. Closing the
 * layer ends every subscription.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory: Layer.Layer<Dispatcher> = Layer.effect(
  Dispatcher,
  Effect.map(Hub.make, (hub) => ({
    canSubscribe: true,
    publish: (topic, message) => hub.publish(topic.name, message),
    subscribe: (topic, options) => hub.subscribe(topic, options, Effect.void)
  }))
)

/**
 * Settings of `layerRedis`.
 *
 * @category models
 * @since 0.1.0
 */
export interface RedisOptions {
  /** What the names of our Redis channels start with; default `atlas:`. */
  readonly prefix?: string | undefined
  /** Messages kept while Redis cannot be reached, one at least; older ones are dropped. Default 10,000. */
  readonly capacity?: number | undefined
}

/** What goes over a Redis channel; `from` identifies the layer that published it. */
const Envelope = Schema.fromJsonString(Schema.Struct({ from: Schema.String, message: Schema.Unknown }))

const decodeEnvelope = Schema.decodeUnknownEffect(Envelope)

/** How long `subscribe` waits for Redis; after that it returns, and the subscription starts when Redis can be reached. */
const subscribeWait = "5 seconds"

const reconnect = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")]).pipe(
  Schedule.jittered
)

/** A hub in this process and Redis between processes: a message goes to both, and its echo from Redis is ignored. */
const makeRedis = (
  options: RedisOptions
): Effect.Effect<Dispatcher["Service"], never, Redis.Redis | Scope.Scope> =>
  Effect.gen(function*() {
    const redis = yield* Redis.Redis
    const hub = yield* Hub.make
    const prefix = options.prefix ?? "atlas:"
    const self = yield* Entropy.hex(12)
    const logUnsent = makeThrottle()
    const logDisconnected = makeThrottle()
    const logUndecodable = makeThrottle()

    const connection = Connection.make(redis, { again: reconnect, probe: `${prefix}${self}` })

    const unsent = (topic: string, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
      Effect.andThen(
        Effect.ignoreCause(Metric.update(EventMetrics.unsent, 1)),
        logUnsent((suppressed) =>
          Effect.logWarning("A message did not reach Redis").pipe(
            Effect.annotateLogs({ topic, error: nameOfCause(cause), suppressed })
          )
        )
      )

    const post = yield* Outbox.make({
      capacity: options.capacity,
      deliver: (messages) =>
        // what has been sent is waited for: it fails when the connection is cut, and only then the connection can be given back
        Effect.uninterruptibleMask((restore) =>
          Effect.flatMap(restore(connection.get), (reserved) =>
            // all at once and still in order: one connection writes commands in the order it gets them
            Effect.forEach(
              messages,
              ({ json, topic }) =>
                reserved.send("PUBLISH", `${prefix}${topic}`, JSON.stringify({ from: self, message: json })).pipe(
                  Effect.catchCause((cause) => Effect.andThen(unsent(topic, cause), connection.release(reserved)))
                ),
              { concurrency: "unbounded", discard: true }
            ))
        ),
      end: connection.release()
    })

    const skip = (topic: string): Effect.Effect<void> =>
      Effect.andThen(
        Effect.ignoreCause(Metric.update(EventMetrics.undecodable, 1)),
        logUndecodable((suppressed) =>
          Effect.logWarning("A message from another process does not match the schema of its topic and was skipped")
            .pipe(
              Effect.annotateLogs({ topic, suppressed })
            )
        )
      )

    const receive = (topic: string, text: string): Effect.Effect<void> => {
      const schemas = hub.schemas(topic)
      if (schemas.size === 0) return Effect.void
      return decodeEnvelope(text).pipe(
        Effect.flatMap(({ from, message }) =>
          from === self ?
            Effect.void :
            Effect.forEach(schemas, (schema) =>
              Effect.suspend(() => Outbox.codecOf(schema).decode(message)).pipe(
                Effect.flatMap((decoded) => hub.publish(topic, decoded, schema)),
                Effect.catchCause(() => skip(topic))
              ), { discard: true })
        ),
        Effect.catchCause(() => skip(topic))
      )
    }

    const listen = (topic: string, isSubscribed: Latch.Latch) =>
      redis.subscribe(`${prefix}${topic}`).pipe(
        Effect.tap(() => isSubscribed.open),
        Effect.flatMap((queue) =>
          Effect.forever(Effect.flatMap(Queue.take(queue), ({ message }) => receive(topic, message)))
        ),
        Effect.scoped,
        Effect.tapCause((cause) =>
          logDisconnected((suppressed) =>
            Effect.logWarning("The subscription to Redis failed; trying again").pipe(
              Effect.annotateLogs({ topic, error: nameOfCause(cause), suppressed })
            )
          )
        ),
        Effect.retry(reconnect)
      )

    const listeners = Background.group()
    const channels = yield* RcMap.make({
      lookup: (topic: string) =>
        Effect.gen(function*() {
          const isSubscribed = yield* Latch.make()
          yield* listeners.fork(Effect.ignore(listen(topic, isSubscribed)))
          yield* Effect.timeoutOption(isSubscribed.await, subscribeWait)
        })
    })

    yield* Effect.addFinalizer(() => listeners.close)

    return {
      canSubscribe: true,
      publish: (topic, message) => Effect.andThen(hub.publish(topic.name, message), post(topic, message)),
      subscribe: (topic, subscribing) => hub.subscribe(topic, subscribing, RcMap.get(channels, topic.name))
    }
  })

/**
 * Across processes through Redis, at most once; subscribers in this process are served directly, whatever Redis does.
 *
 * **Details**
 *
 * Messages travel as `{"from", "message"}`, the message as the JSON of its topic's schema, on the channel
 * `<prefix><topic>`. What does not match the schema is counted, skipped and logged without its content. While Redis
 * cannot be reached producers go on, and a bounded number of messages waits for it; subscriptions are restored on their own,
 * without the messages that were published meanwhile.
 *
 * **Gotchas**
 *
 * Each topic with subscribers costs one connection to Redis, however many subscribers it has.
 *
 * **Example** (On Node)
 *
 * ```ts
 * import * as NodeRedis from "@effect/platform-node/NodeRedis"
 * import * as Dispatcher from "effect-atlas/events/Dispatcher"
 * import * as Layer from "effect/Layer"
 *
 * const layer = Dispatcher.layerRedis({ prefix: "my-app:" }).pipe(
 *   Layer.provide(NodeRedis.layer({ url: "redis://127.0.0.1:6379" }))
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerRedis = (options: RedisOptions = {}): Layer.Layer<Dispatcher, never, Redis.Redis> =>
  Layer.effect(Dispatcher, makeRedis(options))

/**
 * The function of a custom bus: it is called with a topic's name and a message as the JSON of that topic's schema.
 *
 * @category models
 * @since 0.1.0
 */
export type Handler<E = never, R = never> = (
  topic: string,
  message: unknown
) => Effect.Effect<unknown, E, R> | Promise<unknown> | void

/**
 * Settings of `layerCustom`.
 *
 * @category models
 * @since 0.1.0
 */
export interface CustomOptions {
  /** The name of the function in logs; default its own name. */
  readonly name?: string | undefined
  /** The most one message may take before it counts as failed; default 10 seconds. */
  readonly timeLimit?: Duration.Input | undefined
  /** Messages kept for a function that is slower than its producers, one at least; older ones are dropped. Default 10,000. */
  readonly capacity?: number | undefined
}

/** A call of the host's function that never ends must not hold up all other messages for ever. */
const defaultTimeLimit = "10 seconds"

const makeCustom = <E, R>(
  handler: Handler<E, R>,
  options: CustomOptions
): Effect.Effect<Dispatcher["Service"], never, R | Scope.Scope> =>
  Effect.gen(function*() {
    const context = yield* Effect.context<R>()
    const name = options.name ?? (handler.name === "" ? "anonymous" : handler.name)
    const timeLimit = options.timeLimit ?? defaultTimeLimit
    const logFailed = makeThrottle()

    const call = (topic: string, json: unknown): Effect.Effect<unknown, unknown, R> =>
      Effect.suspend(() => {
        const answer = handler(topic, json)
        return Effect.isEffect(answer) ? answer : Effect.promise(() => Promise.resolve(answer))
      })

    const deliver = ({ json, topic }: Outbox.Outgoing): Effect.Effect<void> =>
      call(topic, json).pipe(
        Effect.provideContext(context),
        Effect.timeout(timeLimit),
        Effect.asVoid,
        Effect.catchCause((cause) =>
          Effect.andThen(
            Effect.ignoreCause(Metric.update(EventMetrics.unsent, 1)),
            logFailed((suppressed) =>
              Effect.logError("The function of a custom dispatcher failed; its message is lost").pipe(
                Effect.annotateLogs({ topic, function: name, error: nameOfCause(cause), suppressed })
              )
            )
          )
        )
      )

    const post = yield* Outbox.make({
      capacity: options.capacity,
      deliver: (messages) => Effect.forEach(messages, deliver, { discard: true })
    })

    return {
      canSubscribe: false,
      publish: post,
      subscribe: (topic) =>
        Effect.as(
          Effect.ignoreCause(
            Effect.logWarning("A custom dispatcher cannot be subscribed to: subscribe on the bus itself").pipe(
              Effect.annotateLogs({ topic: topic.name })
            )
          ),
          Stream.empty
        )
    }
  })

/**
 * Through the host's own bus: a function that is called with every message, one after the other, in the background.
 *
 * **Details**
 *
 * A failure, a defect or a rejected promise is logged as an error with the topic and the function's name, never with
 * the message; the producer does not notice. The dispatcher cannot be subscribed to: subscribe on the bus itself.
 *
 * **Example** (A plain function)
 *
 * ```ts
 * import * as Dispatcher from "effect-atlas/events/Dispatcher"
 * import { EventEmitter } from "node:events"
 *
 * const bus = new EventEmitter()
 * const layer = Dispatcher.layerCustom(function toEmitter(topic, message) {
 *   bus.emit(topic, message)
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerCustom = <E = never, R = never>(
  handler: Handler<E, R>,
  options: CustomOptions = {}
): Layer.Layer<Dispatcher, never, R> => Layer.effect(Dispatcher, makeCustom(handler, options))

/**
 * Through the Redis the host provides; within this process, with a warning, where it provides none.
 *
 * **When to use**
 *
 * For code that is embedded in hosts with and without Redis. Where you know which one you have, `layerRedis` lets the
 * compiler see that it is there.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerHost = (options: RedisOptions = {}): Layer.Layer<Dispatcher> =>
  Layer.unwrap(Effect.map(
    Effect.serviceOption(Redis.Redis),
    Option.match({
      onSome: (service) => Layer.provide(layerRedis(options), Layer.succeed(Redis.Redis, service)),
      onNone: () =>
        Layer.effectDiscard(
          Effect.ignoreCause(Effect.logWarning("The host provides no Redis: events stay within this process"))
        ).pipe(Layer.merge(layerMemory))
    })
  ))
