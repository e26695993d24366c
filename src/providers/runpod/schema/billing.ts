/**
 * The bill: one record for each resource and stretch of time, in US dollars.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { maybe, whole } from "./wire.ts"

const bill = {
  /** RFC 3339; widened to the borders of the stretches. 30 days ago and now unless given. */
  startTime: Schema.optionalKey(Schema.String),
  endTime: Schema.optionalKey(Schema.String),
  bucketSize: Schema.optionalKey(Schema.Literals(["hour", "day", "week", "month", "year"])),
  /** The last so many stretches, instead of start and end. */
  lastN: Schema.optionalKey(whole(1))
}

/**
 * Query of a bill: a time, or the last so many stretches of `bucketSize` (a day unless given).
 *
 * @category models
 * @since 0.1.0
 */
export const BillingQuery = Schema.Struct(bill)

/**
 * Query of the bill of pods, or of one pod.
 *
 * @category models
 * @since 0.1.0
 */
export const PodBillingQuery = Schema.Struct({ ...bill, podId: Schema.optionalKey(Schema.String) })

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

const listOf = <Amounts extends Schema.Struct.Fields, Extra extends Schema.Struct.Fields>(
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
 * The bill of the whole account, by kind.
 *
 * @category models
 * @since 0.1.0
 */
export const BillingList = listOf({
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
 * The bill of pods.
 *
 * @category models
 * @since 0.1.0
 */
export const PodBillingList = listOf({ gpuAmount: amount, cpuAmount: amount, diskAmount: amount }, { podId: id })

/**
 * The bill of serverless endpoints.
 *
 * @category models
 * @since 0.1.0
 */
export const ServerlessBillingList = listOf(
  { gpuAmount: amount, cpuAmount: amount, diskAmount: amount, feeAmount: amount },
  { serverlessId: id }
)

/**
 * The bill of RunPod's public endpoints, not of one's own.
 *
 * @category models
 * @since 0.1.0
 */
export const EndpointBillingList = listOf({}, {})

/**
 * The bill of network volumes.
 *
 * @category models
 * @since 0.1.0
 */
export const NetworkVolumeBillingList = listOf(
  { standardAmount: amount, highPerformanceAmount: amount },
  { networkVolumeId: id }
)

/**
 * The bill of clusters.
 *
 * @category models
 * @since 0.1.0
 */
export const ClusterBillingList = listOf(
  { gpuAmount: amount, diskAmount: amount, networkingAmount: amount },
  { clusterId: id }
)
