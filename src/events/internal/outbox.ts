/** Messages that wait for a bus: encoded as JSON, delivered in the background in their order, and bounded in number and size. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as EventMetrics from "../EventMetrics.ts"
import type { Topic } from "../Topic.ts"
import * as Background from "./background.ts"
import * as Mailbox from "./mailbox.ts"
import { sizeOf } from "./size.ts"
import { makeThrottle } from "./throttle.ts"

/** How long closing the layer waits for the last messages to be delivered. */
const closeGrace = "2 seconds"

/** A topic's messages as JSON, which is how they look outside the process. */
interface JsonCodec {
  readonly encode: (message: unknown) => Effect.Effect<Schema.Json, Schema.SchemaError>
  readonly decode: (json: unknown) => Effect.Effect<unknown, Schema.SchemaError>
}

/** Kept by schema: deriving a codec is slow, and a topic object is made again for each use of its name. */
const derived = new WeakMap<Topic<unknown>["schema"], JsonCodec>()

/** The JSON codec of a topic's schema. */
export const codecOf = (schema: Topic<unknown>["schema"]): JsonCodec => {
  const known = derived.get(schema)
  if (known !== undefined) return known
  const codec = Schema.toCodecJson(schema)
  const made: JsonCodec = { encode: Schema.encodeUnknownEffect(codec), decode: Schema.decodeUnknownEffect(codec) }
  derived.set(schema, made)
  return made
}

/** A message that waits for the bus. */
export interface Outgoing {
  readonly _tag: "Outgoing"
  readonly topic: string
  readonly json: unknown
}

/** Encodes a message and queues it; never waits for the bus. */
export type Post = <A>(topic: Topic<A>, message: A) => Effect.Effect<void>

/**
 * `deliver` gets the messages that have gathered, in order; it reports those that the bus did not take, and never fails.
 */
export const make = (options: {
  readonly capacity: number | undefined
  readonly deliver: (messages: ReadonlyArray<Outgoing>) => Effect.Effect<void>
  /** Runs after the last message. */
  readonly end?: Effect.Effect<void>
}): Effect.Effect<Post, never, Scope.Scope> =>
  Effect.gen(function*() {
    const mailbox = Mailbox.make<Outgoing>({
      ...Mailbox.defaultLimits,
      ...(options.capacity === undefined ? {} : { capacity: options.capacity })
    }, "drop-oldest")
    const logFull = makeThrottle()
    const logMismatch = makeThrottle()

    const reportDropped = (lost: number): Effect.Effect<void> =>
      Effect.andThen(
        Effect.ignoreCause(Metric.update(EventMetrics.unsent, lost)),
        logFull((suppressed) =>
          Effect.logWarning(
            "The bus takes messages too slowly: the oldest messages waiting for it were dropped"
          ).pipe(
            Effect.annotateLogs({ lost, suppressed })
          )
        )
      )

    const pump = mailbox.pull.pipe(
      Effect.flatMap((batch) => {
        const messages = batch.filter((one) => one._tag === "Outgoing")
        const [first] = batch
        const dropped = first._tag === "Gap" ? reportDropped(first.lost) : Effect.void
        return Effect.andThen(dropped, options.deliver(messages))
      }),
      Effect.forever,
      Effect.ignore,
      Effect.ensuring(options.end ?? Effect.void)
    )
    yield* Background.fork(pump, {
      beforeEnd: (fiber) => {
        mailbox.close()
        mailbox.wake()
        return Fiber.await(fiber)
      },
      grace: closeGrace
    })

    return (topic, message) =>
      Effect.suspend(() => codecOf(topic.schema).encode(message)).pipe(
        Effect.flatMap((json) =>
          Effect.withFiber((fiber) => {
            mailbox.offer({ element: { _tag: "Outgoing", topic: topic.name, json }, size: sizeOf(json) })
            if (mailbox.needsWake()) fiber.currentDispatcher.scheduleTask(mailbox.wake, 0)
            return Effect.void
          })
        ),
        Effect.catchCause(() =>
          Effect.andThen(
            Effect.ignoreCause(Metric.update(EventMetrics.unsent, 1)),
            logMismatch((suppressed) =>
              Effect.logError("A message does not match the schema of its topic and was not sent").pipe(
                Effect.annotateLogs({ topic: topic.name, suppressed })
              )
            )
          )
        )
      )
  })
