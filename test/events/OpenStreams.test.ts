/**
 * Open streams of a server that closes: real HTTP over loopback. A stream that holds the server is cut off at the end of its grace.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe, it } from "@effect/vitest"
import * as OpenStreams from "effect-atlas/events/OpenStreams"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as http from "node:http"

const endless = Stream.concat(Stream.make("begun\n"), Stream.never)

const streaming = Effect.map(
  OpenStreams.OpenStreams,
  ({ until }) => HttpServerResponse.stream(Stream.encodeText(until(endless)), { headers: { connection: "close" } })
)

/** What a server's routes find, for a test to see. */
class Kept extends Context.Service<Kept, OpenStreams.OpenStreams["Service"]>()("test/Kept") {}

const kept = Layer.effect(Kept, OpenStreams.OpenStreams)

/** A server with a stream, and an answer that waits until it may be given. */
const serverOf = (mayAnswer: Latch.Latch, asked: Deferred.Deferred<void>) =>
  OpenStreams.endFirst(
    HttpRouter.serve(
      Layer.mergeAll(
        HttpRouter.add("GET", "/stream", streaming),
        HttpRouter.add(
          "GET",
          "/slow",
          Deferred.succeed(asked, undefined).pipe(
            Effect.andThen(mayAnswer.await),
            Effect.as(HttpServerResponse.text("answered", { headers: { connection: "close" } }))
          )
        )
      ),
      { disableLogger: true, disableListenLog: true }
    ).pipe(Layer.provideMerge(
      NodeHttpServer.layer(() => http.createServer(), {
        host: "127.0.0.1",
        port: 0,
        gracefulShutdownTimeout: "2 seconds"
      })
    ))
  )

const opened = Effect.gen(function*() {
  const [mayAnswer, asked, scope] = yield* Effect.all([Latch.make(), Deferred.make<void>(), Scope.make()])
  const context = yield* Layer.buildWithScope(serverOf(mayAnswer, asked), scope)
  const { address } = yield* Effect.provideContext(HttpServer.HttpServer, context)
  const get = (path: string) => HttpClient.get(`${HttpServer.formatAddress(address)}${path}`)
  return { asked, close: Scope.close(scope, Exit.void), get, mayAnswer }
})

const follow = (get: (path: string) => ReturnType<typeof HttpClient.get>) =>
  Effect.gen(function*() {
    const begun = yield* Deferred.make<void>()
    const response = yield* get("/stream")
    const reading = yield* Effect.forkChild(
      Stream.mkString(
        Stream.tap(Stream.decodeText(response.stream), () => Deferred.succeed(begun, undefined))
      )
    )
    yield* Deferred.await(begun)
    return reading
  })

describe("a server whose streams end first", () => {
  it.live("closes while clients listen, without its grace, and none of them is cut off", () =>
    Effect.gen(function*() {
      const { close, get } = yield* opened
      const readers = yield* Effect.all([follow(get), follow(get), follow(get)])
      yield* close
      assert.deepStrictEqual(yield* Effect.forEach(readers, Fiber.join), ["begun\n", "begun\n", "begun\n"])
    }).pipe(Effect.provide(FetchHttpClient.layer)))

  it.live("gives the answer that was asked for before", () =>
    Effect.gen(function*() {
      const { asked, close, get, mayAnswer } = yield* opened
      const reader = yield* follow(get)
      const answer = yield* Effect.forkChild(Effect.flatMap(get("/slow"), ({ text }) => text))
      yield* Deferred.await(asked)
      const closing = yield* Effect.forkChild(close)
      assert.strictEqual(yield* Fiber.join(reader), "begun\n")
      yield* mayAnswer.open
      assert.strictEqual(yield* Fiber.join(answer), "answered")
      yield* Fiber.join(closing)
    }).pipe(Effect.provide(FetchHttpClient.layer)))

  it.live("leaves another server of the same program alone", () =>
    Effect.gen(function*() {
      const [one, other] = yield* Effect.all([opened, opened])
      const [ended, going] = yield* Effect.all([follow(one.get), follow(other.get)])
      yield* one.close
      assert.strictEqual(yield* Fiber.join(ended), "begun\n")
      assert.isUndefined(going.pollUnsafe())
      const late = yield* follow(other.get)
      yield* other.close
      assert.deepStrictEqual(yield* Effect.forEach([going, late], Fiber.join), ["begun\n", "begun\n"])
    }).pipe(Effect.provide(FetchHttpClient.layer)))

  it.effect("a stream that is begun while the server closes ends at once", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(OpenStreams.endFirst(kept), scope)
      yield* Scope.close(scope, Exit.void)
      const { until } = yield* Effect.provideContext(Kept, context)
      assert.strictEqual(yield* Stream.mkString(until(endless)), "")
    }))

  it.effect("a server that is built upon another has its own streams ended before it closes", () =>
    Effect.gen(function*() {
      const over: Array<string> = []
      const upper = Layer.effectDiscard(Effect.gen(function*() {
        const { until } = yield* OpenStreams.OpenStreams
        yield* Effect.addFinalizer(() =>
          Effect.andThen(TestClock.adjust("1 second"), Effect.sync(() => over.push("the server")))
        )
        const reading = Effect.ensuring(Stream.runDrain(until(endless)), Effect.sync(() => over.push("its stream")))
        yield* Effect.forkDetach(reading, { startImmediately: true })
      }))
      const lower = OpenStreams.endFirst(Layer.empty)
      yield* Effect.void.pipe(Effect.provide(OpenStreams.endFirst(Layer.provideMerge(upper, lower))))
      assert.deepStrictEqual(over, ["its stream", "the server"])
    }))
})
