/**
 * The dispatcher over a real Redis: two processes, a Redis that dies and comes back, and junk on its channels.
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
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fromSources } from "../../.config/sources.mjs"
import { programOf } from "../support/programs.ts"
import * as Redis from "../support/redis.ts"
import { counted, countFibers, keepLogs, message, next, ownMetrics, until } from "./harness.ts"
import { pings, pongs } from "./redisTopics.ts"

const canary = "canary-91bd"
const topic = Topic.make("numbers", Schema.Int)
const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i)

/** One end of the bus, as a process of its own would have it. */
const end = (redis: Redis.RedisServer, options?: Dispatcher.RedisOptions) =>
  Effect.map(
    Layer.build(Layer.fresh(Dispatcher.layerRedis(options).pipe(Layer.provide(Redis.layer(redis))))),
    Context.get(Dispatcher.Dispatcher)
  )

const withRedis = <A, E>(use: (redis: Redis.RedisServer) => Effect.Effect<A, E, Scope.Scope>) =>
  Effect.scoped(Effect.flatMap(Redis.server, use)).pipe(Effect.provide(Logger.layer([])), ownMetrics)

/** Another process at the same Redis, and what it says. */
const process = (redis: Redis.RedisServer) =>
  Effect.gen(function*() {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const args = [
          fromSources,
          programOf("redisProcess"),
          redis.url
        ]
        return spawn(globalThis.process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] })
      }),
      (child) =>
        Effect.callback<void>((resume) => {
          if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
          child.once("exit", () => resume(Effect.void))
          child.kill("SIGKILL")
        })
    )
    const said: Array<unknown> = []
    createInterface({ input: child.stdout }).on("line", (line) => void said.push(JSON.parse(line)))
    const ended = { is: () => child.exitCode !== null || child.signalCode !== null }
    return { pid: child.pid, said, ended }
  })

const subscribers = (redis: Redis.RedisServer, name: string) =>
  Effect.map(
    Effect.promise(() => redis.ask("PUBSUB", "NUMSUB", name)),
    (answer) => Number(/:(\d+)/.exec(answer)?.[1])
  )

/** Publishes until it is heard: what was published while Redis or its subscriptions were away is lost. */
const publishUntilHeard = (
  from: Dispatcher.Dispatcher["Service"],
  stream: Stream.Stream<Dispatcher.Delivery<number>>
) =>
  Effect.gen(function*() {
    const heard = yield* Effect.forkChild(next(stream, 1), { startImmediately: true })
    let n = 1000
    yield* until(Effect.suspend(() => Effect.as(from.publish(topic, n++), heard.pollUnsafe() !== undefined)))
    return yield* Fiber.join(heard)
  })

