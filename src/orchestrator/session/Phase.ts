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

/**
 * Why a machine must die: the session ends, it is dead or replaced, it is a duplicate of the current one, or an orphan that showed up late.
 *
 * @category models
 * @since 0.1.0
 */
export const TerminationCause = Schema.Literals(["ending", "dead", "duplicate", "orphan"])

/**
 * @category models
 * @since 0.1.0
 */
export type TerminationCause = typeof TerminationCause.Type

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
export const PendingTermination = Schema.Struct({
  computeId: ComputeId,
  provider: ProviderId,
  name: Schema.NullOr(Schema.String),
  why: TerminationCause,
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
export type PendingTermination = typeof PendingTermination.Type

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

/** Only pending terminations are left. */
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
