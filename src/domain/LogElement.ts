/**
 * One line a compute has written, or a piece of one, wherever it runs.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The `stream` of what the platform says itself, as opposed to what runs in the compute.
 *
 * @category models
 * @since 0.1.0
 */
export const platform = "system"

/**
 * A log line with the cursor that resumes right after it.
 *
 * **Details**
 *
 * `cursor` is opaque: give it as `after` to resume. `at` is when the line was written, null where that is not recorded.
 * `stream` is the provider's name for where it came from, such as `stdout` or `output` for both together; `system` are words of
 * the platform.
 *
 * A line ends at a line feed, at a carriage return, or at both. One that has no end yet comes in pieces: `partial` means that the
 * line goes on, `continues` that this goes on with the line before, so the texts of a line's pieces put together are the line.
 * `overwritten` means that a carriage return alone ended it, as in a progress bar: a terminal writes the next line over it.
 * `lost` means that something is missing at this place, and the text says what.
 * `starts` means that the platform says here that it starts the container. Each of them is absent where it is not so.
 *
 * @category models
 * @since 0.1.0
 */
export class LogElement extends Schema.Class<LogElement>("effect-atlas/domain/LogElement")({
  cursor: Schema.String,
  at: Schema.NullOr(Schema.DateTimeUtc),
  stream: Schema.String,
  text: Schema.String,
  partial: Schema.optionalKey(Schema.Literal(true)),
  continues: Schema.optionalKey(Schema.Literal(true)),
  overwritten: Schema.optionalKey(Schema.Literal(true)),
  starts: Schema.optionalKey(Schema.Literal(true)),
  lost: Schema.optionalKey(Schema.Literal(true))
}) {
  /** Whether what runs in the compute has written it. */
  get isOutput(): boolean {
    return this.stream !== platform
  }
}
