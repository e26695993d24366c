/**
 * How a session ended, and why.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { Fault } from "./Fault.ts"

/**
 * What a machine died of: what its provider says, `vanished` when it knows it no longer, `preempted` when it was spot.
 *
 * @category models
 * @since 0.1.0
 */
export const DeathCause = Schema.Literals(["failed", "stopped", "terminated", "vanished", "preempted"])

/**
 * @category models
 * @since 0.1.0
 */
export type DeathCause = typeof DeathCause.Type

/**
 * Why a session goes to its end; one for each end.
 *
 * @category models
 * @since 0.1.0
 */
export const EndReason = Schema.Literals([
  "idle_timeout",
  "cost_cap",
  "finished",
  "max_runtime",
  "never_ready",
  "stopped",
  "interrupted",
  "node_shutdown",
  "node_restart",
  "caller_lost",
  "no_price",
  "refused",
  "died"
])

/**
 * @category models
 * @since 0.1.0
 */
export type EndReason = typeof EndReason.Type

/**
 * What failed: the exit code, what the machine died of, or the limit that ended a task.
 *
 * @category models
 * @since 0.1.0
 */
export const FailureCause = Schema.Literals([
  "exit_code",
  ...DeathCause.literals,
  "never_ready",
  "cost_cap",
  "no_price",
  "refused"
])

/**
 * @category models
 * @since 0.1.0
 */
export type FailureCause = typeof FailureCause.Type

/**
 * Where a session stands when it is over.
 *
 * **Details**
 *
 * - `Completed`: a task that ended; `exitCode` is null when nobody said how, so it means "ended", not "succeeded".
 * - `TimedOut`: a task that met its `maxRuntime`.
 * - `Failed`: with the cause, the exit code where it is known and the fault where there was one.
 * - `Closed`: ended on purpose, by its caller, its limits or its host.
 *
 * @category models
 * @since 0.1.0
 */
export const Outcome = Schema.Union([
  Schema.TaggedStruct("Completed", { exitCode: Schema.NullOr(Schema.Int) }),
  Schema.TaggedStruct("TimedOut", {}),
  Schema.TaggedStruct("Failed", {
    cause: FailureCause,
    exitCode: Schema.NullOr(Schema.Int),
    fault: Schema.NullOr(Fault)
  }),
  Schema.TaggedStruct("Closed", { reason: EndReason })
])

/**
 * @category models
 * @since 0.1.0
 */
export type Outcome = typeof Outcome.Type
