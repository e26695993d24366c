/**
 * The phases of a session (renting, looking for a lost answer, live, waiting, ending, ended), and what they hold: attempts,
 * pending terminations and outcomes.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ComputeStatus } from "../../domain/Compute.ts"
import { ComputeId, ProviderId } from "../../domain/Ids.ts"
import { Fault } from "./Fault.ts"
import { AttemptId } from "./Ids.ts"

/**
 * Why a machine is dead: the status its provider reports, `vanished` when the provider does not know it any more,
 * `preempted` when a spot machine was taken back.
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
 * Why a session ends; each end has exactly one reason. `unrecordable`: its row alone cannot be written to the store.
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
  "unrecordable",
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
 * Why a session failed: the exit code, the death of its machine, or the limit that ended a task. `lost` is a task whose machine
 * is gone, and of which nothing has said that its command ended.
 *
 * @category models
 * @since 0.1.0
 */
export const FailureCause = Schema.Literals([
  "exit_code",
  ...DeathCause.literals,
  "lost",
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
 * How a session ended.
 *
 * **Details**
 *
 * - `Completed`: a task whose command ended with exit code 0; `exitCode` is null only in rows of earlier builds.
 * - `TimedOut`: a task that reached its `maxRuntime`.
 * - `Failed`: with the cause, the exit code where it is known and the provider's fault where there was one, such as which port of a
 *   machine that runs got no address in time.
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
 * Why a machine must be terminated: its session is `ending`, the machine is `dead`, it is a `duplicate` of the current one,
 * or an `orphan` that appeared when its session did not expect it any more.
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
 * A machine that must be terminated, and how far that has come.
 *
 * **Details**
 *
 * `due`: terminate at `at`. `terminating`: a terminate is on its way. `accepted`: confirm at `at`. `confirming`: a `get` is
 * on its way. `at` is null while a request is on its way.
 *
 * @category models
 * @since 0.1.0
 */
export const PendingTermination = Schema.Struct({
  computeId: ComputeId,
  provider: ProviderId,
  name: Schema.NullOr(Schema.String),
  why: TerminationCause,
  /** Wall clock: since when it must be terminated. */
  since: Schema.Finite,
  /** Monotonic clock: from here on "not found" proves that it is gone. */
  settles: Schema.Finite,
  /** How often a terminate was sent. */
  tries: Schema.Int,
  step: Schema.Literals(["due", "terminating", "accepted", "confirming"]),
  /** Monotonic clock. */
  at: Schema.NullOr(Schema.Finite),
  /** The failure of the last terminate or `get`. */
  fault: Schema.NullOr(Fault)
})

/**
 * @category models
 * @since 0.1.0
 */
export type PendingTermination = typeof PendingTermination.Type

/**
 * One create: its id, the candidate it was sent to, the stamped name and when it may have been sent (wall clock).
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

/**
 * How far a search for a machine has come: the candidates that are still to be asked, in order, and those whose rate limit is
 * longer than a session waits. The latter are asked once more at the end; null once they are.
 *
 * @category models
 * @since 0.1.0
 */
export const Search = Schema.Struct({
  /** Indexes into the session's candidates. */
  left: Schema.Array(Schema.Int),
  limited: Schema.NullOr(Schema.Array(Schema.Int))
})

/**
 * @category models
 * @since 0.1.0
 */
export type Search = typeof Search.Type

/** Rows of earlier builds have none: the candidates after the current one are left. */
const search = Schema.optionalKey(Search)

const attempted = {
  attempt: Attempt,
  /** Creates at this candidate whose answers were lost and which made nothing. */
  lost: Schema.Int,
  /** Creates at this candidate that were refused by a rate limit. */
  limited: Schema.Int,
  search,
  /** Why the machine must be terminated as soon as it is known; null while it is wanted. */
  stopping: Schema.NullOr(EndReason)
}

/** A create may have been sent. */
const Renting = Schema.TaggedStruct("Renting", attempted)

/** The answer to a create was lost: the machine is looked for by its name. */
const Resolving = Schema.TaggedStruct("Resolving", {
  ...attempted,
  /** Monotonic clock: the create was not sent after this. */
  since: Schema.Finite,
  cause: Fault,
  authHash: Schema.NullOr(Schema.String)
})

/** The session has a machine. */
const Live = Schema.TaggedStruct("Live", {
  attempt: Attempt,
  computeId: ComputeId,
  provider: ProviderId,
  /** Wall clock. */
  rentedAt: Schema.Finite,
  /** Monotonic clock: from here on "not found" proves that it is gone. */
  settles: Schema.Finite,
  /** What it is to the session: one that runs and has a port without an address is `provisioning`. */
  status: ComputeStatus,
  /** Whether it was ever ready: it ran, and each of its ports had an address. */
  ready: Schema.Boolean,
  /** Of a machine that runs: the ports that have no address yet. */
  unmapped: Schema.optionalKey(Schema.Array(Schema.String)),
  /** Whether `readyTimeout` applies; it does not to an adopted machine. */
  readyArmed: Schema.Boolean,
  /** SHA-256 of the bearer token; the token itself is stored nowhere. */
  authHash: Schema.NullOr(Schema.String)
})

/**
 * No create is under way: the old machine is still being terminated, the provider asked to wait, or this process closes and
 * the next one is to rent (`unsent`).
 */
const Waiting = Schema.TaggedStruct("Waiting", {
  candidate: Schema.Int,
  limited: Schema.Int,
  lost: Schema.Int,
  search,
  /** Monotonic clock. */
  until: Schema.Finite,
  why: Schema.Literals(["respawn", "rate_limited", "unsent"])
})

/** The session is ending: only pending terminations are left. */
const Ending = Schema.TaggedStruct("Ending", {
  reason: EndReason,
  outcome: Outcome,
  /** Wall clock. */
  since: Schema.Finite
})

/** The session is over: every machine it had is verified gone. */
const Ended = Schema.TaggedStruct("Ended", {
  reason: EndReason,
  outcome: Outcome,
  /** Wall clock. */
  at: Schema.Finite,
  /** Whether the deletion of the row was asked for. */
  forgetting: Schema.Boolean
})

/**
 * The phase of a session.
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
