/**
 * Serverless endpoints as RunPod reports them.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { containerAnswer } from "./containerAnswers.ts"
import { maybe, Pagination } from "./wire.ts"

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
