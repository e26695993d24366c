/**
 * What a session has cost: one running entry for each machine that may bill, and the sum of those that are gone.
 *
 * Money follows the wall clock, because the cloud bills while we sleep.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ComputeId, ProviderId } from "../../domain/Ids.ts"

/**
 * A machine that may bill: what it cost until `since`, and what it costs an hour from there on (null while unknown).
 *
 * @category models
 * @since 0.1.0
 */
export const Running = Schema.Struct({
  computeId: ComputeId,
  provider: ProviderId,
  usd: Schema.Finite,
  rate: Schema.NullOr(Schema.Finite),
  /** Wall clock. */
  since: Schema.Finite
})

/**
 * @category models
 * @since 0.1.0
 */
export type Running = typeof Running.Type

/**
 * The meter of a session.
 *
 * @category models
 * @since 0.1.0
 */
export const Meter = Schema.Struct({
  settledUsd: Schema.Finite,
  running: Schema.Array(Running)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Meter = typeof Meter.Type
