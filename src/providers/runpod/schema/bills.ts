/**
 * The bills of everything but pods.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { bill, billOf } from "./billing.ts"
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

const amount = maybe(Schema.Finite)
const id = maybe(Schema.String)

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
