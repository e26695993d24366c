/**
 * Everything a session is: the row the store keeps, and all that `decide` knows. It holds no secret.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ComputeId, type ProviderId } from "../../domain/Ids.ts"
import { Owner } from "../../provider/NameStamp.ts"
import { Now } from "./Clock.ts"
import { Fault } from "./Fault.ts"
import { AttemptId, SessionId } from "./Ids.ts"
import { Meter } from "./Meter.ts"
import { Attempt, PendingTermination, Phase } from "./Phase.ts"
import { Policy } from "./Policy.ts"
import { Candidate, RentRequest } from "./RentRequest.ts"

/**
 * The form of the rows this build writes; a store also reads those of version 1, which an earlier build wrote.
 *
 * @category models
 * @since 0.1.0
 */
export const schemaVersion = 2

/**
 * Whether a person uses the compute and keeps it alive by touching it, or it runs one command to its end.
 *
 * @category models
 * @since 0.1.0
 */
export const Mode = Schema.Literals(["interactive", "task"])

/**
 * @category models
 * @since 0.1.0
 */
export type Mode = typeof Mode.Type

/**
 * What a caller asked for, checked: it never changes while the session lives.
 *
 * @category models
 * @since 0.1.0
 */
export const SessionSpec = Schema.Struct({
  id: SessionId,
  owner: Owner,
  mode: Mode,
  userId: Schema.NullOr(Schema.String),
  /** Whether it outlives the process that began it. */
  persist: Schema.Boolean,
  request: RentRequest,
  /** In order of preference. */
  candidates: Schema.NonEmptyArray(Candidate),
  /** Places that were wished for and cannot be asked at all, and why; left out where there are none. */
  unfit: Schema.optionalKey(Schema.Array(Schema.Struct({ candidate: Candidate, fault: Fault }))),
  policy: Policy
})

/**
 * @category models
 * @since 0.1.0
 */
export type SessionSpec = typeof SessionSpec.Type

/**
 * A candidate that definitely made nothing, and what it said.
 *
 * @category models
 * @since 0.1.0
 */
export const Refusal = Schema.Struct({
  /** Index into the session's candidates. */
  candidate: Schema.Int,
  fault: Fault,
  /** Wall clock. */
  at: Schema.Finite
})

/**
 * @category models
 * @since 0.1.0
 */
export type Refusal = typeof Refusal.Type

/**
 * What the container said of its end.
 *
 * @category models
 * @since 0.1.0
 */
export const Report = Schema.Struct({
  attempt: AttemptId,
  exitCode: Schema.Int,
  /** Wall clock. */
  at: Schema.Finite
})

/**
 * @category models
 * @since 0.1.0
 */
export type Report = typeof Report.Type

/**
 * Something to ask again: at a monotonic time, null while the question is on its way; `tries` failed in a row.
 *
 * @category models
 * @since 0.1.0
 */
export const Timer = Schema.Struct({
  at: Schema.NullOr(Schema.Finite),
  tries: Schema.Int
})

/**
 * @category models
 * @since 0.1.0
 */
export type Timer = typeof Timer.Type

/**
 * What is only known while the process lives; it is stored with the rest and set anew at the next boot.
 *
 * @category models
 * @since 0.1.0
 */
export const Timers = Schema.Struct({
  /** Looking for a lost answer. */
  look: Schema.NullOr(Timer),
  /** Confirming that the current machine is dead. */
  check: Schema.NullOr(Timer),
  /** Asking for the bill. */
  bill: Schema.NullOr(Timer),
  /** Monotonic clock: the next heartbeat. */
  beat: Schema.NullOr(Schema.Finite)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Timers = typeof Timers.Type

/**
 * One session.
 *
 * **Details**
 *
 * Times without a word are wall-clock milliseconds. `version` is that of the row it was read from or last committed as: a
 * store writes it only over that version and then counts it up; `decide` never changes it.
 *
 * @category models
 * @since 0.1.0
 */
export const SessionState = Schema.Struct({
  schemaVersion: Schema.Literal(schemaVersion),
  version: Schema.Int,
  spec: SessionSpec,
  createdAt: Schema.Finite,
  phase: Phase,
  /** Machines that must die. */
  pendingTerminations: Schema.Array(PendingTermination),
  meter: Meter,
  /** Every rent that may ever have been sent; a compute is ours by the name of any of them. */
  attempts: Schema.Array(Attempt),
  refusals: Schema.Array(Refusal),
  respawns: Schema.Int,
  report: Schema.NullOr(Report),
  /** The machine it has or had last. */
  last: Schema.NullOr(ComputeId),
  /** Machines that are verified gone; a late listing may still show one, and it is not paid for twice. */
  terminatedIds: Schema.Array(ComputeId),
  /** Monotonic clock: the last touch. */
  touched: Schema.Finite,
  /** The last touch that was stored; at most one a minute. */
  touchedAt: Schema.Finite,
  timers: Timers,
  /** The last reading of both clocks that changed something. */
  clock: Now
})

/**
 * @category models
 * @since 0.1.0
 */
export type SessionState = typeof SessionState.Type

/**
 * A session as JSON, and back.
 *
 * @category codecs
 * @since 0.1.0
 */
export const SessionJson = Schema.toCodecJson(SessionState)

/**
 * Whether the row must be written before anything of this decision is published or started.
 *
 * **Details**
 *
 * What changes only timers, the clock or a touch within the minute need not be.
 *
 * @category commits
 * @since 0.1.0
 */
export const needsCommit = (before: SessionState | null, after: SessionState | null): boolean => {
  if (before === after) return false
  if (before === null || after === null) return true
  return before.phase !== after.phase ||
    before.pendingTerminations !== after.pendingTerminations ||
    before.meter !== after.meter ||
    before.attempts !== after.attempts ||
    before.refusals !== after.refusals ||
    before.report !== after.report ||
    before.respawns !== after.respawns ||
    before.touchedAt !== after.touchedAt
}

/**
 * The provider that has the session's machine, or that its newest rent went to.
 *
 * @category reading
 * @since 0.1.0
 */
export const providerOf = ({ attempts, phase, spec }: Pick<SessionState, "attempts" | "phase" | "spec">): ProviderId =>
  phase._tag === "Live"
    ? phase.provider
    : (spec.candidates[attempts.at(-1)?.candidate ?? 0] ?? spec.candidates[0]).provider

/**
 * The providers where the session may have machines now, each once: those of machines that must die, and unless it ends,
 * that of {@link providerOf}, which is at the front.
 *
 * **Details**
 *
 * Candidates that were asked before refused, or are proven to have made nothing; those that come later were not asked yet.
 *
 * @category reading
 * @since 0.1.0
 */
export const placesOf = (state: SessionState): ReadonlyArray<ProviderId> => {
  const { phase, pendingTerminations } = state
  const places = new Set<ProviderId>()
  if (phase._tag !== "Ending" && phase._tag !== "Ended") places.add(providerOf(state))
  for (const { provider } of pendingTerminations) places.add(provider)
  return [...places]
}
