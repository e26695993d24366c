/**
 * Tells what sessions tell: to those who listen in this process, and through the host's dispatcher to everybody else.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as Dispatcher from "../../events/Dispatcher.ts"
import type { SessionId } from "../session/Ids.ts"
import * as News from "./News.ts"

/** News that a slow reader may be behind before it loses the oldest. */
const capacity = 1_024

/** Where news go. */
export interface Publisher {
  readonly tell: (news: News.News) => Effect.Effect<void>
  readonly hear: (
    id: SessionId | null
  ) => Effect.Effect<Stream.Stream<Dispatcher.Delivery<News.News>>, never, Scope.Scope>
}

/** A publisher of the scope; closing it ends what is listened to. */
export const make: Effect.Effect<Publisher, never, Scope.Scope> = Effect.gen(function*() {
  const bus = yield* Effect.serviceOption(Dispatcher.Dispatcher)
  const hub = Context.get(yield* Layer.build(Layer.fresh(Dispatcher.layerMemory)), Dispatcher.Dispatcher)
  return {
    tell: (news) => {
      const topic = News.topic(news.id)
      const told = Effect.andThen(hub.publish(News.everything, news), hub.publish(topic, news))
      return Option.match(bus, {
        onNone: () => told,
        // whatever is wrong with the host's bus, the session goes on
        onSome: (dispatcher) => Effect.andThen(told, Effect.ignoreCause(dispatcher.publish(topic, news)))
      })
    },
    hear: (id) => hub.subscribe(id === null ? News.everything : News.topic(id), { capacity, overflow: "gap" })
  }
})
