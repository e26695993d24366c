/**
 * Submitting a job, and waiting for its end.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { AtlasError, ProviderFault, Timeout } from "../domain/AtlasError.ts"
import type { Job } from "../domain/Job.ts"
import * as JobRequest from "../domain/JobRequest.ts"
import * as TimeSpan from "../domain/TimeSpan.ts"
import type { CallOptions } from "../provider/Call.ts"
import type { Service } from "../provider/Provider.ts"
import * as Polling from "./internal/polling.ts"

/**
 * Submits a job once; a `sync` job is returned when it has ended, or in the state it has when the provider stops waiting.
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
              message: `the job did not end within ${TimeSpan.format(request.timeout)}; it may still be running`,
              mayHaveActed: true
            })
          })
        )
    })
  })

/**
 * The error of a job that ended without having completed: `code` is its status.
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

/** Whether a failed poll may succeed the next time: the request was lost, or the answer could not be understood. */
const mayPass = ({ isRetryable, reason }: AtlasError): boolean =>
  isRetryable || (reason._tag === "ProviderFault" && (reason.status === null || reason.status < 400))

/**
 * Polls the job until it has ended and returns it; a job that failed, was cancelled or timed out fails as `ProviderFault`.
 *
 * **Details**
 *
 * Polls are 500 milliseconds apart at first and 5 seconds later. After a failed poll that may be repeated, polling goes on.
 * Past `timeout` (default: never) this fails as `Timeout`; the job keeps running.
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
    const limits = yield* Polling.limits(provider, "awaitJob", { timeout: options.timeout })
    let delay = Polling.firstDelay
    while (true) {
      const seen = yield* limits.within(
        Effect.catchIf(provider.jobs.get(job, call), mayPass, () => Effect.succeed(null))
      )
      if (seen !== null && seen.isFinal) {
        return seen.status === "completed" ? seen : yield* unsuccessful(provider, "awaitJob", seen)
      }
      yield* limits.within(Polling.pause(delay))
      delay = Polling.nextDelay(delay)
    }
  })
