/**
 * A machine of the session that must die, until its absence is verified.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ComputeId, ProviderId } from "../../domain/Ids.ts"
import { Fault } from "./Fault.ts"

/**
 * Why a machine must die: the session ends, it is dead or replaced, it is a twin of the current one, or it showed up late.
 *
 * @category models
 * @since 0.1.0
 */
export const ResidualCause = Schema.Literals(["ending", "dead", "twin", "stray"])

/**
 * @category models
 * @since 0.1.0
 */
export type ResidualCause = typeof ResidualCause.Type

/**
 * A machine that must die, and how far its end has come.
 *
 * **Details**
 *
 * `due`: terminate at `at`. `terminating`: a terminate is on its way. `accepted`: confirm at `at`. `confirming`: a `get` is
 * on its way. `at` is null while something is on its way.
 *
 * @category models
 * @since 0.1.0
 */
export const Residual = Schema.Struct({
  computeId: ComputeId,
  provider: ProviderId,
  name: Schema.NullOr(Schema.String),
  why: ResidualCause,
  /** Wall clock: since when it must die. */
  since: Schema.Finite,
  /** Monotonic clock: from here on "not found" proves that it is gone. */
  settles: Schema.Finite,
  /** How often a terminate was sent. */
  tries: Schema.Int,
  step: Schema.Literals(["due", "terminating", "accepted", "confirming"]),
  /** Monotonic clock. */
  at: Schema.NullOr(Schema.Finite),
  /** What the last terminate or look failed with. */
  fault: Schema.NullOr(Fault)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Residual = typeof Residual.Type
