/**
 * What pods and endpoints are made from: templates and network volumes.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { containerRequest, CudaVersion, Filled, maybe, PersistentMount, whole } from "./wire.ts"

/**
 * What a template is made for.
 *
 * @category models
 * @since 0.1.0
 */
export const TemplateCategory = Schema.Literals(["CPU", "NVIDIA", "AMD"])

/**
 * What a create and a change of a template have in common.
 *
 * @category models
 * @since 0.1.0
 */
export const templateRequest = {
  ...containerRequest,
  mounts: Schema.optionalKey(Schema.Struct({ persistent: Schema.optionalKey(PersistentMount) })),
  serverless: Schema.optionalKey(Schema.Boolean),
  public: Schema.optionalKey(Schema.Boolean),
  category: Schema.optionalKey(TemplateCategory),
  startSsh: Schema.optionalKey(Schema.Boolean),
  startJupyter: Schema.optionalKey(Schema.Boolean),
  allowedCudaVersions: Schema.optionalKey(Schema.Array(CudaVersion))
}

/**
 * The body of a create: `name` and `image`; it is for pods unless `serverless`, and starts SSH and Jupyter unless told not to.
 *
 * @category models
 * @since 0.1.0
 */
export const CreateTemplateRequest = Schema.Struct({ ...templateRequest, name: Filled, image: Schema.String })

/**
 * @category models
 * @since 0.1.0
 */
export type CreateTemplateRequest = typeof CreateTemplateRequest.Type

/**
 * How a network volume is stored.
 *
 * @category models
 * @since 0.1.0
 */
export const VolumeType = Schema.Literals(["STANDARD", "HIGH_PERFORMANCE"])

/**
 * Gigabytes of a network volume.
 *
 * @category models
 * @since 0.1.0
 */
export const VolumeSize = whole(10, 4096)

/**
 * The body of a create: `size` is 10 to 4096 GB, `type` the data center's own unless given.
 *
 * @category models
 * @since 0.1.0
 */
export const CreateNetworkVolumeRequest = Schema.Struct({
  name: Filled,
  size: VolumeSize,
  dataCenter: Filled,
  type: Schema.optionalKey(VolumeType)
})

/**
 * @category models
 * @since 0.1.0
 */
export type CreateNetworkVolumeRequest = typeof CreateNetworkVolumeRequest.Type

/**
 * A network volume as RunPod reports it; `size` in GB.
 *
 * @category models
 * @since 0.1.0
 */
export const NetworkVolume = Schema.Struct({
  id: Schema.String,
  name: maybe(Schema.String),
  size: maybe(Schema.Finite),
  dataCenter: maybe(Schema.String),
  type: maybe(Schema.String)
})

/**
 * @category models
 * @since 0.1.0
 */
export type NetworkVolume = typeof NetworkVolume.Type
