/**
 * An observation of a compute: the facts that a session needs (id, name, status, cost), without ports, URLs and credentials.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import { type Compute, ComputeStatus } from "../../domain/Compute.ts"
import { ComputeId, ProviderId } from "../../domain/Ids.ts"
import * as Ready from "../../domain/Ready.ts"
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
  exitCode: Schema.NullOr(Schema.Int),
  /** Of a machine that runs: the ports that have no address yet, as `22/tcp`. Left out where there are none. */
  unmapped: Schema.optionalKey(Schema.Array(Schema.String))
})

/**
 * @category models
 * @since 0.1.0
 */
export type Observation = typeof Observation.Type

const isStatus = Schema.is(ComputeStatus)

const unmappedOf = (
  compute: Compute,
  wanted: ReadonlyArray<Ready.WantedPort>
): { readonly unmapped?: ReadonlyArray<string> } => {
  const unmapped = compute.status === "running" ? Ready.unmapped(compute, wanted) : []
  return unmapped.length === 0 ? {} : { unmapped }
}

/**
 * The observation of a compute; a number that no state can hold is not known, and an unknown status counts as alive. `wanted`
 * are the ports that its session asked for.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromCompute = (compute: Compute, wanted: ReadonlyArray<Ready.WantedPort> = []): Observation => ({
  computeId: compute.id,
  provider: compute.provider,
  name: compute.name,
  ...(compute.rentedAs === null ? {} : { rentedAs: compute.rentedAs }),
  status: isStatus(compute.status) ? compute.status : "provisioning",
  costPerHour: usdOrNull(compute.costPerHour),
  createdAt: compute.createdAt === null ? null : timeOrNull(DateTime.toEpochMillis(compute.createdAt)),
  exitCode: integerOrNull(compute.exitCode),
  ...unmappedOf(compute, wanted)
})

/**
 * What its status is to a session: a machine that runs and cannot be reached at each of its ports is still on its way.
 *
 * @category reading
 * @since 0.1.0
 */
export const statusOf = ({ status, unmapped = [] }: Observation): ComputeStatus =>
  status === "running" && unmapped.length > 0 ? "provisioning" : status
