/**
 * What a session tells, with its name on it: the message of the topics `compute:<session id>` and of the engine's own hub.
 */
import * as Schema from "effect/Schema"
import { ComputeId } from "../../domain/Ids.ts"
import * as Topic from "../../events/Topic.ts"
import { SessionId } from "../session/Ids.ts"
import { Published } from "../session/Published.ts"

/** One published event of one session. */
export const News = Schema.Struct({
  id: SessionId,
  /** The machine it has or had last; null before the first. */
  computeId: Schema.NullOr(ComputeId),
  /** Wall-clock milliseconds. */
  at: Schema.Finite,
  event: Published
})

export type News = typeof News.Type

/** What one session tells. */
export const topic = (id: SessionId): Topic.Topic<News> => Topic.make(`compute:${id}`, News)

/** What all of them tell. */
export const everything: Topic.Topic<News> = Topic.make("compute", News)
