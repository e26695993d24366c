/** What the two processes of the Redis tests talk about. */
import * as Topic from "effect-atlas/events/Topic"
import * as Schema from "effect/Schema"

export const pings = Topic.make("pings", Schema.Struct({ n: Schema.Int }))

/** A date, so that what arrives was decoded and not just parsed. */
export const pongs = Topic.make("pongs", Schema.Struct({ at: Schema.DateFromString, of: Schema.Int, from: Schema.Int }))
