/**
 * What a session hears: from its caller, from its own commands, from the feed, from the clock.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ComputeStatus } from "../../domain/Compute.ts"
import { ComputeId, ProviderId } from "../../domain/Ids.ts"
import { Fault } from "./Fault.ts"
import { AttemptId } from "./Ids.ts"
import { Observation } from "./Observation.ts"
import { Attempt, DeathCause, EndReason, Outcome } from "./Phase.ts"
import { Candidate } from "./RentRequest.ts"
import { SessionSpec } from "./State.ts"

const attempt = AttemptId
const machine = { provider: ProviderId, computeId: ComputeId }
/** SHA-256 of the bearer token that was minted for this attempt. */
const authHash = Schema.NullOr(Schema.String)

/**
 * One thing a session hears. Each command ends in exactly one of its results.
 *
 * **Details**
 *
 * - `Started`: the first event; everything in it is checked already.
 * - `Rented`, `Refused` (definitely nothing was made), `Unanswered` (nobody knows; `misnamed` is a machine that it certainly
 *   made under another name): results of `Rent`.
 * - `Looked` (`complete` says every page was read, `at` when the listing began on the monotonic clock), `LookFailed`:
 *   results of `Resolve`.
 * - `Observed`: the feed saw it. `Missed`: a complete listing was without it.
 * - `Confirmed` (`compute` is null when the provider does not know it, `at` when the look began on the monotonic clock,
 *   now where it is left out), `ConfirmFailed`: results of `Confirm`.
 * - `TerminateAnswered`, `TerminateFailed`: results of `Terminate`; accepted is not gone.
 * - `Billed`, `BillFailed`: results of `Reconcile`.
 * - `Touched`, `StopRequested`, `Report`: from callers and containers.
 * - `WokeUp`: a deadline may have passed. `Adopted`: first event after a restart. `Closing`: the host shuts down.
 *
 * @category models
 * @since 0.1.0
 */
export const SessionInput = Schema.Union([
  Schema.TaggedStruct("Started", { spec: SessionSpec }),
  Schema.TaggedStruct("Rented", { attempt, compute: Observation, authHash }),
  Schema.TaggedStruct("Refused", { attempt, fault: Fault }),
  Schema.TaggedStruct("Unanswered", { attempt, fault: Fault, authHash, misnamed: Schema.optionalKey(Observation) }),
  Schema.TaggedStruct("Looked", {
    attempt,
    found: Schema.Array(Observation),
    complete: Schema.Boolean,
    at: Schema.Finite
  }),
  Schema.TaggedStruct("LookFailed", { attempt, fault: Fault }),
  Schema.TaggedStruct("Observed", { compute: Observation }),
  Schema.TaggedStruct("Missed", machine),
  Schema.TaggedStruct("Confirmed", {
    ...machine,
    compute: Schema.NullOr(Observation),
    at: Schema.optionalKey(Schema.Finite)
  }),
  Schema.TaggedStruct("ConfirmFailed", { ...machine, fault: Fault }),
  Schema.TaggedStruct("TerminateAnswered", machine),
  Schema.TaggedStruct("TerminateFailed", { ...machine, fault: Fault }),
  Schema.TaggedStruct("Touched", {}),
  Schema.TaggedStruct("StopRequested", { by: Schema.Literals(["caller", "interrupted"]) }),
  Schema.TaggedStruct("Report", { attempt, exitCode: Schema.Int }),
  Schema.TaggedStruct("Billed", { ...machine, usd: Schema.Finite }),
  Schema.TaggedStruct("BillFailed", { ...machine, fault: Fault }),
  Schema.TaggedStruct("WokeUp", {}),
  Schema.TaggedStruct("Adopted", {}),
  Schema.TaggedStruct("Closing", {})
])

/**
 * @category models
 * @since 0.1.0
 */
export type SessionInput = typeof SessionInput.Type

/**
 * One event by its tag.
 *
 * @category models
 * @since 0.1.0
 */
export type InputOf<Tag extends SessionInput["_tag"]> = Extract<SessionInput, { readonly _tag: Tag }>

/**
 * An event as JSON, and back.
 *
 * @category codecs
 * @since 0.1.0
 */
export const InputJson = Schema.toCodecJson(SessionInput)

/**
 * One thing a session asks for.
 *
 * **Details**
 *
 * - `Rent`: send one create under `attempt.name`. Ends in `Rented`, `Refused` or `Unanswered`.
 * - `Resolve`: list by `attempt.name`. Ends in `Looked` or `LookFailed`.
 * - `Confirm`: one `get`. Ends in `Confirmed` or `ConfirmFailed`.
 * - `Terminate`: one delete. Ends in `TerminateAnswered` or `TerminateFailed`.
 * - `Reconcile`: ask what it has cost. Ends in `Billed` or `BillFailed`.
 * - `Forget`: delete the row. Ends in nothing.
 *
 * @category models
 * @since 0.1.0
 */
export const Command = Schema.Union([
  Schema.TaggedStruct("Rent", { attempt: Attempt, candidate: Candidate }),
  Schema.TaggedStruct("Resolve", { attempt: Attempt, provider: ProviderId }),
  Schema.TaggedStruct("Confirm", machine),
  Schema.TaggedStruct("Terminate", machine),
  Schema.TaggedStruct("Reconcile", machine),
  Schema.TaggedStruct("Forget", {})
])

/**
 * @category models
 * @since 0.1.0
 */
export type Command = typeof Command.Type

/**
 * A command as JSON, and back.
 *
 * @category codecs
 * @since 0.1.0
 */
export const CommandJson = Schema.toCodecJson(Command)

const computeIdField = ComputeId

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
 * - `OrphanFound`: a machine of ours showed up that nobody waited for; it is being ended.
 *
 * @category models
 * @since 0.1.0
 */
export const SessionEvent = Schema.Union([
  Schema.TaggedStruct("Status", {
    computeId: Schema.NullOr(computeIdField),
    status: Schema.Literals([...ComputeStatus.literals, "vanished", "preempted"])
  }),
  Schema.TaggedStruct("Heartbeat", { at: Schema.Finite }),
  Schema.TaggedStruct("Refused", { attempt: AttemptId, candidate: Candidate, fault: Fault }),
  Schema.TaggedStruct("Terminating", { reason: EndReason, cause: Schema.NullOr(DeathCause) }),
  Schema.TaggedStruct("TerminateFailed", { computeId: computeIdField, fault: Fault }),
  Schema.TaggedStruct("TerminateStuck", { computeId: computeIdField, tries: Schema.Int, fault: Schema.NullOr(Fault) }),
  Schema.TaggedStruct("PollFailed", { computeId: computeIdField, fault: Fault }),
  Schema.TaggedStruct("Respawned", { computeId: Schema.NullOr(computeIdField), newId: computeIdField }),
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
  Schema.TaggedStruct("OrphanFound", { computeId: computeIdField }),
  Schema.TaggedStruct("Ended", { reason: EndReason, outcome: Outcome }),
  Schema.TaggedStruct("Released", {})
])

/**
 * @category models
 * @since 0.1.0
 */
export type SessionEvent = typeof SessionEvent.Type

/**
 * A published event as JSON, and back.
 *
 * @category codecs
 * @since 0.1.0
 */
export const EventJson = Schema.toCodecJson(SessionEvent)
