/**
 * Publishes the events of sessions: to subscribers in this process, and through the host's dispatcher to other processes.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as Dispatcher from "../../events/Dispatcher.ts"
import * as Topic from "../../events/Topic.ts"
import { guarded } from "../internal/defects.ts"
import { EventEnvelope, session as topicOf } from "../OrchestratorTopics.ts"
import type { SessionId } from "../session/Ids.ts"

/** The topic of all sessions, inside this process only. */
export const allSessions: Topic.Topic<EventEnvelope> = Topic.make("compute", EventEnvelope)

/** How many events a slow subscriber may be behind before it loses the oldest. */
const capacity = 1_024

/** Where events are published, and where they are read. */
export interface Publisher {
  readonly publish: (envelope: EventEnvelope) => Effect.Effect<void>
  readonly subscribe: (
    id: SessionId | null
  ) => Effect.Effect<Stream.Stream<Dispatcher.Delivery<EventEnvelope>>, never, Scope.Scope>
  /** Waits a while until the host's dispatcher has what was published. */
  readonly drain: Effect.Effect<void>
}

/** Events that wait for the host's dispatcher; beyond that the oldest are dropped. */
const busCapacity = 10_000
/** How long the host's dispatcher may take for one event, and for all that is left when the engine closes. */
const busLimit = "10 seconds"
const lastWords = "5 seconds"

/** Publishes to the host's dispatcher from a fiber of its own: it may be slow, hang or throw, and no session waits for it. */
const makeBus = (dispatcher: Dispatcher.Dispatcher["Service"]): Effect.Effect<Bus, never, Scope.Scope> =>
  Effect.gen(function*() {
    const waiting = yield* Queue.sliding<EventEnvelope>(busCapacity)
    const isIdle = yield* Latch.make(true)
    yield* Queue.take(waiting).pipe(
      Effect.flatMap((envelope) =>
        // called inside: it may also throw before it answers with an effect
        Effect.suspend(() => dispatcher.publish(topicOf(envelope.id), envelope)).pipe(
          Effect.timeoutOption(busLimit),
          Effect.ignoreCause
        )
      ),
      Effect.tap(() => Queue.sizeUnsafe(waiting) === 0 ? isIdle.open : Effect.void),
      Effect.forever,
      Effect.forkScoped
    )
    return {
      publish: (envelope) => {
        isIdle.closeUnsafe()
        Queue.offerUnsafe(waiting, envelope)
      },
      drain: Effect.asVoid(Effect.timeoutOption(isIdle.await, lastWords))
    }
  })

interface Bus {
  readonly publish: (envelope: EventEnvelope) => void
  readonly drain: Effect.Effect<void>
}

/** A publisher; closing its scope ends the streams of its subscribers. */
export const make: Effect.Effect<Publisher, never, Scope.Scope> = Effect.gen(function*() {
  const host = Option.getOrNull(yield* Effect.serviceOption(Dispatcher.Dispatcher))
  const local = Context.get(yield* Layer.build(Layer.fresh(Dispatcher.layerMemory)), Dispatcher.Dispatcher)
  const bus = host === null ? null : yield* makeBus(host)
  if (bus === null) yield* Effect.logDebug("events of sessions stay within this process: there is no dispatcher")
  return {
    publish: (envelope) => {
      bus?.publish(envelope)
      return guarded(
        "an event",
        Effect.andThen(local.publish(allSessions, envelope), local.publish(topicOf(envelope.id), envelope))
      )
    },
    subscribe: (id) => local.subscribe(id === null ? allSessions : topicOf(id), { capacity, overflow: "gap" }),
    drain: bus?.drain ?? Effect.void
  }
})
