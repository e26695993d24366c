/**
 * An observation of a compute: the facts that a session needs (id, name, status, cost), without ports, URLs and credentials.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import { type Compute, ComputeStatus } from "../../domain/Compute.ts"
import { ComputeId, ProviderId } from "../../domain/Ids.ts"
import { integerOrNull, timeOrNull, usdOrNull } from "./internal/bounds.ts"

/**
 * What a provider said of a compute in one listing or answer.
 *
 * @category models
 * @since 0.1.0
 */
export const Observation = Schema.Struct({
  computeId: ComputeId,
  provider: ProviderId,
  /** The stamped name it carries. */
  name: Schema.NullOr(Schema.String),
  /** The stamped name it was rented under, where its provider says it. */
  rentedAs: Schema.optionalKey(Schema.String),
  status: ComputeStatus,
  /** US dollars per hour; null when unknown. */
  costPerHour: Schema.NullOr(Schema.Finite),
  /** Wall-clock milliseconds by the provider's clock. */
  createdAt: Schema.NullOr(Schema.Finite),
  exitCode: Schema.NullOr(Schema.Int)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Observation = typeof Observation.Type

const isStatus = Schema.is(ComputeStatus)

/**
 * The observation of a compute; a number that no state can hold is not known, and an unknown status counts as alive.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromCompute = (compute: Compute): Observation => ({
  computeId: compute.id,
  provider: compute.provider,
  name: compute.name,
  ...(compute.rentedAs === null ? {} : { rentedAs: compute.rentedAs }),
  status: isStatus(compute.status) ? compute.status : "provisioning",
  costPerHour: usdOrNull(compute.costPerHour),
  createdAt: compute.createdAt === null ? null : timeOrNull(DateTime.toEpochMillis(compute.createdAt)),
  exitCode: integerOrNull(compute.exitCode)
})
