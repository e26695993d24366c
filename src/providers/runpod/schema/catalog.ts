/**
 * What the catalog of GPU types is asked for.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { CloudType } from "./pods.ts"
import { whole } from "./wire.ts"

/**
 * Query of GPU types. All but `include` needs `include`, and with it `product` is required.
 *
 * @category models
 * @since 0.1.0
 */
export const GpuTypeQuery = Schema.Struct({
  include: Schema.optionalKey(Schema.Array(Schema.Literal("AVAILABILITY"))),
  product: Schema.optionalKey(Schema.Array(Schema.Literals(["POD", "CLUSTER", "SERVERLESS"]))),
  count: Schema.optionalKey(whole(1)),
  cloud: Schema.optionalKey(CloudType),
  countryCodes: Schema.optionalKey(Schema.Array(Schema.String)),
  cudaVersions: Schema.optionalKey(Schema.Array(Schema.String)),
  minCudaVersion: Schema.optionalKey(Schema.String)
})
