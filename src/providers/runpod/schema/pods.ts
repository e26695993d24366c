/**
 * Pods: containers on rented machines.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { containerRequest, CudaVersion, Filled, Mounts, pageQuery, whole } from "./wire.ts"

/**
 * What can be done to a pod.
 *
 * @category models
 * @since 0.1.0
 */
export const PodAction = Schema.Literals(["start", "stop", "restart", "terminate"])

/**
 * @category models
 * @since 0.1.0
 */
export type PodAction = typeof PodAction.Type

/**
 * RunPod's own data centers, or machines of third parties.
 *
 * @category models
 * @since 0.1.0
 */
export const CloudType = Schema.Literals(["SECURE", "COMMUNITY"])

/**
 * GPUs of a pod to be: one type, `count` of them. Send `count` always: without it a create was refused as out of stock.
 *
 * @category models
 * @since 0.1.0
 */
export const CreateGpu = Schema.Struct({
  id: Schema.String,
  count: Schema.optionalKey(whole(1)),
  allowedCudaVersions: Schema.optionalKey(Schema.Array(CudaVersion)),
  minCudaVersion: Schema.optionalKey(CudaVersion),
  minRamPerGpu: Schema.optionalKey(whole(1)),
  minVcpuCountPerGpu: Schema.optionalKey(whole(1))
})

/**
 * A CPU flavor and how many vCPUs of it, a power of two.
 *
 * @category models
 * @since 0.1.0
 */
export const CreateCpu = Schema.Struct({ id: Filled, vcpuCount: whole(2) })

/**
 * The body of a create: `name`, one of `gpu` and `cpu`, and an `image` or a `templateId`.
 *
 * @category models
 * @since 0.1.0
 */
export const CreatePodRequest = Schema.Struct({
  ...containerRequest,
  name: Filled,
  templateId: Schema.optionalKey(Filled),
  gpu: Schema.optionalKey(CreateGpu),
  cpu: Schema.optionalKey(CreateCpu),
  cloud: Schema.optionalKey(CloudType),
  dataCenterIds: Schema.optionalKey(Schema.Array(Schema.String)),
  mounts: Schema.optionalKey(Mounts),
  globalNetworking: Schema.optionalKey(Schema.Boolean),
  startSsh: Schema.optionalKey(Schema.Boolean),
  startJupyter: Schema.optionalKey(Schema.Boolean)
})

/**
 * @category models
 * @since 0.1.0
 */
export type CreatePodRequest = typeof CreatePodRequest.Type

/**
 * The body of an action on a pod.
 *
 * @category models
 * @since 0.1.0
 */
export const PodActionRequest = Schema.Struct({ action: PodAction })

/**
 * @category models
 * @since 0.1.0
 */
export type PodActionRequest = typeof PodActionRequest.Type

/**
 * Query of the list of pods; names it does not know are ignored by RunPod, so there is no filter.
 *
 * @category models
 * @since 0.1.0
 */
export const ListPodsQuery = Schema.Struct({ ...pageQuery, includeClusterPods: Schema.optionalKey(Schema.Boolean) })
