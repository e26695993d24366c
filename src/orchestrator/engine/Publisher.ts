/**
 * Publishes the events of sessions: to subscribers in this process, and through the host's dispatcher to other processes.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { ComputeId } from "../../domain/Ids.ts"
import * as Dispatcher from "../../events/Dispatcher.ts"
import * as Topic from "../../events/Topic.ts"
import { SessionEvent } from "../session/Event.ts"
import { SessionId } from "../session/Ids.ts"

/**
 * One published event of one session.
 *
 * @category models
 * @since 0.1.0
 */
export const EventEnvelope = Schema.Struct({
  id: SessionId,
  /** The machine the session has or had last; null before the first. */
  computeId: Schema.NullOr(ComputeId),
  /** When it happened, in milliseconds of the wall clock. */
  at: Schema.Finite,
  event: SessionEvent
})

/**
 * @category models
 * @since 0.1.0
 */
export type EventEnvelope = typeof EventEnvelope.Type

/** The topic of one session. */
export const topicOf = (id: SessionId): Topic.Topic<EventEnvelope> => Topic.make(`compute:${id}`, EventEnvelope)

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
}

/** A publisher; closing its scope ends the streams of its subscribers. */
export const make: Effect.Effect<Publisher, never, Scope.Scope> = Effect.gen(function*() {
  const host = yield* Effect.serviceOption(Dispatcher.Dispatcher)
  const local = Context.get(yield* Layer.build(Layer.fresh(Dispatcher.layerMemory)), Dispatcher.Dispatcher)
  return {
    publish: (envelope) => {
      const topic = topicOf(envelope.id)
      const published = Effect.andThen(local.publish(allSessions, envelope), local.publish(topic, envelope))
      return Option.match(host, {
        onNone: () => published,
        // a failure of the host's dispatcher must not stop the session
        onSome: (dispatcher) => Effect.andThen(published, Effect.ignoreCause(dispatcher.publish(topic, envelope)))
      })
    },
    subscribe: (id) => local.subscribe(id === null ? allSessions : topicOf(id), { capacity, overflow: "gap" })
  }
})
