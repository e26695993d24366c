/**
 * One line a compute has written, wherever it runs.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A log line with the cursor that resumes right after it.
 *
 * **Details**
 *
 * `cursor` is opaque: give it as `after` to resume. `at` is when the line was written, null where that is not recorded.
 * `stream` is the provider's name for where it came from, such as `stdout` or `output` for both together.
 *
 * @category models
 * @since 0.1.0
 */
export class LogElement extends Schema.Class<LogElement>("effect-atlas/domain/LogElement")({
  cursor: Schema.String,
  at: Schema.NullOr(Schema.DateTimeUtc),
  stream: Schema.String,
  text: Schema.String
}) {}
