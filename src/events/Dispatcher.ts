/**
 * Publish and subscribe by topic: in this process, across processes, or through the host's own bus.
 *
 * Publishing never waits for a receiver and never fails its producer.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redis from "effect/persistence/Redis"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as custom from "./internal/custom.ts"
import * as Hub from "./internal/hub.ts"
import { quietly } from "./internal/quietly.ts"
import * as redis from "./internal/redis.ts"
import type { Topic } from "./Topic.ts"

/**
 * What a subscriber gets: a message, word that older messages were dropped, or the end because it was too slow.
 *
 * @category models
 * @since 0.1.0
 */
export type Delivery<A> =
  | { readonly _tag: "Message"; readonly message: A }
  | { readonly _tag: "Gap"; readonly lost: number }
  | { readonly _tag: "Evicted"; readonly topic: string }

/**
 * How a subscription is bounded.
 *
 * @category models
 * @since 0.1.0
 */
export interface SubscribeOptions {
  /** Messages kept for a subscriber that does not read, one at least; default 10,000. */
  readonly capacity?: number | undefined
  /**
   * What happens to one that is slower: `evict` (default) drops all it has not read and ends it with a final `Evicted`,
   * `gap` drops its oldest messages and tells how many in a `Gap` where they would have been.
   */
  readonly overflow?: "evict" | "gap" | undefined
}

/**
 * The bus in use.
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
 * const news = Topic.make("news", Schema.String)
 *
 * const program = Effect.gen(function*() {
 *   const dispatcher = yield* Dispatcher.Dispatcher
 *   const heard = yield* dispatcher.subscribe(news)
 *   yield* dispatcher.publish(news, "hello")
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
  /** Hands a message to everybody subscribed now; succeeds without anybody, and whatever happens to the bus. */
  readonly publish: <A>(topic: Topic<A>, message: A) => Effect.Effect<void>
  /**
   * Registers a subscriber until the scope closes: registered when this returns, so nothing published after is missed.
   * A second subscription of one scope to one topic shares the first, with the bounds of the first.
   */
  readonly subscribe: <A>(
    topic: Topic<A>,
    options?: SubscribeOptions
  ) => Effect.Effect<Stream.Stream<Delivery<A>>, never, Scope.Scope>
}>()("effect-atlas/events/Dispatcher") {}

/**
 * Within this process; nothing is encoded.
 *
 * **Details**
 *
 * A publish appends to the queue of each subscriber and returns. Readers run in turns of their own. Closing the layer
 * ends every subscription.
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
  /** Messages kept for a Redis that is away, one at least; older ones are dropped. Default 10,000. */
  readonly capacity?: number | undefined
}

/**
 * Across processes through Redis, at most once; subscribers in this process are served directly, whatever Redis does.
 *
 * **Details**
 *
 * Messages travel as `{"from", "message"}`, the message as the JSON of its topic's schema, on the channel
 * `<prefix><topic>`. What does not match the schema is counted, skipped and logged without its content. While Redis is
 * away producers go on, and a bounded number of messages waits for it; subscriptions come back on their own, without
 * what was published meanwhile.
 *
 * **Gotchas**
 *
 * Each topic that somebody listens to costs one connection to Redis, however many subscribers it has.
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
  Layer.effect(Dispatcher, redis.make(options))

/**
 * What takes the messages of a custom bus: the topic's name and the message as the JSON of the topic's schema.
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
  /** What the function is called in logs; default its own name. */
  readonly name?: string | undefined
  /** The most one message may take before it counts as failed; default 10 seconds. */
  readonly timeLimit?: Duration.Input | undefined
  /** Messages kept for a function that is slower than its producers, one at least; older ones are dropped. Default 10,000. */
  readonly capacity?: number | undefined
}

/**
 * Through the host's own bus: a function that is called with every message, one after the other, in the background.
 *
 * **Details**
 *
 * A failure, a defect or a rejected promise is logged as an error with the topic and the function's name, never with
 * the message; the producer does not notice. The bus cannot be subscribed to: listen on the bus itself.
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
): Layer.Layer<Dispatcher, never, R> => Layer.effect(Dispatcher, custom.make(handler, options))

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
          quietly(Effect.logWarning("The host provides no Redis: events stay within this process"))
        ).pipe(Layer.merge(layerMemory))
    })
  ))
