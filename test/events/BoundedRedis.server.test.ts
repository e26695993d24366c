/**
 * A Redis that accepts connections and answers nothing holds neither the beginning nor the end of those who use it.
 */
import * as NodeRedis from "@effect/platform-node/NodeRedis"
import { assert, describe, it } from "@effect/vitest"
import * as BoundedRedis from "effect-atlas/events/BoundedRedis"
import * as Dispatcher from "effect-atlas/events/Dispatcher"
import * as Topic from "effect-atlas/events/Topic"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redis from "effect/persistence/Redis"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as net from "node:net"
import * as RedisServer from "../support/redis.ts"
import { untilSo } from "../support/until.ts"
import { message, next } from "./harness.ts"

/** A server that takes what it is sent, says nothing, and knows how many are connected. */
const silentServer = Effect.acquireRelease(
  Effect.callback<{ readonly url: string; readonly open: Set<net.Socket>; readonly server: net.Server }>((resume) => {
    const open = new Set<net.Socket>()
    const server = net.createServer((socket) => {
      open.add(socket)
      socket.on("error", () => {})
      socket.on("close", () => void open.delete(socket))
      socket.resume()
    })
    server.listen({ host: "127.0.0.1", port: 0 }, () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      resume(Effect.succeed({ url: `redis://127.0.0.1:${port}`, open, server }))
    })
  }),
  ({ open, server }) =>
    Effect.sync(() => {
      for (const socket of open) socket.destroy()
      server.close()
    })
)

/** The scope's end, or a failed test: real time is what is bounded here. */
const closesInTime = (scope: Scope.Closeable) =>
  Effect.gen(function*() {
    const closing = yield* Effect.forkDetach(Scope.close(scope, Exit.void))
    const ended = yield* Effect.timeoutOption(Fiber.await(closing), "10 seconds")
    assert.strictEqual(ended._tag, "Some", "closing still hangs after ten seconds")
  })

const bounded = (url: string, options?: BoundedRedis.Options) =>
  BoundedRedis.layer((signal) => NodeRedis.layer({ url, socket: { signal } }), options)

const quiet = Effect.provide(Logger.layer([]))

it.live(
  "a Redis that accepts and never answers fails the layer in time, by its name",
  () =>
    Effect.gen(function*() {
      const { open, url } = yield* silentServer
      const error = yield* Effect.flip(
        Effect.scoped(Layer.build(bounded(url, { connectWithin: "200 millis", name: "Redis at home" })))
      )
      assert.strictEqual(error._tag, "RedisError")
      const said = error.cause instanceof Error ? error.cause.message : ""
      assert.match(said, /^Redis at home did not answer within 200ms$/)
      yield* untilSo("no connection is left", () => open.size === 0)
    }).pipe(Effect.scoped, quiet),
  30_000
)

describe.skipIf(RedisServer.isSkipped)("over a real Redis", () => {
  it.live("one that hangs is left within a bound, whatever waits for its answer", () =>
    Effect.gen(function*() {
      const redis = yield* RedisServer.server
      const scope = yield* Scope.make()
      const context = yield* Scope.provide(Layer.build(bounded(redis.url)), scope)
      assert.strictEqual(yield* Context.get(context, Redis.Redis).send("PING"), "PONG")
      redis.hang()
      yield* Effect.forkDetach(Effect.ignore(Context.get(context, Redis.Redis).send("PING")))
      yield* Effect.yieldNow
      yield* closesInTime(scope)
    }).pipe(Effect.scoped, quiet), 60_000)

  it.live("carries the messages of a dispatcher", () =>
    Effect.gen(function*() {
      const redis = yield* RedisServer.server
      const topic = Topic.make("numbers", Schema.Int)
      const end = Effect.map(
        Layer.build(Layer.fresh(Dispatcher.layerRedis().pipe(Layer.provide(bounded(redis.url))))),
        Context.get(Dispatcher.Dispatcher)
      )
      const [one, two] = [yield* end, yield* end]
      const stream = yield* two.subscribe(topic)
      yield* one.publish(topic, 7)
      assert.deepStrictEqual(yield* next(stream, 1), [message(7)])
    }).pipe(Effect.scoped, quiet), 60_000)
})
