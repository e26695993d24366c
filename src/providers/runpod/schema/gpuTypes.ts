/**
 * GPU types, as the catalog answers them.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { maybe } from "./wire.ts"

/**
 * A place, and how much of the thing asked for is there.
 *
 * @category models
 * @since 0.1.0
 */
export const Place = Schema.Struct({
  id: Schema.String,
  name: maybe(Schema.String),
  availability: maybe(Schema.String)
})

/**
 * A GPU type: prices in US dollars per hour for one of them, 0 where it is not sold. `availability` (NONE, LOW, MEDIUM,
 * HIGH) and where it is are there only if the query asked for them, and hold for one of the two clouds.
 *
 * @category models
 * @since 0.1.0
 */
export const GpuType = Schema.Struct({
  id: Schema.String,
  name: maybe(Schema.String),
  pool: maybe(Schema.NullOr(Schema.String)),
  manufacturer: maybe(Schema.String),
  memory: maybe(Schema.Finite),
  secure: maybe(Schema.Boolean),
  community: maybe(Schema.Boolean),
  price: maybe(Schema.Struct({
    secure: maybe(Schema.Finite),
    community: maybe(Schema.Finite),
    serverless: maybe(Schema.Finite)
  })),
  maxCount: maybe(Schema.Struct({ secure: maybe(Schema.Finite), community: maybe(Schema.Finite) })),
  availability: maybe(Schema.String),
  dataCenters: maybe(Schema.Array(Place)),
  cudaVersions: maybe(Schema.Array(Schema.Struct({ version: Schema.String, available: maybe(Schema.Boolean) })))
})

/**
 * @category models
 * @since 0.1.0
 */
export type GpuType = typeof GpuType.Type

/**
 * All GPU types, the placeholder `unknown` among them.
 *
 * @category models
 * @since 0.1.0
 */
export const GpuTypeList = Schema.Struct({ gpus: Schema.Array(GpuType) })
