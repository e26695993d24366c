/**
 * Serverless endpoints: as RunPod reports them, with their workers and releases, and the bodies that make or change one.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { CreateCpu } from "./pods.ts"
import { containerAnswer, containerRequest, CudaVersion, Filled, maybe, pageQuery, Pagination, whole } from "./wire.ts"

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

/**
 * An endpoint as RunPod reports it.
 *
 * @category models
 * @since 0.1.0
 */
export const Endpoint = Schema.Struct({
  ...containerAnswer,
  id: Schema.String,
  name: maybe(Schema.String),
  type: maybe(Schema.String),
  requestUrls: maybe(Schema.Record(Schema.String, Schema.String)),
  gpu: maybe(Schema.NullOr(Schema.Struct({
    pools: maybe(Schema.Array(Schema.String)),
    excludedTypes: maybe(Schema.Array(Schema.String)),
    count: maybe(Schema.Finite),
    allowedCudaVersions: maybe(Schema.Array(Schema.String)),
    minCudaVersion: maybe(Schema.NullOr(Schema.String))
  }))),
  cpu: maybe(Schema.Array(Schema.Struct({
    id: Schema.String,
    vcpuCount: maybe(Schema.Finite),
    memory: maybe(Schema.Finite)
  }))),
  workers: maybe(Schema.Struct({
    min: maybe(Schema.Finite),
    max: maybe(Schema.Finite),
    idleTimeout: maybe(Schema.Finite)
  })),
  scaling: maybe(Schema.Struct({
    type: maybe(Schema.String),
    queueDelay: maybe(Schema.Finite),
    requestCount: maybe(Schema.Finite)
  })),
  dataCenterIds: maybe(Schema.Array(Schema.String)),
  networkVolumes: maybe(Schema.Array(Schema.String)),
  timeout: maybe(Schema.Finite),
  flashboot: maybe(Schema.String),
  createdAt: maybe(Schema.String)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Endpoint = typeof Endpoint.Type

/**
 * One page of endpoints.
 *
 * @category models
 * @since 0.1.0
 */
export const EndpointList = Schema.Struct({
  endpoints: Schema.Array(Endpoint),
  pagination: Pagination
})

/**
 * The query of a list that comes in pages and has no filter.
 *
 * @category models
 * @since 0.1.0
 */
export const PageQuery = Schema.Struct(pageQuery)

/**
 * Jobs through a queue, or HTTP straight to the workers; fixed for the life of an endpoint.
 *
 * @category models
 * @since 0.1.0
 */
export const EndpointType = Schema.Literals(["QUEUE", "LOAD_BALANCER"])

/**
 * How fast workers start: from an image, or from a snapshot.
 *
 * @category models
 * @since 0.1.0
 */
export const FlashBoot = Schema.Literals(["OFF", "FLASHBOOT", "PRIORITY_FLASHBOOT"])

/**
 * When a worker is added: after a job waited for `queueDelay` seconds, or one for every `requestCount` requests.
 *
 * @category models
 * @since 0.1.0
 */
export const EndpointScaling = Schema.Union([
  Schema.Struct({
    type: Schema.Literal("QUEUE_DELAY"),
    queueDelay: Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0.5, { expected: "at least 0.5 seconds" }))
  }),
  Schema.Struct({ type: Schema.Literal("REQUEST_COUNT"), requestCount: whole(1) })
])

/**
 * How many workers: 0 to 3 unless given, and how many seconds (1 to 3600, default 10) an idle one stays.
 *
 * @category models
 * @since 0.1.0
 */
export const EndpointWorkers = Schema.Struct({
  min: Schema.optionalKey(whole(0)),
  max: Schema.optionalKey(whole(0)),
  idleTimeout: Schema.optionalKey(whole(1, 3600))
})

const gpuLimits = {
  excludedTypes: Schema.optionalKey(Schema.Array(Schema.String)),
  count: Schema.optionalKey(whole(1)),
  allowedCudaVersions: Schema.optionalKey(Schema.Array(CudaVersion))
}

const Pools = Schema.Array(Schema.String).check(Schema.isMinLength(1, { expected: "at least 1 pool" }))
const Cpus = Schema.Array(CreateCpu).check(Schema.isMinLength(1, { expected: "at least 1 CPU flavor" }))

const endpointRequest = {
  ...containerRequest,
  cpu: Schema.optionalKey(Cpus),
  workers: Schema.optionalKey(EndpointWorkers),
  dataCenterIds: Schema.optionalKey(Schema.Array(Schema.String)),
  networkVolumes: Schema.optionalKey(Schema.Array(Schema.String)),
  /** Milliseconds a job may run. */
  timeout: Schema.optionalKey(Schema.Int),
  flashboot: Schema.optionalKey(FlashBoot)
}

/**
 * The body of a create: `name`, `type`, `scaling`, one of `gpu` and `cpu`, and an `image` or a `templateId`.
 *
 * @category models
 * @since 0.1.0
 */
export const CreateEndpointRequest = Schema.Struct({
  ...endpointRequest,
  name: Filled,
  type: EndpointType,
  scaling: EndpointScaling,
  templateId: Schema.optionalKey(Filled),
  gpu: Schema.optionalKey(
    Schema.Struct({ ...gpuLimits, pools: Pools, minCudaVersion: Schema.optionalKey(CudaVersion) })
  )
})

/**
 * @category models
 * @since 0.1.0
 */
export type CreateEndpointRequest = typeof CreateEndpointRequest.Type

const ClearableCuda = Schema.String.check(
  Schema.isPattern(/^$|^\d+\.\d+$/, { expected: "major.minor, such as 12.8, or \"\"" })
)

/**
 * The body of a change; `pools` replaces pools and exclusions together, so exclusions come with pools.
 *
 * @category models
 * @since 0.1.0
 */
export const UpdateEndpointRequest = Schema.Struct({
  ...endpointRequest,
  name: Schema.optionalKey(Filled),
  scaling: Schema.optionalKey(EndpointScaling),
  templateId: Schema.optionalKey(Schema.String),
  gpu: Schema.optionalKey(
    Schema.Struct({ ...gpuLimits, pools: Schema.optionalKey(Pools), minCudaVersion: Schema.optionalKey(ClearableCuda) })
      .check(
        Schema.makeFilter((gpu) => gpu.excludedTypes === undefined || gpu.pools !== undefined, {
          expected: "excludedTypes together with pools"
        })
      )
  )
})

/**
 * @category models
 * @since 0.1.0
 */
export type UpdateEndpointRequest = typeof UpdateEndpointRequest.Type
