/**
 * A session as its users see it: its state, its cost, when it ends. One shape for code, the command line and APIs.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ComputeStatus } from "../domain/Compute.ts"
import { ComputeId, ProviderId } from "../domain/Ids.ts"
import { Usd } from "../domain/Money.ts"
import * as Clocks from "./engine/Clocks.ts"
import * as Clock from "./session/Clock.ts"
import { SessionId } from "./session/Ids.ts"
import { spentUsd } from "./session/Limits.ts"
import { Outcome, type Phase } from "./session/Phase.ts"
import { Candidate } from "./session/RentRequest.ts"
import { Mode, providerOf, Refusal, type SessionState } from "./session/State.ts"

const states = {
  Renting: "renting",
  Resolving: "resolving",
  Live: "live",
  Waiting: "waiting",
  Ending: "ending",
  Ended: "ended"
} as const satisfies Record<Phase["_tag"], string>

const orNull = Schema.NullOr

/**
 * One session; times are instants, money is US dollars, null is "none" or "not known".
 *
 * @category models
 * @since 0.1.0
 */
export const SessionInfo = Schema.Struct({
  id: SessionId,
  state: Schema.Literals(["renting", "resolving", "live", "waiting", "ending", "ended"]),
  /** The provider of its machine, or the last one that was asked for one. */
  provider: ProviderId,
  computeId: orNull(ComputeId),
  /** The stamped name of its last attempt. */
  name: Schema.String,
  /** How many attempts to rent were made. */
  attempt: Schema.Int,
  /** The status its machine was last seen with. */
  status: orNull(ComputeStatus),
  userId: orNull(Schema.String),
  mode: Mode,
  persist: Schema.Boolean,
  startedAt: Schema.DateTimeUtcFromString,
  lastActivityAt: Schema.DateTimeUtcFromString,
  /** How long without a touch ends it. */
  idleTtl: orNull(Schema.DurationFromMillis),
  /** When `maxRuntime` ends it. */
  deadlineAt: orNull(Schema.DateTimeUtcFromString),
  maxCost: orNull(Usd),
  spentUsd: Usd,
  respawns: Schema.Int,
  outcome: orNull(Outcome),
  /** Candidates that rented no machine, and why: first those that could not be asked at all, then those that refused. */
  refusals: Schema.Array(
    Schema.Struct({ candidate: Candidate, fault: Refusal.fields.fault, at: Schema.DateTimeUtcFromString })
  ),
  /** Machines that are being terminated and are not verified gone yet. */
  dying: Schema.Array(ComputeId)
})

/**
 * @category models
 * @since 0.1.0
 */
export type SessionInfo = typeof SessionInfo.Type

/**
 * A session as JSON, and back.
 *
 * @category codecs
 * @since 0.1.0
 */
export const SessionInfoJson = Schema.toCodecJson(SessionInfo)

/**
 * A session as it is now.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromState = (state: SessionState, read: Clock.Now): SessionInfo => {
  const { attempts, phase, spec } = state
  const now = Clock.advance(state.clock, read)
  const newest = attempts.at(-1)
  const candidateOf = (index: number): Candidate => spec.candidates[index] ?? spec.candidates[0]
  return {
    id: spec.id,
    state: states[phase._tag],
    provider: providerOf(state),
    computeId: phase._tag === "Live" ? phase.computeId : state.last,
    name: newest?.name ?? "",
    attempt: attempts.length,
    status: phase._tag === "Live" ? phase.status : null,
    userId: spec.userId,
    mode: spec.mode,
    persist: spec.persist,
    startedAt: Clock.instant(state.createdAt),
    lastActivityAt: Clock.instant(Math.max(state.createdAt, now.wall - (now.mono - state.touched))),
    idleTtl: spec.policy.idleTtl === null ? null : Duration.millis(spec.policy.idleTtl),
    deadlineAt: spec.policy.maxRuntime === null ? null : Clock.instant(state.createdAt + spec.policy.maxRuntime),
    maxCost: spec.policy.maxCost === null ? null : Usd.make(spec.policy.maxCost),
    spentUsd: Usd.make(spentUsd(state, read)),
    respawns: state.respawns,
    outcome: phase._tag === "Ended" || phase._tag === "Ending" ? phase.outcome : null,
    refusals: [
      ...(spec.unfit ?? []).map((unfit) => ({ ...unfit, at: Clock.instant(state.createdAt) })),
      ...state.refusals.map((refusal) => ({
        ...refusal,
        candidate: candidateOf(refusal.candidate),
        at: Clock.instant(refusal.at)
      }))
    ],
    dying: state.pendingTerminations.map(({ computeId }) => computeId)
  }
}

/**
 * A session as it is now by the clocks of this process.
 *
 * @category conversions
 * @since 0.1.0
 */
export const now = (state: SessionState): Effect.Effect<SessionInfo> =>
  Effect.map(Clocks.read, (read) => fromState(state, read))
