/**
 * The bodies that make or change a serverless endpoint.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { CreateCpu } from "./pods.ts"
import { containerRequest, CudaVersion, Filled, whole } from "./wire.ts"

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
