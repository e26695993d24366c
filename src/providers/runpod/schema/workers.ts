/**
 * What runs for a serverless endpoint: its workers and its releases.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { maybe, Pagination } from "./wire.ts"

/**
 * One worker of an endpoint; its status is one of RUNNING, IDLE, INITIALIZING, THROTTLED, UNHEALTHY or a newer word.
 *
 * @category models
 * @since 0.1.0
 */
export const Worker = Schema.Struct({
  id: Schema.String,
  status: maybe(Schema.String),
  isStale: maybe(Schema.Boolean),
  version: maybe(Schema.NullOr(Schema.Finite)),
  gpuCount: maybe(Schema.Finite),
  image: maybe(Schema.NullOr(Schema.String)),
  uptimeSeconds: maybe(Schema.NullOr(Schema.Finite)),
  gpuTypeId: maybe(Schema.NullOr(Schema.String)),
  dataCenterId: maybe(Schema.NullOr(Schema.String)),
  startedAt: maybe(Schema.NullOr(Schema.String))
})

/**
 * @category models
 * @since 0.1.0
 */
export type Worker = typeof Worker.Type

/**
 * The workers of an endpoint that are there now, and how many are in which state.
 *
 * @category models
 * @since 0.1.0
 */
export const WorkerList = Schema.Struct({
  workers: Schema.Array(Worker),
  summary: maybe(Schema.Struct({
    running: maybe(Schema.Finite),
    idle: maybe(Schema.Finite),
    initializing: maybe(Schema.Finite),
    throttled: maybe(Schema.Finite),
    unhealthy: maybe(Schema.Finite),
    total: maybe(Schema.Finite)
  })),
  endpointVersion: maybe(Schema.NullOr(Schema.Finite))
})

/**
 * One release of an endpoint and what it changed.
 *
 * @category models
 * @since 0.1.0
 */
export const Release = Schema.Struct({
  id: Schema.String,
  version: maybe(Schema.NullOr(Schema.Finite)),
  source: maybe(Schema.String),
  buildId: maybe(Schema.NullOr(Schema.String)),
  createdByUserId: maybe(Schema.NullOr(Schema.String)),
  workerCount: maybe(Schema.Finite),
  createdAt: maybe(Schema.String),
  diff: maybe(Schema.Array(Schema.Struct({
    field: Schema.String,
    old: maybe(Schema.Unknown),
    new: maybe(Schema.Unknown)
  })))
})

/**
 * @category models
 * @since 0.1.0
 */
export type Release = typeof Release.Type

/**
 * One page of releases, newest first, and how far the newest has been rolled out.
 *
 * @category models
 * @since 0.1.0
 */
export const ReleaseList = Schema.Struct({
  endpointVersion: maybe(Schema.NullOr(Schema.Finite)),
  rollout: maybe(Schema.Struct({
    inProgress: maybe(Schema.Boolean),
    workersOnLatest: maybe(Schema.Finite),
    workersTotal: maybe(Schema.Finite),
    percentOnLatest: maybe(Schema.Finite)
  })),
  releases: Schema.Array(Release),
  pagination: Pagination
})
