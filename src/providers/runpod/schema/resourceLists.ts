/**
 * Templates, and the lists of templates and network volumes.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { containerAnswer, MountsAnswer } from "./containerAnswers.ts"
import { NetworkVolume } from "./resources.ts"
import { maybe, Pagination } from "./wire.ts"

/**
 * A template as RunPod reports it.
 *
 * @category models
 * @since 0.1.0
 */
export const Template = Schema.Struct({
  ...containerAnswer,
  id: Schema.String,
  name: maybe(Schema.String),
  mounts: maybe(MountsAnswer),
  serverless: maybe(Schema.Boolean),
  public: maybe(Schema.Boolean),
  category: maybe(Schema.String),
  startSsh: maybe(Schema.Boolean),
  startJupyter: maybe(Schema.Boolean),
  allowedCudaVersions: maybe(Schema.Array(Schema.String))
})

/**
 * @category models
 * @since 0.1.0
 */
export type Template = typeof Template.Type

/**
 * One page of templates.
 *
 * @category models
 * @since 0.1.0
 */
export const TemplateList = Schema.Struct({
  templates: Schema.Array(Template),
  pagination: Pagination
})

/**
 * All network volumes; this list has no pages.
 *
 * @category models
 * @since 0.1.0
 */
export const NetworkVolumeList = Schema.Struct({ networkVolumes: Schema.Array(NetworkVolume) })
