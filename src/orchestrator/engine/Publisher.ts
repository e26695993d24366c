/**
 * Tells what sessions tell: to those who listen in this process, and through the host's dispatcher to everybody else.
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

/** One published event of one session. */
export const EventEnvelope = Schema.Struct({
  id: SessionId,
  /** The machine it has or had last; null before the first. */
  computeId: Schema.NullOr(ComputeId),
  /** Wall-clock milliseconds. */
  at: Schema.Finite,
  event: SessionEvent
})

export type EventEnvelope = typeof EventEnvelope.Type

/** What one session tells. */
export const topicOf = (id: SessionId): Topic.Topic<EventEnvelope> => Topic.make(`compute:${id}`, EventEnvelope)

/** What all of them tell. */
export const allSessions: Topic.Topic<EventEnvelope> = Topic.make("compute", EventEnvelope)

/** News that a slow reader may be behind before it loses the oldest. */
const capacity = 1_024

/** Where news go. */
export interface Publisher {
  readonly tell: (news: EventEnvelope) => Effect.Effect<void>
  readonly hear: (
    id: SessionId | null
  ) => Effect.Effect<Stream.Stream<Dispatcher.Delivery<EventEnvelope>>, never, Scope.Scope>
}

/** A publisher of the scope; closing it ends what is listened to. */
export const make: Effect.Effect<Publisher, never, Scope.Scope> = Effect.gen(function*() {
  const bus = yield* Effect.serviceOption(Dispatcher.Dispatcher)
  const hub = Context.get(yield* Layer.build(Layer.fresh(Dispatcher.layerMemory)), Dispatcher.Dispatcher)
  return {
    tell: (news) => {
      const topic = topicOf(news.id)
      const told = Effect.andThen(hub.publish(allSessions, news), hub.publish(topic, news))
      return Option.match(bus, {
        onNone: () => told,
        // whatever is wrong with the host's bus, the session goes on
        onSome: (dispatcher) => Effect.andThen(told, Effect.ignoreCause(dispatcher.publish(topic, news)))
      })
    },
    hear: (id) => hub.subscribe(id === null ? allSessions : topicOf(id), { capacity, overflow: "gap" })
  }
})
