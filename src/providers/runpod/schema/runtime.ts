/**
 * The serverless runtime: jobs and their answers. RunPod publishes no document of it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { maybe, Secret, whole } from "./wire.ts"

/**
 * How far a job is, as far as known; the last four are final.
 *
 * @category models
 * @since 0.1.0
 */
export const JobStatus = /* @__PURE__ */ Schema.Literals([
  "IN_QUEUE",
  "IN_PROGRESS",
  "COMPLETED",
  "FAILED",
  "CANCELLED",
  "TIMED_OUT"
])

/**
 * @category models
 * @since 0.1.0
 */
export type JobStatus = typeof JobStatus.Type

const week = 7 * 24 * 3_600_000

/**
 * The body of `run` and `runsync`. Times are milliseconds: `executionTimeout` 5 s to 7 days (10 minutes unless given),
 * `ttl` 10 s to 7 days (a day unless given) for the whole life of a job, waiting included.
 *
 * @category models
 * @since 0.1.0
 */
export const RunRequest = Schema.Struct({
  input: Schema.Json,
  webhook: Schema.optionalKey(Secret),
  webhookV2: Schema.optionalKey(Secret),
  policy: Schema.optionalKey(Schema.Struct({
    executionTimeout: Schema.optionalKey(whole(5000, week)),
    lowPriority: Schema.optionalKey(Schema.Boolean),
    ttl: Schema.optionalKey(whole(10_000, week))
  })),
  s3Config: Schema.optionalKey(Schema.Struct({
    accessId: Secret,
    accessSecret: Secret,
    bucketName: Schema.String,
    endpointUrl: Schema.String,
    objectPath: Schema.optionalKey(Schema.String)
  }))
})

/**
 * @category models
 * @since 0.1.0
 */
export type RunRequest = typeof RunRequest.Type

/**
 * How long the server holds a request before it answers, in milliseconds: 1000 to 300,000, 90,000 unless given.
 *
 * @category models
 * @since 0.1.0
 */
export const RunSyncQuery = Schema.Struct({ wait: Schema.optionalKey(whole(1000, 300_000)) })

/**
 * How long an empty poll is held, in milliseconds; about 10 seconds unless given.
 *
 * @category models
 * @since 0.1.0
 */
export const StreamQuery = Schema.Struct({ wait: Schema.optionalKey(whole(0)) })

/**
 * A new life time for the job, in milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export const StatusQuery = Schema.Struct({ ttl: Schema.optionalKey(whole(10_000, week)) })

/**
 * A job as the runtime reports it. `delayTime` (waiting) and `executionTime` are milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export const JobAnswer = Schema.Struct({
  id: Schema.String,
  status: Schema.String,
  delayTime: maybe(Schema.Finite),
  executionTime: maybe(Schema.Finite),
  retries: maybe(Schema.Finite),
  workerId: maybe(Schema.NullOr(Schema.String)),
  output: maybe(Schema.Json),
  error: maybe(Schema.Json)
})

/**
 * @category models
 * @since 0.1.0
 */
export type JobAnswer = typeof JobAnswer.Type

/**
 * What the job yielded since the last poll: reading it takes it away. Each item is what the handler yielded.
 *
 * @category models
 * @since 0.1.0
 */
export const StreamAnswer = Schema.Struct({
  status: Schema.String,
  stream: maybe(Schema.NullOr(Schema.Array(Schema.Struct({ output: maybe(Schema.Json) })))),
  error: maybe(Schema.Json)
})

/**
 * @category models
 * @since 0.1.0
 */
export type StreamAnswer = typeof StreamAnswer.Type
