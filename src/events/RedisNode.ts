/**
 * A Redis client for Node whose beginning and end have a bound, also where Redis accepts connections and answers nothing.
 *
 * @since 0.1.0
 */
import * as NodeRedis from "@effect/platform-node/NodeRedis"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redis from "effect/persistence/Redis"
import * as Scope from "effect/Scope"
import * as TimeSpan from "../domain/TimeSpan.ts"

/**
 * The options of the client, and how long Redis may take to answer.
 *
 * @category models
 * @since 0.1.0
 */
export type Options = NonNullable<Parameters<typeof NodeRedis.layer>[0]> & {
  /** How long Redis may take until the client can be used; default 5 seconds. */
  readonly connectWithin?: Duration.Input | undefined
}

/** How long the end waits for answers; after that the connections are cut. */
const closeGrace = Duration.seconds(2)
/** How long a client whose connections were cut may take to notice. */
const cutGrace = Duration.seconds(1)

/** The host and the port: the rest of an address may hold a password. */
const placeOf = ({ url }: Options): string => {
  const place = url === undefined || !URL.canParse(url) ? "" : new URL(url).host
  return place === "" ? "Redis" : `Redis at ${place}`
}

const make = Effect.fnUntraced(function*({ connectWithin = Duration.seconds(5), ...options }: Options) {
  const limit = Duration.max(Duration.zero, Duration.fromInputUnsafe(connectWithin))
  const connections = new AbortController()
  const scope = yield* Scope.make()
  let cut = (): void => connections.abort()

  const close = (exit: Exit.Exit<unknown, unknown>) =>
    Effect.gen(function*() {
      const closing = yield* Effect.forkDetach(Scope.close(scope, exit))
      yield* Effect.timeoutOption(Effect.interruptible(Fiber.await(closing)), closeGrace)
      yield* Effect.sync(cut)
      yield* Effect.timeoutOption(Effect.interruptible(Fiber.await(closing)), cutGrace)
    })
  yield* Effect.addFinalizer(close)

  const silent = Effect.suspend(() => {
    cut()
    const message = `${placeOf(options)} did not answer within ${TimeSpan.format(limit)}`
    return Effect.fail(new Redis.RedisError({ cause: new Error(message) }))
  })
  const socket = { ...options.socket, signal: connections.signal }
  // in a fiber of its own: the build of a layer is not interrupted, and connecting to a Redis that is silent never ends by itself
  const building = yield* Effect.forkDetach(
    Layer.buildWithScope(Layer.fresh(NodeRedis.layer({ ...options, socket })), scope)
  )
  const built = yield* Effect.interruptible(Fiber.join(building)).pipe(
    Effect.timeoutOrElse({ duration: limit, orElse: () => silent }),
    Effect.onInterrupt(() => Effect.sync(cut))
  )
  const { client } = Context.get(built, NodeRedis.NodeRedis)
  cut = () => {
    // a client that is not told would connect again and again
    if (client.isOpen) client.destroy()
    connections.abort()
  }
  return built
})

/**
 * `NodeRedis.layer` with bounds: it fails where Redis is silent, and its end cuts what Redis does not answer.
 *
 * **Example** (A bus between processes)
 *
 * ```ts
 * import * as Dispatcher from "effect-atlas/events/Dispatcher"
 * import * as RedisNode from "effect-atlas/events/RedisNode"
 * import * as Layer from "effect/Layer"
 *
 * const bus = Dispatcher.layerRedis().pipe(Layer.provide(RedisNode.layer({ url: "redis://127.0.0.1:6379" })))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<Redis.Redis | NodeRedis.NodeRedis, Redis.RedisError> => Layer.effectContext(make(options))
