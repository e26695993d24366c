/**
 * The serverless runtime around its jobs: its queue, and how its workers are.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { maybe } from "./wire.ts"

/**
 * How many jobs were taken out of the queue.
 *
 * @category models
 * @since 0.1.0
 */
export const PurgeAnswer = Schema.Struct({ removed: maybe(Schema.Finite), status: maybe(Schema.String) })

/**
 * How many jobs and workers an endpoint has in which state.
 *
 * @category models
 * @since 0.1.0
 */
export const Health = Schema.Struct({
  jobs: maybe(Schema.Struct({
    completed: maybe(Schema.Finite),
    failed: maybe(Schema.Finite),
    inProgress: maybe(Schema.Finite),
    inQueue: maybe(Schema.Finite),
    retried: maybe(Schema.Finite)
  })),
  workers: maybe(Schema.Struct({
    idle: maybe(Schema.Finite),
    initializing: maybe(Schema.Finite),
    ready: maybe(Schema.Finite),
    running: maybe(Schema.Finite),
    throttled: maybe(Schema.Finite),
    unhealthy: maybe(Schema.Finite)
  }))
})

/**
 * @category models
 * @since 0.1.0
 */
export type Health = typeof Health.Type

/**
 * Jobs the endpoint knows; RunPod names this call and does not say what it answers.
 *
 * @category models
 * @since 0.1.0
 */
export const RequestsAnswer = Schema.Json
