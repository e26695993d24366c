/**
 * Serverless work: a job that was submitted to an endpoint, and its result.
 *
 * @since 0.1.0
 */
import * as Inspectable from "effect/Inspectable"
import * as Schema from "effect/Schema"
import { ProviderId } from "./Ids.ts"

/**
 * How far a job is; the last four are final.
 *
 * @category models
 * @since 0.1.0
 */
export const JobStatus = Schema.Literals(["in_queue", "in_progress", "completed", "failed", "cancelled", "timed_out"])

/**
 * @category models
 * @since 0.1.0
 */
export type JobStatus = typeof JobStatus.Type

/**
 * A job as its provider last reported it.
 *
 * **Details**
 *
 * `output` and `error` are what the worker said; null while there is nothing. Printing a job does not
 * show `raw`.
 *
 * @category models
 * @since 0.1.0
 */
export class Job extends Schema.Class<Job>("effect-atlas/domain/Job")({
  id: Schema.NonEmptyString,
  provider: ProviderId,
  endpoint: Schema.NonEmptyString,
  status: JobStatus,
  output: Schema.Json,
  error: Schema.NullOr(Schema.String),
  /** How long it has run. */
  executionTime: Schema.NullOr(Schema.DurationFromMillis),
  /** How long it waited for a worker. */
  delayTime: Schema.NullOr(Schema.DurationFromMillis),
  createdAt: Schema.NullOr(Schema.DateTimeUtc),
  raw: Schema.Json
}) {
  /** Whether nothing more will happen to it. */
  get isFinal(): boolean {
    return this.status !== "in_queue" && this.status !== "in_progress"
  }

  override toString(): string {
    return `Job(${this.provider}/${this.endpoint}/${this.id} ${this.status})`
  }

  toJSON(): unknown {
    const { raw: _, ...shown } = this
    return shown
  }

  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}
