/**
 * Submitting a job, and waiting for its end.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { AtlasError, ProviderFault, Timeout } from "../domain/AtlasError.ts"
import type { Job } from "../domain/Job.ts"
import * as JobRequest from "../domain/JobRequest.ts"
import type { CallOptions } from "../provider/Call.ts"
import type { Service } from "../provider/Provider.ts"
import * as Pace from "./internal/pace.ts"

/**
 * Submits a job once; a `sync` one answers when it is final, or as far as the server waited.
 *
 * **Details**
 *
 * The request's `timeout` bounds a `sync` submit in all: connection, retries and body included. Past it this fails as
 * `Timeout`, which is not retryable: the job may still be running.
 *
 * @category running
 * @since 0.1.0
 */
export const run = (
  provider: Service,
  input: JobRequest.Input | JobRequest.JobRequest,
  call?: CallOptions
): Effect.Effect<Job, AtlasError> =>
  Effect.gen(function*() {
    const request = yield* JobRequest.decode(input)
    if (request.mode !== "sync") return yield* provider.jobs.submit(request, call)
    return yield* Effect.timeoutOrElse(provider.jobs.submit(request, { ...call, timeout: request.timeout }), {
      duration: request.timeout,
      orElse: () =>
        Effect.fail(
          new AtlasError({
            provider: provider.id,
            operation: "runJob",
            reason: new Timeout({
              message: `the job was not done within ${Duration.format(request.timeout)}; it may still be running`,
              mayHaveActed: true
            })
          })
        )
    })
  })

/**
 * The error of a job that is over without having completed: `code` is its status.
 *
 * @category errors
 * @since 0.1.0
 */
export const unsuccessful = (
  provider: Service,
  operation: string,
  job: { readonly id: string; readonly status: Job["status"]; readonly error: string | null }
): AtlasError =>
  new AtlasError({
    provider: provider.id,
    operation,
    reason: new ProviderFault({ code: job.status, message: job.error ?? `job ${job.id} is ${job.status}` })
  })

/** A look that may go well the next time: it failed on its way, or its answer made no sense. */
const mayPass = ({ isRetryable, reason }: AtlasError): boolean =>
  isRetryable || (reason._tag === "ProviderFault" && (reason.status === null || reason.status < 400))

/**
 * Looks until the job is final and answers it; one that failed, was cancelled or timed out fails as `ProviderFault`.
 *
 * **Details**
 *
 * Looks come 500 milliseconds apart at first, up to 5 seconds later. A failed look that may be repeated decides nothing.
 * Past `timeout` (default: never) this fails as `Timeout`; the job goes on.
 *
 * @category waiting
 * @since 0.1.0
 */
export const awaitFinal = (
  provider: Service,
  job: JobRequest.JobRef,
  options: { readonly timeout?: CallOptions["timeout"] },
  call?: CallOptions
): Effect.Effect<Job, AtlasError> =>
  Effect.gen(function*() {
    const limits = yield* Pace.limits(provider, "awaitJob", { timeout: options.timeout })
    let delay = Pace.first
    while (true) {
      const seen = yield* limits.within(
        Effect.catchIf(provider.jobs.get(job, call), mayPass, () => Effect.succeed(null))
      )
      if (seen !== null && seen.isFinal) {
        return seen.status === "completed" ? seen : yield* unsuccessful(provider, "awaitJob", seen)
      }
      yield* limits.within(Pace.rest(delay))
      delay = Pace.slower(delay)
    }
  })
