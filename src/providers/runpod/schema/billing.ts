/**
 * The bill of pods: one record for each resource and stretch of time, in US dollars.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { maybe, whole } from "./wire.ts"

/**
 * What every bill may be asked for.
 *
 * @category models
 * @since 0.1.0
 */
export const bill = {
  /** RFC 3339; widened to the borders of the stretches. 30 days ago and now unless given. */
  startTime: Schema.optionalKey(Schema.String),
  endTime: Schema.optionalKey(Schema.String),
  bucketSize: Schema.optionalKey(Schema.Literals(["hour", "day", "week", "month", "year"])),
  /** The last so many stretches, instead of start and end. */
  lastN: Schema.optionalKey(whole(1))
}

/**
 * Query of the bill of pods, or of one pod.
 *
 * @category models
 * @since 0.1.0
 */
export const PodBillingQuery = Schema.Struct({ ...bill, podId: Schema.optionalKey(Schema.String) })

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
