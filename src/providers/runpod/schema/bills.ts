/**
 * The bills: one record for each resource and stretch of time, in US dollars.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { bill } from "./billing.ts"
import { maybe } from "./wire.ts"

/**
 * Query of a bill: a time, or the last so many stretches of `bucketSize` (a day unless given).
 *
 * @category models
 * @since 0.1.0
 */
export const BillingQuery = Schema.Struct(bill)

/**
 * Query of the bill of endpoints, or of one endpoint.
 *
 * @category models
 * @since 0.1.0
 */
export const ServerlessBillingQuery = Schema.Struct({ ...bill, serverlessId: Schema.optionalKey(Schema.String) })

/**
 * Query of the bill of network volumes, or of one volume.
 *
 * @category models
 * @since 0.1.0
 */
export const NetworkVolumeBillingQuery = Schema.Struct({ ...bill, networkVolumeId: Schema.optionalKey(Schema.String) })

/**
 * Query of the bill of clusters, or of one cluster.
 *
 * @category models
 * @since 0.1.0
 */
export const ClusterBillingQuery = Schema.Struct({ ...bill, clusterId: Schema.optionalKey(Schema.String) })

/**
 * A bill of these amounts; each stretch of it says of what it is, too.
 *
 * @category models
 * @since 0.1.0
 */
export const billOf = <Amounts extends Schema.Struct.Fields, Extra extends Schema.Struct.Fields>(
  amounts: Amounts,
  extra: Extra
) =>
  Schema.Struct({
    records: Schema.Array(Schema.Struct({
      startTime: maybe(Schema.String),
      endTime: maybe(Schema.String),
      totalAmount: maybe(Schema.Finite),
      ...amounts,
      ...extra
    })),
    metadata: maybe(Schema.Struct({
      query: maybe(Schema.Record(Schema.String, Schema.Unknown)),
      recordCount: maybe(Schema.Finite),
      uniquePodCount: maybe(Schema.Finite),
      uniqueServerlessCount: maybe(Schema.Finite),
      uniqueNetworkVolumeCount: maybe(Schema.Finite),
      uniqueClusterCount: maybe(Schema.Finite),
      totals: maybe(Schema.Struct({ totalAmount: maybe(Schema.Finite), ...amounts }))
    }))
  })

const amount = maybe(Schema.Finite)
const id = maybe(Schema.String)

/**
 * The bill of pods.
 *
 * @category models
 * @since 0.1.0
 */
export const PodBillingList = billOf({ gpuAmount: amount, cpuAmount: amount, diskAmount: amount }, { podId: id })

/**
 * The bill of the whole account, by kind.
 *
 * @category models
 * @since 0.1.0
 */
export const BillingList = billOf({
  podGpuAmount: amount,
  podCpuAmount: amount,
  podDiskAmount: amount,
  serverlessGpuAmount: amount,
  serverlessCpuAmount: amount,
  serverlessDiskAmount: amount,
  serverlessFeeAmount: amount,
  storageStandardAmount: amount,
  storageHighPerformanceAmount: amount,
  endpointAmount: amount,
  clusterGpuAmount: amount,
  clusterDiskAmount: amount,
  clusterNetworkingAmount: amount
}, {})

/**
 * The bill of serverless endpoints.
 *
 * @category models
 * @since 0.1.0
 */
export const ServerlessBillingList = billOf(
  { gpuAmount: amount, cpuAmount: amount, diskAmount: amount, feeAmount: amount },
  { serverlessId: id }
)

/**
 * The bill of RunPod's public endpoints, not of one's own.
 *
 * @category models
 * @since 0.1.0
 */
export const EndpointBillingList = billOf({}, {})

/**
 * The bill of network volumes.
 *
 * @category models
 * @since 0.1.0
 */
export const NetworkVolumeBillingList = billOf(
  { standardAmount: amount, highPerformanceAmount: amount },
  { networkVolumeId: id }
)

/**
 * The bill of clusters.
 *
 * @category models
 * @since 0.1.0
 */
export const ClusterBillingList = billOf(
  { gpuAmount: amount, diskAmount: amount, networkingAmount: amount },
  { clusterId: id }
)
