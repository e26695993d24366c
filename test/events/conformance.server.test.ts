/**
 * The dispatcher conformance suite over every dispatcher: memory, a real Redis from one end and from two, custom.
 */
import { afterAll, beforeAll, describe, it } from "@effect/vitest"
import * as Dispatcher from "effect-atlas/events/Dispatcher"
import { DispatcherConformance } from "effect-atlas/testing"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Redis from "../support/redis.ts"

DispatcherConformance.suite({ describe, it }, "memory", Dispatcher.layerMemory)

/** The bus of a host, which keeps what it is handed and fails when told. */
class HostBus extends Context.Service<HostBus, {
  readonly taken: Map<string, Array<unknown>>
  failures: number
}>()("test/HostBus") {}

const take = (bus: HostBus["Service"], topic: string, message: unknown): void => {
  if (bus.failures > 0) {
    bus.failures--
    throw new Error("the host is busy")
  }
  bus.taken.set(topic, [...bus.taken.get(topic) ?? [], message])
}

const hostOptions: DispatcherConformance.Options<HostBus> = {
  taken: (topic) => HostBus.use((bus) => Effect.succeed(bus.taken.get(topic) ?? [])),
  failNext: HostBus.use((bus) =>
    Effect.sync(() => {
      bus.failures = 1
    })
  )
}

const overHost = (handler: (bus: HostBus["Service"]) => Dispatcher.Handler) =>
  Layer.unwrap(Effect.map(HostBus, (bus) => Dispatcher.layerCustom(handler(bus)))).pipe(
    Layer.provideMerge(Layer.sync(HostBus, () => ({ taken: new Map(), failures: 0 })))
  )

DispatcherConformance.suite(
  { describe, it },
  "custom, a plain function",
  overHost((bus) => (topic, message) => take(bus, topic, message)),
  hostOptions
)

DispatcherConformance.suite(
  { describe, it },
  "custom, a promise",
  overHost((bus) => async (topic, message) => {
    await Promise.resolve()
    take(bus, topic, message)
  }),
  hostOptions
)

DispatcherConformance.suite(
  { describe, it },
  "custom, an effect",
  overHost((bus) => (topic, message) => Effect.delay(Effect.sync(() => take(bus, topic, message)), 0)),
  hostOptions
)

describe.skipIf(Redis.isSkipped)("with a real Redis", () => {
  const scope = Scope.makeUnsafe()
  let redis: Redis.RedisServer
  beforeAll(async () => {
    redis = await Effect.runPromise(Scope.provide(Redis.server, scope))
  })
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

  const layer = Layer.suspend(() => Dispatcher.layerRedis().pipe(Layer.provide(Redis.layer(redis))))

  DispatcherConformance.suite({ describe, it }, "redis", layer)

  /** What a second process would have: its own layer over its own connection. */
  class OtherEnd extends Context.Service<OtherEnd, Dispatcher.Dispatcher["Service"]>()("test/OtherEnd") {}
  const layerOtherEnd = Layer.effect(
    OtherEnd,
    Effect.map(Layer.build(Layer.fresh(layer)), Context.get(Dispatcher.Dispatcher))
  )

  DispatcherConformance.suite(
    { describe, it },
    "redis, published from the other end",
    Layer.merge(layer, layerOtherEnd),
    { publisher: OtherEnd }
  )
})
