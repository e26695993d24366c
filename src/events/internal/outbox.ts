/** What is on its way to a bus: handed over in the background, in the order it came in, never kept without bound. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import * as EventMetrics from "../EventMetrics.ts"
import type { Topic } from "../Topic.ts"
import * as Mailbox from "./mailbox.ts"
import { makeRarely, quietly } from "./quietly.ts"
import * as Wire from "./wire.ts"

/** What a bus that is away may miss before its oldest messages are dropped. */
const defaultCapacity = 10_000

/** How long the last messages may take when the layer closes. */
const lastWords = "2 seconds"

export interface Letter {
  readonly _tag: "Letter"
  readonly topic: string
  readonly json: unknown
}

/** Encodes a message and leaves it for the background; never waits for the bus. */
export type Post = <A>(topic: Topic<A>, message: A) => Effect.Effect<void>

/**
 * `deliver` gets what has gathered, in order, and never fails; it tells `lost` of each message that did not get through.
 */
export const make = (options: {
  readonly capacity: number | undefined
  readonly deliver: (letters: ReadonlyArray<Letter>) => Effect.Effect<void>
}): Effect.Effect<Post, never, Scope.Scope> =>
  Effect.gen(function*() {
    const mailbox = Mailbox.make<Letter>(options.capacity ?? defaultCapacity, "drop-oldest")
    const tellFull = makeRarely()
    const tellEncoding = makeRarely()

    const tellDropped = (lost: number): Effect.Effect<void> =>
      Effect.andThen(
        quietly(Metric.update(EventMetrics.unsent, lost)),
        tellFull((unsaid) =>
          Effect.logWarning("The bus was away for too long: its oldest messages were dropped").pipe(
            Effect.annotateLogs({ lost, unsaid })
          )
        )
      )

    const pump = yield* mailbox.pull.pipe(
      Effect.flatMap((batch) => {
        const letters = batch.filter((one) => one._tag === "Letter")
        const [first] = batch
        const dropped = first._tag === "Gap" ? tellDropped(first.lost) : Effect.void
        return Effect.andThen(dropped, options.deliver(letters))
      }),
      Effect.forever,
      Effect.ignore,
      Effect.forkScoped
    )
    yield* Effect.addFinalizer(() => {
      mailbox.close()
      mailbox.wake()
      return Fiber.await(pump).pipe(Effect.interruptible, Effect.timeoutOption(lastWords))
    })

    return (topic, message) =>
      Effect.suspend(() => Wire.of(topic.schema).encode(message)).pipe(
        Effect.flatMap((json) =>
          Effect.withFiber((fiber) => {
            mailbox.offer({ _tag: "Letter", topic: topic.name, json })
            if (mailbox.isToBeWoken()) fiber.currentDispatcher.scheduleTask(mailbox.wake, 0)
            return Effect.void
          })
        ),
        Effect.catchCause(() =>
          Effect.andThen(
            quietly(Metric.update(EventMetrics.unsent, 1)),
            tellEncoding((unsaid) =>
              Effect.logError("A message does not match the schema of its topic and was not sent").pipe(
                Effect.annotateLogs({ topic: topic.name, unsaid })
              )
            )
          )
        )
      )
  })
