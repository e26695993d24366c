/**
 * What a session asks for; nothing is started before the row that asks for it is committed.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ComputeId, ProviderId } from "../../domain/Ids.ts"
import { Attempt } from "./Phase.ts"
import { Candidate } from "./RentRequest.ts"

const machine = { provider: ProviderId, computeId: ComputeId }

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
