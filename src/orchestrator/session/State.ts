/**
 * The state of a session: what the store keeps as its row, and all that `decide` knows of it. It holds no secret.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ComputeId, ProviderId } from "../../domain/Ids.ts"
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
 * `interactive`: a person uses the compute and keeps it alive by touching it. `task`: it runs one command to its end.
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
  /** Whether the session outlives the process that began it. */
  persist: Schema.Boolean,
  request: RentRequest,
  /** In order of preference. */
  candidates: Schema.NonEmptyArray(Candidate),
  /** Candidates of the caller that cannot be asked at all, each with the reason; left out where there are none. */
  unfit: Schema.optionalKey(Schema.Array(Schema.Struct({ candidate: Candidate, fault: Fault }))),
  policy: Policy
})

/**
 * @category models
 * @since 0.1.0
 */
export type SessionSpec = typeof SessionSpec.Type

/**
 * A candidate that definitely made no machine, and the failure it answered with.
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
 * The finish report of the container: how its command ended.
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
 * When to ask the provider next, on the monotonic clock; `at` is null while a request is on its way, and `tries` counts the
 * requests that failed in a row.
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
 * Timers of the process that runs the session: stored with the rest, and set anew when another process adopts it.
 *
 * @category models
 * @since 0.1.0
 */
export const Timers = Schema.Struct({
  /** The next listing that looks for the machine of a create whose answer was lost. */
  look: Schema.NullOr(Timer),
  /** The next `get` that confirms whether the current machine is dead. */
  check: Schema.NullOr(Timer),
  /** The next request for the provider's bill. */
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
 * Times are wall-clock milliseconds unless they say otherwise. `version` is that of the row the session was read from or
 * last committed as: a store overwrites only a row of that version and then counts it up; `decide` never changes it.
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
  /** Machines that must be terminated. */
  pendingTerminations: Schema.Array(PendingTermination),
  meter: Meter,
  /** Every create that may have been sent; a compute belongs to the session when it has the name of one of them. */
  attempts: Schema.Array(Attempt),
  refusals: Schema.Array(Refusal),
  respawns: Schema.Int,
  report: Schema.NullOr(Report),
  /** The current machine, or the last one. */
  last: Schema.NullOr(ComputeId),
  /**
   * Machines that are verified gone. A late listing may still show one; its cost is not counted twice. An id alone, as earlier
   * builds wrote it, is of any provider.
   */
  terminatedIds: Schema.Array(Schema.Union([
    Schema.Struct({ provider: ProviderId, computeId: ComputeId }),
    ComputeId
  ])),
  /**
   * A create whose answer was lost and whose machine was found, or whose session ends without having found one: until a complete
   * listing begun at `at` (monotonic clock) or later has shown that there is no other machine of its name, the session is not over.
   * Left out where nothing is in doubt.
   */
  doubt: Schema.optionalKey(Schema.Struct({ attempt: Attempt, provider: ProviderId, at: Schema.Finite })),
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
 * Fields of a phase that every adoption sets anew, from what is stored on the wall clock or whatever is stored: times on the
 * monotonic clock, and whether the time to first ready is watched.
 */
const setByAdoption: ReadonlySet<string> = new Set(["settles", "until", "readyArmed"])

/** Whether two phases differ in more than what an adoption sets anew. */
const hasMoved = (before: Phase, after: Phase): boolean => {
  if (before === after) return false
  if (before._tag !== after._tag) return true
  const old: Readonly<Record<string, unknown>> = before
  const now: Readonly<Record<string, unknown>> = after
  // without a copy: a hundred thousand sessions are adopted at once
  for (const field in now) if (now[field] !== old[field] && !setByAdoption.has(field)) return true
  return false
}

/**
 * Whether the row must be written before the events of this decision are published and its commands started.
 *
 * **Details**
 *
 * A decision that changes only timers, the clock, what every adoption sets anew, or a touch within the minute needs no commit.
 *
 * @category commits
 * @since 0.1.0
 */
export const needsCommit = (before: SessionState | null, after: SessionState | null): boolean => {
  if (before === after) return false
  if (before === null || after === null) return true
  return hasMoved(before.phase, after.phase) ||
    before.pendingTerminations !== after.pendingTerminations ||
    before.meter !== after.meter ||
    before.attempts !== after.attempts ||
    before.refusals !== after.refusals ||
    before.report !== after.report ||
    before.respawns !== after.respawns ||
    before.doubt?.attempt !== after.doubt?.attempt ||
    before.touchedAt !== after.touchedAt
}

/**
 * The provider of the session's machine, or the one its newest create was sent to.
 *
 * @category reading
 * @since 0.1.0
 */
export const providerOf = ({ attempts, phase, spec }: Pick<SessionState, "attempts" | "phase" | "spec">): ProviderId =>
  phase._tag === "Live"
    ? phase.provider
    : (spec.candidates[attempts.at(-1)?.candidate ?? 0] ?? spec.candidates[0]).provider

interface Machine {
  readonly provider: ProviderId
  readonly computeId: ComputeId
}

/**
 * Whether both are one machine: two providers may give out equal ids.
 *
 * @category reading
 * @since 0.1.0
 */
export const isSame = (one: Machine, other: Machine): boolean =>
  one.computeId === other.computeId && one.provider === other.provider

/**
 * Whether the session lives on this machine.
 *
 * @category reading
 * @since 0.1.0
 */
export const isLiveOn = ({ phase }: Pick<SessionState, "phase">, machine: Machine): boolean =>
  phase._tag === "Live" && isSame(phase, machine)

/**
 * Whether the session lives on this machine or ends it.
 *
 * @category reading
 * @since 0.1.0
 */
export const hasMachine = (
  state: Pick<SessionState, "pendingTerminations" | "phase">,
  machine: Machine
): boolean => isLiveOn(state, machine) || state.pendingTerminations.some((pending) => isSame(pending, machine))

/**
 * Whether the session had this machine and has seen it gone.
 *
 * @category reading
 * @since 0.1.0
 */
export const isTerminated = (
  { terminatedIds }: Pick<SessionState, "terminatedIds">,
  machine: Machine
): boolean => terminatedIds.some((one) => typeof one === "string" ? one === machine.computeId : isSame(one, machine))

/**
 * The provider of the session's machine or, without one, of its last machine.
 *
 * @category reading
 * @since 0.1.0
 */
export const providerOfMachine = (state: SessionState): ProviderId => {
  const { last, pendingTerminations, phase, terminatedIds } = state
  if (phase._tag === "Live") return phase.provider
  const known = [...terminatedIds, ...pendingTerminations].findLast((one) =>
    typeof one !== "string" && one.computeId === last
  )
  return known === undefined || typeof known === "string" ? providerOf(state) : known.provider
}

/**
 * The providers where the session may have machines now, each once: first that of {@link providerOf}, unless the session
 * ends, then those of its pending terminations and of a create whose machines are in doubt.
 *
 * **Details**
 *
 * Earlier candidates refused or are proven to have made nothing; later candidates were not asked yet.
 *
 * @category reading
 * @since 0.1.0
 */
export const placesOf = (state: SessionState): ReadonlyArray<ProviderId> => {
  const { doubt, phase, pendingTerminations } = state
  const places = new Set<ProviderId>()
  if (phase._tag !== "Ending" && phase._tag !== "Ended") places.add(providerOf(state))
  for (const { provider } of pendingTerminations) places.add(provider)
  if (doubt !== undefined) places.add(doubt.provider)
  return [...places]
}
