/**
 * The topic that an orchestrator publishes on through a `Dispatcher`: one for each session, `compute:<session id>`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ComputeId } from "../domain/Ids.ts"
import * as Topic from "../events/Topic.ts"
import { SessionEvent } from "./session/Event.ts"
import { SessionId } from "./session/Ids.ts"

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
  /** When it happened. */
  at: Schema.DateTimeUtcFromString,
  event: SessionEvent
})

/**
 * @category models
 * @since 0.1.0
 */
export type EventEnvelope = typeof EventEnvelope.Type

/**
 * The topic of one session, by its id.
 *
 * **Example** (Following a session from another process)
 *
 * ```ts
 * import * as Dispatcher from "effect-atlas/events/Dispatcher"
 * import { OrchestratorTopics } from "effect-atlas/orchestrator"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * const follow = (sessionId: string) =>
 *   Effect.gen(function*() {
 *     const dispatcher = yield* Dispatcher.Dispatcher
 *     const heard = yield* dispatcher.subscribe(OrchestratorTopics.session(sessionId))
 *     yield* Stream.runForEach(heard, (delivery) =>
 *       delivery._tag === "Message" ? Effect.log(delivery.message.event._tag) : Effect.log(delivery._tag))
 *   }).pipe(Effect.scoped)
 * ```
 *
 * @category topics
 * @since 0.1.0
 */
export const session = (id: string): Topic.Topic<EventEnvelope> => Topic.make(`compute:${id}`, EventEnvelope)
