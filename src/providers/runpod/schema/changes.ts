/**
 * Changes of existing pods, templates and network volumes.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { templateRequest, VolumeSize } from "./resources.ts"
import { containerRequest, Filled, Mounts } from "./wire.ts"

/**
 * The body of a change: what is left out stays, `[]`, null and `""` clear, `env` replaces the whole map.
 *
 * @category models
 * @since 0.1.0
 */
export const UpdatePodRequest = Schema.Struct({
  ...containerRequest,
  name: Schema.optionalKey(Filled),
  templateId: Schema.optionalKey(Schema.String),
  mounts: Schema.optionalKey(Mounts),
  locked: Schema.optionalKey(Schema.Boolean),
  globalNetworking: Schema.optionalKey(Schema.Boolean)
})

/**
 * @category models
 * @since 0.1.0
 */
export type UpdatePodRequest = typeof UpdatePodRequest.Type

/**
 * The body of a change, which does not reach what was made from the template before.
 *
 * @category models
 * @since 0.1.0
 */
export const UpdateTemplateRequest = Schema.Struct({ ...templateRequest, name: Schema.optionalKey(Filled) })

/**
 * @category models
 * @since 0.1.0
 */
export type UpdateTemplateRequest = typeof UpdateTemplateRequest.Type

/**
 * The body of a change: a new name, a larger size, or both.
 *
 * @category models
 * @since 0.1.0
 */
export const UpdateNetworkVolumeRequest = Schema.Struct({
  name: Schema.optionalKey(Filled),
  size: Schema.optionalKey(VolumeSize)
}).check(Schema.makeFilter((body) => Object.keys(body).length > 0, { expected: "a name, a size, or both" }))

/**
 * @category models
 * @since 0.1.0
 */
export type UpdateNetworkVolumeRequest = typeof UpdateNetworkVolumeRequest.Type
