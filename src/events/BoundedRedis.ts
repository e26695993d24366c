/**
 * A Redis client whose beginning and end have a bound, also where Redis accepts connections and answers nothing.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redis from "effect/persistence/Redis"
import * as Scope from "effect/Scope"
import * as TimeSpan from "../domain/TimeSpan.ts"

/**
 * How long Redis may take.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** How long Redis may take until the client can be used; default 5 seconds. */
  readonly connectWithin?: Duration.Input | undefined
  /** How Redis is called in the failure, such as its host; default `Redis`. */
  readonly name?: string | undefined
}

/** How long the end waits for answers; after that the connections are cut. */
const closeGrace = Duration.seconds(2)
/** How long a client whose connections were cut may take to notice. */
const cutGrace = Duration.seconds(1)

const make = Effect.fnUntraced(function*<R, E, In>(
  client: (signal: AbortSignal) => Layer.Layer<R, E, In>,
  { connectWithin = Duration.seconds(5), name = "Redis" }: Options
) {
  const limit = Duration.max(Duration.zero, Duration.fromInputUnsafe(connectWithin))
  const connections = new AbortController()
  const cut = Effect.sync(() => connections.abort())
  const scope = yield* Scope.make()

  yield* Effect.addFinalizer((exit: Exit.Exit<unknown, unknown>) =>
    Effect.gen(function*() {
      const closing = yield* Effect.forkDetach(Scope.close(scope, exit))
      const wait = (grace: Duration.Duration) => Effect.timeoutOption(Effect.interruptible(Fiber.await(closing)), grace)
      yield* wait(closeGrace)
      yield* cut
      yield* wait(cutGrace)
    })
  )

  const silent = Effect.suspend(() =>
    Effect.fail(
      new Redis.RedisError({ cause: new Error(`${name} did not answer within ${TimeSpan.format(limit)}`) })
    )
  )
  // in a fiber of its own: the build of a layer is not interrupted, and connecting to a Redis that is silent never ends by itself
  const building = yield* Effect.forkDetach(Layer.buildWithScope(Layer.fresh(client(connections.signal)), scope))
  return yield* Effect.interruptible(Fiber.join(building)).pipe(
    Effect.timeoutOrElse({ duration: limit, orElse: () => Effect.andThen(cut, silent) }),
    Effect.onInterrupt(() => cut)
  )
})

/**
 * Puts bounds around the layer of a client: it fails where Redis is silent, and its end cuts what Redis does not answer.
 *
 * **Details**
 *
 * The client gets a signal that is aborted when its connections are to be cut; the sockets of Node take one.
 *
 * **Example** (A bus between processes)
 *
 * ```ts
 * import * as NodeRedis from "@effect/platform-node/NodeRedis"
 * import * as BoundedRedis from "effect-atlas/events/BoundedRedis"
 * import * as Dispatcher from "effect-atlas/events/Dispatcher"
 * import * as Layer from "effect/Layer"
 *
 * const url = "redis://127.0.0.1:6379"
 * const redis = BoundedRedis.layer((signal) => NodeRedis.layer({ url, socket: { signal } }))
 * const bus = Dispatcher.layerRedis().pipe(Layer.provide(redis))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <R, E, In>(
  client: (signal: AbortSignal) => Layer.Layer<R, E, In>,
  options: Options = {}
): Layer.Layer<R, E | Redis.RedisError, In> => Layer.effectContext(make(client, options))
