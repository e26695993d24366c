/**
 * What goes into `decide` and what comes out of it: inputs (from callers, containers, commands, the feed and the clock),
 * commands for the engine to carry out, and events for the outside.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ComputeStatus } from "../../domain/Compute.ts"
import { ComputeId, ProviderId } from "../../domain/Ids.ts"
import { Usd } from "../../domain/Money.ts"
import { Fault } from "./Fault.ts"
import { AttemptId } from "./Ids.ts"
import { Observation } from "./Observation.ts"
import { Attempt, DeathCause, EndReason, Outcome } from "./Phase.ts"
import { Candidate } from "./RentRequest.ts"
import { SessionSpec, SessionState } from "./State.ts"

const attempt = AttemptId
const machine = { provider: ProviderId, computeId: ComputeId }
/** SHA-256 of the bearer token that was made for this attempt. */
const authHash = Schema.NullOr(Schema.String)

/**
 * One input of a session. Each command ends in exactly one of its results.
 *
 * **Details**
 *
 * - `Started`: the first input; its spec is checked already.
 * - `Rented`, `Refused` (definitely nothing was made; `unsent` when the candidate was never asked), `Unanswered` (a machine may have been made; `misnamed` is one that
 *   was certainly made, under another name): results of `Rent`.
 * - `Looked` (`complete` says every page was read, `at` when the listing began on the monotonic clock), `LookFailed`:
 *   results of `Resolve`. The feed gives `Looked` as well, of each listing while the session looks.
 * - `Observed`: the feed listed a machine of the session. `Missed`: a complete listing did not have it.
 * - `Confirmed` (`compute` is null when the provider does not know it, `at` when the `get` was sent on the monotonic clock,
 *   now if left out), `ConfirmFailed`: results of `Confirm`.
 * - `TerminateAnswered`, `TerminateFailed`: results of `Terminate`; an answer does not prove that the machine is gone.
 * - `Billed`, `BillFailed`: results of `Reconcile`.
 * - `Touched`, `ForgetRequested` (of a session that is over): from callers. `Report`: from the container; `isLast` when its wrapper has written it, and
 *   only waits to be read. `StopRequested`: by a caller, or because the session's row cannot
 *   be written (`store`).
 * - `WokeUp`: a deadline may have passed. `Adopted`: the first input after a restart. `Closing`: the host shuts down.
 * - `Reread`: the store has another row than this process wrote last, as after its database was restored.
 *
 * @category models
 * @since 0.1.0
 */
export const SessionInput = Schema.Union([
  Schema.TaggedStruct("Started", { spec: SessionSpec }),
  Schema.TaggedStruct("Rented", { attempt, compute: Observation, authHash }),
  Schema.TaggedStruct("Refused", { attempt, fault: Fault, unsent: Schema.optionalKey(Schema.Boolean) }),
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
  Schema.TaggedStruct("StopRequested", { by: Schema.Literals(["caller", "interrupted", "store"]) }),
  Schema.TaggedStruct("ForgetRequested", {}),
  Schema.TaggedStruct("Report", { attempt, exitCode: Schema.Int, isLast: Schema.optionalKey(Schema.Boolean) }),
  Schema.TaggedStruct("Billed", { ...machine, usd: Schema.Finite }),
  Schema.TaggedStruct("BillFailed", { ...machine, fault: Fault }),
  Schema.TaggedStruct("WokeUp", {}),
  Schema.TaggedStruct("Adopted", {}),
  Schema.TaggedStruct("Reread", { stored: SessionState }),
  Schema.TaggedStruct("Closing", {})
])

/**
 * @category models
 * @since 0.1.0
 */
export type SessionInput = typeof SessionInput.Type

/**
 * One input by its tag.
 *
 * @category models
 * @since 0.1.0
 */
export type InputOf<Tag extends SessionInput["_tag"]> = Extract<SessionInput, { readonly _tag: Tag }>

/**
 * An input as JSON, and back.
 *
 * @category codecs
 * @since 0.1.0
 */
export const InputJson = Schema.toCodecJson(SessionInput)

