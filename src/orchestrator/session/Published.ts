/**
 * What a session tells the world. No event carries a token, a key, an environment value or options.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ComputeStatus } from "../../domain/Compute.ts"
import { ComputeId } from "../../domain/Ids.ts"
import { Fault } from "./Fault.ts"
import { AttemptId } from "./Ids.ts"
import { DeathCause, EndReason, Outcome } from "./Outcome.ts"
import { Candidate } from "./RentRequest.ts"

const computeId = ComputeId

/**
 * One thing a session tells.
 *
 * **Details**
 *
 * - `Status`: at the start, on each change, with the cause of a death, and last `terminated`.
 * - `Heartbeat`: an interactive session is in use; `at` is wall clock.
 * - `Refused`: a candidate made nothing; the next one is asked.
 * - `Terminating`: exactly one for each end, with its real cause; `Task` stands before it. `Ended` closes the stream.
 * - `TerminateFailed` for each failed try, `TerminateStuck` besides with every fifth.
 * - `PollFailed`: a look at the machine failed, which is never a death.
 * - `Respawned`: a replacement lives; `computeId` is the old machine's, `newId` its own. `RespawnFailed`: none was to be had.
 * - `TaskReport`: the first finish report. `StaleReport`: one of another attempt, ignored.
 * - `SpendReconciled`, `SpendReconcileFailed`: the provider's bill was asked for.
 * - `Released`: somebody else has written the row; the engine has let go of the session and touches nothing of it.
 * - `StrayFound`: a machine of ours showed up that nobody waited for; it is being ended.
 *
 * @category models
 * @since 0.1.0
 */
export const Published = Schema.Union([
  Schema.TaggedStruct("Status", {
    computeId: Schema.NullOr(computeId),
    status: Schema.Literals([...ComputeStatus.literals, "vanished", "preempted"])
  }),
  Schema.TaggedStruct("Heartbeat", { at: Schema.Finite }),
  Schema.TaggedStruct("Refused", { attempt: AttemptId, candidate: Candidate, fault: Fault }),
  Schema.TaggedStruct("Terminating", { reason: EndReason, cause: Schema.NullOr(DeathCause) }),
  Schema.TaggedStruct("TerminateFailed", { computeId, fault: Fault }),
  Schema.TaggedStruct("TerminateStuck", { computeId, tries: Schema.Int, fault: Schema.NullOr(Fault) }),
  Schema.TaggedStruct("PollFailed", { computeId, fault: Fault }),
  Schema.TaggedStruct("Respawned", { computeId: Schema.NullOr(computeId), newId: computeId }),
  Schema.TaggedStruct("RespawnFailed", { fault: Fault }),
  Schema.TaggedStruct("TaskReport", { exitCode: Schema.Int }),
  Schema.TaggedStruct("StaleReport", { attempt: AttemptId, exitCode: Schema.Int }),
  Schema.TaggedStruct("Task", { outcome: Outcome }),
  Schema.TaggedStruct("SpendReconciled", {
    estimatedUsd: Schema.Finite,
    billedUsd: Schema.Finite,
    spentUsd: Schema.Finite
  }),
  Schema.TaggedStruct("SpendReconcileFailed", { fault: Fault }),
  Schema.TaggedStruct("StrayFound", { computeId }),
  Schema.TaggedStruct("Ended", { reason: EndReason, outcome: Outcome }),
  Schema.TaggedStruct("Released", {})
])

/**
 * @category models
 * @since 0.1.0
 */
export type Published = typeof Published.Type

/**
 * A published event as JSON, and back.
 *
 * @category codecs
 * @since 0.1.0
 */
export const PublishedJson = Schema.toCodecJson(Published)
