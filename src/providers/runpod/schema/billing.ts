/**
 * What the bill of pods is asked for.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { whole } from "./wire.ts"

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
