/**
 * The output of a job while it runs, as a stream.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { JobRef } from "../domain/JobRequest.ts"
import type { CallOptions } from "../provider/Call.ts"
import type { Service } from "../provider/Provider.ts"
import * as Polling from "./internal/polling.ts"
import { unsuccessful } from "./JobRunner.ts"

/**
 * Limits of a stream; without them it still ends when the job does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  /** For the whole stream. */
  readonly timeout?: CallOptions["timeout"]
  /** For the time without new output; the time that the consumer takes does not count. */
  readonly idleTimeout?: CallOptions["timeout"]
}

interface Step {
  /** How long to wait before the next poll; null to poll at once. */
  readonly delay: Duration.Duration | null
  /** What the stream fails with after its last items. */
  readonly failure: AtlasError | null
}

/**
 * Each item of the job's output, in order and once; lazy, nothing is requested before the first pull or after the last.
 *
 * **Details**
 *
 * Ends when the job has completed. A job that failed, was cancelled or timed out gives its last items and then fails as
 * `ProviderFault` with its status in `code`. Polls again after 500 milliseconds, doubling to 5 seconds while no output comes.
 *
 * @category streaming
 * @since 0.1.0
 */
export const make = (
  provider: Service,
  job: JobRef,
  options: Limits,
  call?: CallOptions
): Stream.Stream<Schema.Json, AtlasError> =>
  Stream.unwrap(Effect.map(Polling.limits(provider, "streamJob", options), (limits) => {
    const start: Step = { delay: null, failure: null }
    return Stream.paginate(
      start,
      ({ delay, failure }) =>
        Effect.gen(function*() {
          if (failure !== null) return yield* failure
          if (delay !== null) yield* limits.within(Polling.pause(delay))
          const { error, items, status } = yield* limits.within(provider.jobs.chunk(job, call))
          if (items.length > 0) yield* limits.progressed
          const next = (step: Step) => [items, Option.some(step)] as const
          switch (status) {
            case "completed":
              return [items, Option.none<Step>()] as const
            case "failed":
            case "cancelled":
            case "timed_out":
              return next({ delay: null, failure: unsuccessful(provider, "streamJob", { id: job.id, status, error }) })
            default:
              return next({
                delay: delay === null || items.length > 0 ? Polling.firstDelay : Polling.nextDelay(delay),
                failure: null
              })
          }
        })
    )
  }))
