/** The host's own bus: it is told what is published, one message after the other, and breaks nobody. */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { CustomOptions, Dispatcher, Handler } from "../Dispatcher.ts"
import * as EventMetrics from "../EventMetrics.ts"
import * as Outbox from "./outbox.ts"
import { makeRarely, nameOfCause, quietly } from "./quietly.ts"

/** One message that never comes to an end must not hold up all others for ever. */
const defaultTimeLimit = "10 seconds"

export const make = <E, R>(
  handler: Handler<E, R>,
  options: CustomOptions
): Effect.Effect<Dispatcher["Service"], never, R | Scope.Scope> =>
  Effect.gen(function*() {
    const context = yield* Effect.context<R>()
    const name = options.name ?? (handler.name === "" ? "anonymous" : handler.name)
    const timeLimit = options.timeLimit ?? defaultTimeLimit
    const tellFailed = makeRarely()

    const call = (topic: string, json: unknown): Effect.Effect<unknown, unknown, R> =>
      Effect.suspend(() => {
        const answer = handler(topic, json)
        return Effect.isEffect(answer) ? answer : Effect.promise(() => Promise.resolve(answer))
      })

    const deliver = ({ json, topic }: Outbox.Letter): Effect.Effect<void> =>
      call(topic, json).pipe(
        Effect.provideContext(context),
        Effect.timeout(timeLimit),
        Effect.asVoid,
        Effect.catchCause((cause) =>
          Effect.andThen(
            quietly(Metric.update(EventMetrics.unsent, 1)),
            tellFailed((unsaid) =>
              Effect.logError("The function of a custom dispatcher failed").pipe(
                Effect.annotateLogs({ topic, function: name, error: nameOfCause(cause), unsaid })
              )
            )
          )
        )
      )

    const post = yield* Outbox.make({
      capacity: options.capacity,
      deliver: (letters) => Effect.forEach(letters, deliver, { discard: true })
    })

    return {
      canSubscribe: false,
      publish: post,
      subscribe: (topic) =>
        Effect.as(
          quietly(
            Effect.logWarning("A custom dispatcher cannot be subscribed to: listen on the bus itself").pipe(
              Effect.annotateLogs({ topic: topic.name })
            )
          ),
          Stream.empty
        )
    }
  })