/**
 * One command of a session, for the engine to carry out.
 *
 * **Details**
 *
 * - `Rent`: send one create under `attempt.name`. Ends in `Rented`, `Refused` or `Unanswered`.
 * - `Resolve`: look for `attempt.name` in a listing. Ends in `Looked` or `LookFailed`.
 * - `Confirm`: send one `get`. Ends in `Confirmed` or `ConfirmFailed`.
 * - `Terminate`: send one terminate. Ends in `TerminateAnswered` or `TerminateFailed`.
 * - `Reconcile`: ask the provider what the machine has cost. Ends in `Billed` or `BillFailed`.
 * - `Forget`: delete the row. Has no result.
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

/**
 * One event of a session, told to the outside.
 *
 * **Details**
 *
 * - `Status`: the first status of a machine, each change, the cause of its death, and last `terminated`.
 * - `Heartbeat`: an interactive session is in use.
 * - `Refused`: a candidate refused and made nothing.
 * - `Terminating`: exactly one for each end, with its reason; `Task` comes before it. `Ended` closes the stream.
 * - `TerminateFailed`: a terminate failed. `TerminateStuck`: told as well after every fifth try.
 * - `PollFailed`: a `get` of the machine failed, which never counts as its death.
 * - `Respawned`: a replacement is live; `computeId` is the old machine's, `newId` its own. `RespawnFailed`: no candidate had
 *   one.
 * - `TaskReport`: the first finish report. `StaleReport`: a report of another attempt, which is ignored.
 * - `SpendReconciled`, `SpendReconcileFailed`: the result of asking for the provider's bill.
 * - `Released`: another process has written the row; the engine has let go of the session and touches none of its machines.
 * - `OrphanFound`: a machine with the name of one of the attempts appeared, and is not the current one; it is terminated.
 *
 * @category models
 * @since 0.1.0
 */
export const SessionEvent = Schema.Union([
  Schema.TaggedStruct("Status", {
    computeId: Schema.NullOr(ComputeId),
    status: Schema.Literals([...ComputeStatus.literals, "vanished", "preempted"])
  }),
  Schema.TaggedStruct("Heartbeat", { at: Schema.DateTimeUtcFromString }),
  Schema.TaggedStruct("Refused", { attempt: AttemptId, candidate: Candidate, fault: Fault }),
  Schema.TaggedStruct("Terminating", { reason: EndReason, cause: Schema.NullOr(DeathCause) }),
  Schema.TaggedStruct("TerminateFailed", { computeId: ComputeId, fault: Fault }),
  Schema.TaggedStruct("TerminateStuck", { computeId: ComputeId, tries: Schema.Int, fault: Schema.NullOr(Fault) }),
  Schema.TaggedStruct("PollFailed", { computeId: ComputeId, fault: Fault }),
  Schema.TaggedStruct("Respawned", { computeId: Schema.NullOr(ComputeId), newId: ComputeId }),
  Schema.TaggedStruct("RespawnFailed", { fault: Fault }),
  Schema.TaggedStruct("TaskReport", { exitCode: Schema.Int }),
  Schema.TaggedStruct("StaleReport", { attempt: AttemptId, exitCode: Schema.Int }),
  Schema.TaggedStruct("Task", { outcome: Outcome }),
  Schema.TaggedStruct("SpendReconciled", {
    estimatedUsd: Usd,
    billedUsd: Usd,
    spentUsd: Usd
  }),
  Schema.TaggedStruct("SpendReconcileFailed", { fault: Fault }),
  Schema.TaggedStruct("OrphanFound", { computeId: ComputeId }),
  Schema.TaggedStruct("Ended", { reason: EndReason, outcome: Outcome }),
  Schema.TaggedStruct("Released", {})
])

/**
 * @category models
 * @since 0.1.0
 */
export type SessionEvent = typeof SessionEvent.Type

/**
 * An event as JSON, and back.
 *
 * @category codecs
 * @since 0.1.0
 */
export const EventJson = Schema.toCodecJson(SessionEvent)
