/**
 * What RunPod offers beside GPUs: CPU flavors, data centers and public templates; where, and at which price.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { Place } from "./gpuTypes.ts"
import { Template } from "./resourceLists.ts"
import { VolumeType } from "./resources.ts"
import { maybe, whole } from "./wire.ts"

/**
 * A CPU flavor: prices in US dollars per hour for one vCPU.
 *
 * @category models
 * @since 0.1.0
 */
export const CpuType = Schema.Struct({
  id: Schema.String,
  name: maybe(Schema.String),
  group: maybe(Schema.String),
  vcpu: maybe(Schema.Struct({ min: maybe(Schema.Finite), max: maybe(Schema.Finite) })),
  ramGbPerVcpu: maybe(Schema.Finite),
  price: maybe(Schema.Struct({ securePerVcpu: maybe(Schema.Finite), serverlessPerVcpu: maybe(Schema.Finite) })),
  availability: maybe(Schema.String),
  dataCenters: maybe(Schema.Array(Place))
})

/**
 * @category models
 * @since 0.1.0
 */
export type CpuType = typeof CpuType.Type

/**
 * All CPU flavors.
 *
 * @category models
 * @since 0.1.0
 */
export const CpuTypeList = Schema.Struct({ cpus: Schema.Array(CpuType) })

/**
 * Query of CPU flavors; `vcpuCount` is a power of two.
 *
 * @category models
 * @since 0.1.0
 */
export const CpuTypeQuery = Schema.Struct({
  include: Schema.optionalKey(Schema.Array(Schema.Literal("AVAILABILITY"))),
  product: Schema.optionalKey(Schema.Array(Schema.Literals(["POD", "SERVERLESS"]))),
  vcpuCount: Schema.optionalKey(whole(2))
})

/**
 * A data center, and with a query for it what is available there.
 *
 * @category models
 * @since 0.1.0
 */
export const DataCenter = Schema.Struct({
  id: Schema.String,
  name: maybe(Schema.String),
  region: maybe(Schema.String),
  globalNetwork: maybe(Schema.Boolean),
  networkVolumeTypes: maybe(Schema.Array(Schema.String)),
  compliance: maybe(Schema.Array(Schema.String)),
  gpuAvailability: maybe(Schema.Array(Place)),
  cpuAvailability: maybe(Schema.Array(Place))
})

/**
 * @category models
 * @since 0.1.0
 */
export type DataCenter = typeof DataCenter.Type

/**
 * All data centers that a query asked for.
 *
 * @category models
 * @since 0.1.0
 */
export const DataCenterList = Schema.Struct({ dataCenters: Schema.Array(DataCenter) })

/**
 * Query of one data center.
 *
 * @category models
 * @since 0.1.0
 */
export const DataCenterQuery = Schema.Struct({
  include: Schema.optionalKey(Schema.Array(Schema.Literals(["GPU_AVAILABILITY", "CPU_AVAILABILITY"])))
})

/**
 * Query of data centers: any of `regions`, all of the others.
 *
 * @category models
 * @since 0.1.0
 */
export const DataCenterListQuery = Schema.Struct({
  ...DataCenterQuery.fields,
  regions: Schema.optionalKey(Schema.Array(Schema.String)),
  networkVolumeTypes: Schema.optionalKey(Schema.Array(VolumeType)),
  compliance: Schema.optionalKey(Schema.Array(Schema.String)),
  globalNetwork: Schema.optionalKey(Schema.Boolean)
})

/**
 * Query of public templates: RunPod's own unless told otherwise.
 *
 * @category models
 * @since 0.1.0
 */
export const PublicTemplateQuery = Schema.Struct({
  source: Schema.optionalKey(Schema.Literals(["official", "verified", "community"]))
})

/**
 * At most 100 public templates.
 *
 * @category models
 * @since 0.1.0
 */
export const PublicTemplateList = Schema.Struct({ templates: Schema.Array(Template) })
