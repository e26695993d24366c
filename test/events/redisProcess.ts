/**
 * A process of its own at the other end of a Redis: says what it hears, one JSON line each, and answers every `ping`.
 *
 * Arguments: the URL of Redis. Says `ready` when it listens, publishes one `born` to `pongs` before that, and stays.
 */
import * as NodeRedis from "@effect/platform-node/NodeRedis"
import * as Dispatcher from "effect-atlas/events/Dispatcher"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import { pings, pongs } from "./redisTopics.ts"

const [url = ""] = process.argv.slice(2)
const say = (value: unknown) => Effect.sync(() => process.stdout.write(`${JSON.stringify(value)}\n`))

await Effect.runPromise(
  Effect.gen(function*() {
    const dispatcher = yield* Dispatcher.Dispatcher
    const stream = yield* dispatcher.subscribe(pings)
    yield* dispatcher.publish(pongs, { at: new Date(0), of: 0, from: process.pid })
    yield* say("ready")
    yield* Stream.runForEach(stream, (one) =>
      one._tag === "Message"
        ? Effect.andThen(
          say(one.message.n),
          dispatcher.publish(pongs, { at: new Date(one.message.n), of: one.message.n, from: process.pid })
        )
        : say(one))
  }).pipe(
    Effect.scoped,
    Effect.provide(
      Dispatcher.layerRedis().pipe(Layer.provide(NodeRedis.layer({ url })), Layer.provideMerge(Logger.layer([])))
    )
  )
)