describe.skipIf(Redis.isSkipped)("over Redis", () => {
  it.live("two processes hear each other, each message once and decoded", () =>
    withRedis((redis) =>
      Effect.gen(function*() {
        const dispatcher = yield* end(redis)
        const answers = yield* dispatcher.subscribe(pongs)
        const own = yield* dispatcher.subscribe(pings)
        const other = yield* process(redis)
        yield* until(Effect.sync(() => other.said.includes("ready")))
        yield* Effect.forEach(range(1, 200), (n) => dispatcher.publish(pings, { n }), { discard: true })
        const heard = yield* next(answers, 201)
        assert.deepStrictEqual(
          heard,
          range(0, 200).map((n) => message({ at: new Date(n), of: n, from: other.pid ?? 0 }))
        )
        assert.deepStrictEqual(other.said, ["ready", ...range(1, 200)])
        // and our own subscriber had them too
        assert.deepStrictEqual(yield* next(own, 200), range(1, 200).map((n) => message({ n })))
      })
    ))

  it.live("a subscriber in the publisher's own process gets each message once, not again as an echo", () =>
    withRedis((redis) =>
      Effect.gen(function*() {
        const one = yield* end(redis)
        const two = yield* end(redis)
        const own = yield* one.subscribe(topic)
        const others = yield* two.subscribe(topic)
        yield* Effect.forEach(range(1, 50), (n) => one.publish(topic, n), { discard: true })
        // when the other end has them all, Redis has sent us our echoes too
        assert.deepStrictEqual(yield* next(others, 50), range(1, 50).map(message))
        yield* two.publish(topic, 99)
        assert.deepStrictEqual(yield* next(own, 51), [...range(1, 50), 99].map(message))
      })
    ))

  it.live("however many subscribe to a topic, Redis has one subscription of ours, and none after the last has left", () =>
    withRedis((redis) =>
      Effect.gen(function*() {
        const dispatcher = yield* end(redis, { prefix: "mine:" })
        const scope = yield* Scope.make()
        const streams = yield* Effect.forEach(range(1, 50), () =>
          Effect.flatMap(Scope.fork(scope), (own) => Scope.provide(dispatcher.subscribe(topic), own)))
        assert.strictEqual(yield* subscribers(redis, "mine:numbers"), 1)
        assert.strictEqual(yield* subscribers(redis, "atlas:numbers"), 0)
        const other = yield* end(redis, { prefix: "mine:" })
        yield* other.publish(topic, 5)
        for (const stream of streams) {
          assert.deepStrictEqual(yield* next(stream, 1), [message(5)])
        }
        yield* Scope.close(scope, Exit.void)
        yield* until(Effect.map(subscribers(redis, "mine:numbers"), (count) =>
          count === 0))
      })
    ))

  it.live("an evicted subscriber gives its subscription of Redis back although its scope stays open", () =>
    withRedis((redis) =>
      Effect.gen(function*() {
        const one = yield* end(redis)
        const two = yield* end(redis)
        const stream = yield* one.subscribe(topic, { capacity: 3 })
        assert.strictEqual(yield* subscribers(redis, "atlas:numbers"), 1)
        yield* Effect.forEach(range(1, 10), (n) => two.publish(topic, n), { discard: true })
        yield* until(Effect.map(subscribers(redis, "atlas:numbers"), (count) => count === 0))
        assert.deepStrictEqual(yield* Stream.runCollect(stream), [{ _tag: "Evicted", topic: "numbers" }])
      })
    ))

  it.live("what does not match the schema is counted and skipped, with a warning that shows nothing of it", () =>
    withRedis((redis) =>
      Effect.gen(function*() {
        const logs = keepLogs()
        const one = yield* end(redis).pipe(Effect.provide(logs.layer))
        const stream = yield* one.subscribe(topic).pipe(Effect.provide(logs.layer))
        const junk = [canary, "", "null", `{"from":"x"`, `{"from":"x","message":"${canary}"}`, `{"from":7,"message":1}`]
        for (const text of junk) yield* Effect.promise(() => redis.ask("PUBLISH", "atlas:numbers", text))
        yield* Effect.promise(() => redis.ask("PUBLISH", "atlas:numbers", `{"from":"somebody else","message":7}`))
        assert.deepStrictEqual(yield* next(stream, 1), [message(7)])
        assert.strictEqual(yield* counted(EventMetrics.undecodable), junk.length)
        const warnings = logs.lines.filter((line) => line.includes("was skipped"))
        assert.strictEqual(warnings.length, 1)
        assert.include(warnings[0], "\"topic\":\"numbers\"")
        assert.notInclude(logs.lines.join(), canary)
      })
    ))

  it.live("subscribers of one topic with two schemas each get what their own one reads", () =>
    withRedis((redis) =>
      Effect.gen(function*() {
        const one = yield* end(redis)
        const two = yield* end(redis)
        const numbers = yield* one.subscribe(topic)
        const scope = yield* Scope.fork(yield* Effect.scope)
        const texts = yield* Scope.provide(one.subscribe(Topic.make("numbers", Schema.String)), scope)
        yield* two.publish(Topic.make("numbers", Schema.String), "one")
        yield* two.publish(topic, 1)
        assert.deepStrictEqual(yield* next(texts, 1), [message("one")])
        assert.deepStrictEqual(yield* next(numbers, 1), [message(1)])
        assert.strictEqual(yield* counted(EventMetrics.undecodable), 2)
      })
    ))

  it.live(
    "a Redis that is killed and comes back fails no subscriber: subscriptions return, in both processes",
    () =>
      withRedis((redis) =>
        Effect.gen(function*() {
          const one = yield* end(redis)
          const two = yield* end(redis)
          const other = yield* process(redis)
          yield* until(Effect.sync(() => other.said.includes("ready")))
          const remote = yield* two.subscribe(topic)
          const local = yield* one.subscribe(topic)
          yield* one.publish(topic, 1)
          assert.deepStrictEqual(yield* next(remote, 1), [message(1)])
          assert.deepStrictEqual(yield* next(local, 1), [message(1)])

          yield* Effect.promise(() => redis.stop("SIGKILL"))
          yield* one.publish(topic, 2)
          assert.deepStrictEqual(yield* next(local, 1), [message(2)])
          // subscribing meanwhile returns, and is served locally at once
          const meanwhile = Stream.filter(
            yield* Scope.provide(one.subscribe(pongs), yield* Scope.fork(yield* Effect.scope)),
            // that the other process was born may be told as late as this
            (one) => one._tag !== "Message" || one.message.of !== 0
          )
          yield* one.publish(pongs, { at: new Date(0), of: -1, from: -1 })
          assert.deepStrictEqual(yield* next(meanwhile, 1), [message({ at: new Date(0), of: -1, from: -1 })])

          yield* Effect.promise(() => redis.start())
          const [heard] = yield* publishUntilHeard(one, remote)
          assert.strictEqual(heard?._tag, "Message")
          // the other process is alive, hears us again, and the subscription made during the outage hears it
          const answered = yield* Effect.forkChild(next(meanwhile, 1), { startImmediately: true })
          yield* until(
            Effect.suspend(() =>
              Effect.as(one.publish(pings, { n: 42 }), answered.pollUnsafe() !== undefined || other.ended.is())
            )
          )
          assert.isFalse(other.ended.is())
          assert.deepStrictEqual(yield* Fiber.join(answered), [
            message({ at: new Date(42), of: 42, from: other.pid ?? 0 })
          ])
        })
      ),
    60_000
  )

  it.live(
    "while Redis is away publishing never waits, memory is bounded, and what was dropped is counted and told",
    () =>
      withRedis((redis) =>
        Effect.gen(function*() {
          const logs = keepLogs()
          const one = yield* end(redis, { capacity: 10 }).pipe(Effect.provide(logs.layer))
          const two = yield* end(redis)
          yield* Effect.promise(() => redis.stop("SIGKILL"))
          yield* one.publish(topic, 0)
          // runSync fails on anything that waits
          // @effect-diagnostics-next-line runEffectInsideEffect:off
          Effect.runSync(Effect.forEach(range(1, 5000), (n) => one.publish(topic, n), { discard: true }))
          yield* Effect.promise(() => redis.start())
          const stream = yield* two.subscribe(topic)
          const [heard] = yield* publishUntilHeard(one, stream)
          assert.strictEqual(heard?._tag, "Message")
          assert.isAtLeast(yield* counted(EventMetrics.unsent), 4000)
          assert.include(logs.lines.join(), "the oldest messages waiting for it were dropped")
        })
      ),
    60_000
  )

  it.live("the last message before the layer closes still goes out", () =>
    withRedis((redis) =>
      Effect.gen(function*() {
        const stream = yield* Effect.flatMap(end(redis), (listener) => listener.subscribe(topic))
        yield* Effect.scoped(Effect.flatMap(end(redis), (one) => one.publish(topic, 1)))
        assert.deepStrictEqual(yield* next(stream, 1), [message(1)])
      })
    ))

  /** Closes the scopes of a subscriber and of the layer with its client, and fails where that takes longer than the bound. */
  const closesInTime = (scopes: ReadonlyArray<Scope.Closeable>) =>
    Effect.forEach(scopes, (scope) => Scope.close(scope, Exit.void), { discard: true }).pipe(
      Effect.forkDetach,
      Effect.flatMap((closing) => Effect.timeoutOption(Fiber.await(closing), "10 seconds")),
      Effect.map((ended) => assert.isTrue(ended._tag === "Some", "closing still hangs after ten seconds"))
    )

  it.live(
    "a Redis that hangs holds no scope's close, whatever waits for its answer",
    () =>
      withRedis((redis) =>
        Effect.gen(function*() {
          const [layerScope, old, fresh] = yield* Effect.all([Scope.make(), Scope.make(), Scope.make()])
          const dispatcher = yield* Scope.provide(end(redis), layerScope)
          const stream = yield* Scope.provide(dispatcher.subscribe(topic), old)
          yield* dispatcher.publish(topic, 1)
          yield* until(Effect.map(
            Effect.promise(() => redis.ask("CLIENT", "LIST")),
            (clients) => clients.includes("cmd=publish")
          ))
          redis.hang()
          yield* dispatcher.publish(topic, 2)
          // subscribers of this process are served all the same
          assert.deepStrictEqual(yield* next(stream, 2), [message(1), message(2)])
          const connecting = yield* Effect.forkDetach(Scope.provide(dispatcher.subscribe(pongs), fresh))
          yield* Effect.yieldNow
          yield* Fiber.interrupt(connecting)
          yield* closesInTime([old, fresh, layerScope])
        })
      ),
    60_000
  )

  it.live(
    "a Redis that hangs before the first message does not hold it either",
    () =>
      withRedis((redis) =>
        Effect.gen(function*() {
          const scope = yield* Scope.make()
          const dispatcher = yield* Scope.provide(end(redis), scope)
          redis.hang()
          yield* dispatcher.publish(topic, 1)
          yield* Effect.yieldNow
          yield* closesInTime([scope])
        })
      ),
    60_000
  )

  it.live("no fiber is left once the layer is closed", () =>
    withRedis((redis) =>
      Effect.gen(function*() {
        const fibers = countFibers()
        yield* Effect.gen(function*() {
          const dispatcher = yield* end(redis)
          for (const n of range(1, 20)) {
            const stream = yield* dispatcher.subscribe(Topic.make(`own:${n}`, Schema.Int))
            yield* Effect.forkScoped(Stream.runDrain(stream))
            yield* dispatcher.publish(Topic.make(`own:${n}`, Schema.Int), n)
          }
          assert.isAtLeast(fibers.running(), 40)
        }).pipe(Effect.scoped, fibers.within)
        assert.strictEqual(fibers.running(), 0)
      })
    ))

  it.live("a host that provides Redis is served across processes", () =>
    withRedis((redis) =>
      Effect.gen(function*() {
        const host = Layer.fresh(Dispatcher.layerHost().pipe(Layer.provide(Redis.layer(redis))))
        const one = Context.get(yield* Layer.build(host), Dispatcher.Dispatcher)
        const stream = yield* one.subscribe(topic)
        yield* Effect.flatMap(end(redis), (two) => two.publish(topic, 3))
        assert.deepStrictEqual(yield* next(stream, 1), [message(3)])
      })
    ))
})
