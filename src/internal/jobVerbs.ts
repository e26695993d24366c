/**
 * The verbs of serverless jobs.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { Job } from "../domain/Job.ts"
import type { Input, JobRef, JobRequest } from "../domain/JobRequest.ts"
import * as JobRunner from "../jobs/JobRunner.ts"
import * as JobStream from "../jobs/JobStream.ts"
import type { Providers } from "../provider/Providers.ts"
import { at, type Options } from "./desk.ts"

/**
 * Submits a job to a serverless endpoint; mode `sync` waits for its end within the request's `timeout`.
 *
 * **Details**
 *
 * The submit is sent once: a lost answer fails as `Uncertain`, since a second submit could run the job twice. A `sync`
 * job that the server let go before its end answers with the status it had; go on with {@link awaitJob}.
 *
 * **Example** (Submit, then wait)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const job = yield* Atlas.runJob({ endpoint: "abc123", input: { prompt: "hello" } })
 *   const done = yield* Atlas.awaitJob(job, { timeout: "5 minutes" })
 *   return done.output
 * })
 * ```
 *
 * @category jobs
 * @since 0.1.0
 */
export const runJob = (
  request: Input | JobRequest,
  options?: Options
): Effect.Effect<Job, AtlasError, Providers> =>
  at("runJob", options, (provider, call) => JobRunner.run(provider, request, call))

/**
 * A job as the provider sees it now.
 *
 * **Example** (Looking)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 *
 * const job = Atlas.getJob({ endpoint: "abc123", id: "job-1" })
 * ```
 *
 * @category jobs
 * @since 0.1.0
 */
export const getJob = (job: JobRef, options?: Options): Effect.Effect<Job, AtlasError, Providers> =>
  at("getJob", options, (provider, call) => provider.jobs.get(refOf(job), call))

/**
 * Asks the provider to cancel a job.
 *
 * **Example** (Cancelling)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 *
 * const cancelled = Atlas.cancelJob({ endpoint: "abc123", id: "job-1" })
 * ```
 *
 * @category jobs
 * @since 0.1.0
 */
export const cancelJob = (job: JobRef, options?: Options): Effect.Effect<void, AtlasError, Providers> =>
  at("cancelJob", options, (provider, call) => provider.jobs.cancel(refOf(job), call))

/**
 * Waits until a job is final and answers it; one that did not complete fails as `ProviderFault` with its status in `code`.
 *
 * **Details**
 *
 * `timeout` is how long to wait at most, default for ever; past it this fails as `Timeout` and the job goes on.
 *
 * **Example** (Waiting)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 *
 * const done = Atlas.awaitJob({ endpoint: "abc123", id: "job-1" }, { timeout: "10 minutes" })
 * ```
 *
 * @category jobs
 * @since 0.1.0
 */
export const awaitJob = (job: JobRef, options?: Options): Effect.Effect<Job, AtlasError, Providers> => {
  const { timeout, ...rest } = options ?? {}
  return at("awaitJob", rest, (provider, call) => JobRunner.awaitFinal(provider, refOf(job), { timeout }, call))
}

/**
 * What a job puts out while it runs, in order and once; ends when it has completed, fails when it did not.
 *
 * **Details**
 *
 * Lazy: nothing is asked before the first pull, nothing after the consumer has stopped. `timeout` bounds the whole
 * stream, `idleTimeout` the time without anything new.
 *
 * **Example** (Printing tokens)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 * import * as Console from "effect/Console"
 * import * as Stream from "effect/Stream"
 *
 * const printed = Stream.runForEach(
 *   Atlas.streamJob({ endpoint: "abc123", id: "job-1" }, { idleTimeout: "1 minute" }),
 *   (item) => Console.log(item)
 * )
 * ```
 *
 * @category jobs
 * @since 0.1.0
 */
export const streamJob = (
  job: JobRef,
  options?: Options & JobStream.Limits
): Stream.Stream<Schema.Json, AtlasError, Providers> => {
  const { idleTimeout, timeout, ...rest } = options ?? {}
  return Stream.unwrap(
    at(
      "streamJob",
      rest,
      (provider, call) => Effect.succeed(JobStream.make(provider, refOf(job), { timeout, idleTimeout }, call))
    )
  )
}

/** A whole job may be given where its endpoint and id are meant. */
const refOf = ({ endpoint, id }: JobRef): JobRef => ({ endpoint, id })
