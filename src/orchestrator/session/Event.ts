/**
 * What a session hears: from its caller, from its own commands, from the feed, from the clock.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ComputeId, ProviderId } from "../../domain/Ids.ts"
import { Fault } from "./Fault.ts"
import { AttemptId } from "./Ids.ts"
import { Sighting } from "./Sighting.ts"
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
export const SessionEvent = Schema.Union([
  Schema.TaggedStruct("Started", { spec: SessionSpec }),
  Schema.TaggedStruct("Rented", { attempt, compute: Sighting, authHash }),
  Schema.TaggedStruct("Refused", { attempt, fault: Fault }),
  Schema.TaggedStruct("Unanswered", { attempt, fault: Fault, authHash, misnamed: Schema.optionalKey(Sighting) }),
  Schema.TaggedStruct("Looked", {
    attempt,
    found: Schema.Array(Sighting),
    complete: Schema.Boolean,
    at: Schema.Finite
  }),
  Schema.TaggedStruct("LookFailed", { attempt, fault: Fault }),
  Schema.TaggedStruct("Observed", { compute: Sighting }),
  Schema.TaggedStruct("Missed", machine),
  Schema.TaggedStruct("Confirmed", {
    ...machine,
    compute: Schema.NullOr(Sighting),
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
export type SessionEvent = typeof SessionEvent.Type

/**
 * One event by its tag.
 *
 * @category models
 * @since 0.1.0
 */
export type EventOf<Tag extends SessionEvent["_tag"]> = Extract<SessionEvent, { readonly _tag: Tag }>

/**
 * An event as JSON, and back.
 *
 * @category codecs
 * @since 0.1.0
 */
export const EventJson = Schema.toCodecJson(SessionEvent)
