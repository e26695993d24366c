/**
 * Where a session stands: renting, looking for a lost answer, live, waiting to rent again, ending, over.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ComputeStatus } from "../../domain/Compute.ts"
import { ComputeId, ProviderId } from "../../domain/Ids.ts"
import { Fault } from "./Fault.ts"
import { AttemptId } from "./Ids.ts"
import { EndReason, Outcome } from "./Outcome.ts"

/**
 * One rent: its id, which candidate it went to, the stamped name and when it may have been sent (wall clock).
 *
 * @category models
 * @since 0.1.0
 */
export const Attempt = Schema.Struct({
  id: AttemptId,
  /** Index into the session's candidates. */
  candidate: Schema.Int,
  name: Schema.String,
  sentAt: Schema.Finite
})

/**
 * @category models
 * @since 0.1.0
 */
export type Attempt = typeof Attempt.Type

const rent = {
  attempt: Attempt,
  /** Rents at this candidate whose answers were lost and which made nothing. */
  lost: Schema.Int,
  /** Rents at this candidate that were refused for coming too fast. */
  limited: Schema.Int,
  /** Why the machine must go as soon as it is known; null as long as it is wanted. */
  stopping: Schema.NullOr(EndReason)
}

/** A create may have been sent. */
const Renting = Schema.TaggedStruct("Renting", rent)

/** The answer of a create was lost. */
const Resolving = Schema.TaggedStruct("Resolving", {
  ...rent,
  /** Monotonic clock: after this the create cannot have been sent. */
  since: Schema.Finite,
  cause: Fault,
  authHash: Schema.NullOr(Schema.String)
})

/** A machine is ours. */
const Live = Schema.TaggedStruct("Live", {
  attempt: Attempt,
  computeId: ComputeId,
  provider: ProviderId,
  /** Wall clock. */
  rentedAt: Schema.Finite,
  /** Monotonic clock: from here on "not found" proves that it is gone. */
  settles: Schema.Finite,
  status: ComputeStatus,
  /** Whether it was seen running. */
  ready: Schema.Boolean,
  /** Whether the ready limit still holds; an adopted machine has none. */
  readyArmed: Schema.Boolean,
  /** SHA-256 of the bearer token; the token itself is kept nowhere. */
  authHash: Schema.NullOr(Schema.String)
})

/** Nothing is rented: an old machine is still dying, or the provider asked to wait. */
const Waiting = Schema.TaggedStruct("Waiting", {
  candidate: Schema.Int,
  limited: Schema.Int,
  lost: Schema.Int,
  /** Monotonic clock. */
  until: Schema.Finite,
  why: Schema.Literals(["respawn", "rate_limited"])
})

/** Only residuals are left. */
const Ending = Schema.TaggedStruct("Ending", {
  reason: EndReason,
  outcome: Outcome,
  /** Wall clock. */
  since: Schema.Finite
})

/** Over: everything it had is verified gone. */
const Ended = Schema.TaggedStruct("Ended", {
  reason: EndReason,
  outcome: Outcome,
  /** Wall clock. */
  at: Schema.Finite,
  /** Whether the row was asked to be deleted. */
  forgetting: Schema.Boolean
})

/**
 * Where a session stands.
 *
 * @category models
 * @since 0.1.0
 */
export const Phase = Schema.Union([Renting, Resolving, Live, Waiting, Ending, Ended])

/**
 * @category models
 * @since 0.1.0
 */
export type Phase = typeof Phase.Type

/**
 * One phase by its tag.
 *
 * @category models
 * @since 0.1.0
 */
export type PhaseOf<Tag extends Phase["_tag"]> = Extract<Phase, { readonly _tag: Tag }>
