/** A hub in each process, and Redis between them: what is published here goes to both, and its echo is not heard. */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Metric from "effect/Metric"
import * as Redis from "effect/persistence/Redis"
import * as Queue from "effect/Queue"
import * as RcMap from "effect/RcMap"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Entropy from "../../domain/Entropy.ts"
import type { Dispatcher, RedisOptions } from "../Dispatcher.ts"
import * as EventMetrics from "../EventMetrics.ts"
import * as Hub from "./hub.ts"
import * as Outbox from "./outbox.ts"
import { makeRarely, nameOfCause, quietly } from "./quietly.ts"
import * as Wire from "./wire.ts"

/** What goes over a channel: `from` is the process (the layer, really) that published it. */
const Envelope = Schema.fromJsonString(Schema.Struct({ from: Schema.String, message: Schema.Unknown }))

const openEnvelope = Schema.decodeUnknownEffect(Envelope)

/** A subscriber is let go on while Redis is away; it is subscribed as soon as Redis is back. */
const patience = "5 seconds"

const again = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")]).pipe(Schedule.jittered)

export const make = (
  options: RedisOptions
): Effect.Effect<Dispatcher["Service"], never, Redis.Redis | Scope.Scope> =>
  Effect.gen(function*() {
    const redis = yield* Redis.Redis
    const hub = yield* Hub.make
    const prefix = options.prefix ?? "atlas:"
    const self = yield* Entropy.hex(12)
    const tellUnsent = makeRarely()
    const tellSilent = makeRarely()
    const tellUndecodable = makeRarely()

    const send = ({ json, topic }: Outbox.Letter): Effect.Effect<void> =>
      redis.send("PUBLISH", `${prefix}${topic}`, JSON.stringify({ from: self, message: json })).pipe(
        Effect.catchCause((cause) =>
          Effect.andThen(
            quietly(Metric.update(EventMetrics.unsent, 1)),
            tellUnsent((unsaid) =>
              Effect.logWarning("A message did not reach Redis").pipe(
                Effect.annotateLogs({ topic, error: nameOfCause(cause), unsaid })
              )
            )
          )
        ),
        Effect.asVoid
      )

    const post = yield* Outbox.make({
      capacity: options.capacity,
      // all at once and in order: one connection writes what it is given in turn
      deliver: (letters) => Effect.forEach(letters, send, { concurrency: "unbounded", discard: true })
    })

    const skip = (topic: string): Effect.Effect<void> =>
      Effect.andThen(
        quietly(Metric.update(EventMetrics.undecodable, 1)),
        tellUndecodable((unsaid) =>
          Effect.logWarning("A message from elsewhere does not match the schema of its topic and was skipped").pipe(
            Effect.annotateLogs({ topic, unsaid })
          )
        )
      )

    const hear = (topic: string, text: string): Effect.Effect<void> => {
      const schemas = hub.schemas(topic)
      if (schemas.size === 0) return Effect.void
      return openEnvelope(text).pipe(
        Effect.flatMap(({ from, message }) =>
          from === self ?
            Effect.void :
            Effect.forEach(schemas, (schema) =>
              Effect.suspend(() => Wire.of(schema).decode(message)).pipe(
                Effect.flatMap((decoded) => hub.publish(topic, decoded, schema)),
                Effect.catchCause(() => skip(topic))
              ), { discard: true })
        ),
        Effect.catchCause(() => skip(topic))
      )
    }

    const listen = (topic: string, isHeard: Latch.Latch) =>
      redis.subscribe(`${prefix}${topic}`).pipe(
        Effect.tap(() => isHeard.open),
        Effect.flatMap((queue) =>
          Effect.forever(Effect.flatMap(Queue.take(queue), ({ message }) => hear(topic, message)))
        ),
        Effect.scoped,
        Effect.tapCause((cause) =>
          tellSilent((unsaid) =>
            Effect.logWarning("Redis cannot be listened to; trying again").pipe(
              Effect.annotateLogs({ topic, error: nameOfCause(cause), unsaid })
            )
          )
        ),
        Effect.retry(again)
      )

    const channels = yield* RcMap.make({
      lookup: (topic: string) =>
        Effect.gen(function*() {
          const isHeard = yield* Latch.make()
          yield* Effect.forkScoped(listen(topic, isHeard))
          yield* Effect.timeoutOption(isHeard.await, patience)
        })
    })

    return {
      canSubscribe: true,
      publish: (topic, message) => Effect.andThen(hub.publish(topic.name, message), post(topic, message)),
      subscribe: (topic, subscribing) => hub.subscribe(topic, subscribing, RcMap.get(channels, topic.name))
    }
  })
