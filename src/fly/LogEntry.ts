/**
 * One line of a Fly app's log, whichever backend it came from.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A log line; what the backend did not say is null. `timestamp` is RFC 3339 as it was sent, up to nanoseconds.
 *
 * @category models
 * @since 0.1.0
 */
export const LogEntry = Schema.Struct({
  timestamp: Schema.NullOr(Schema.String),
  message: Schema.NullOr(Schema.String),
  level: Schema.NullOr(Schema.String),
  region: Schema.NullOr(Schema.String),
  instance: Schema.NullOr(Schema.String),
  appName: Schema.NullOr(Schema.String)
})

/**
 * @category models
 * @since 0.1.0
 */
export type LogEntry = typeof LogEntry.Type
