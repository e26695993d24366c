/**
 * The limits of a session, and when it must be woken next: all read from its state.
 *
 * @since 0.1.0
 */
import type { Now } from "./Clock.ts"
import * as Clock from "./Clock.ts"
import type { DecideConfig } from "./Config.ts"
import * as Meter from "./Meter.ts"
import type { EndReason } from "./Phase.ts"
import { endsItsMachine } from "./RentRequest.ts"
import type { SessionState } from "./State.ts"

/** The clock that idleness is measured on: the monotonic one. */
export const activityOf = ({ mono }: Now): number => mono

interface Limit {
  readonly reason: EndReason
  /** Milliseconds until it is reached; 0 or less when it is. */
  readonly left: number
}

/** Whether the machine runs one command to its end, so that a finish report ends the session. */
const endsByItself = ({ spec }: SessionState): boolean => spec.mode === "task" || endsItsMachine(spec.request)

/** The limits that apply in this phase; if several are reached, the first one is the reason. */
const limitsOf = (state: SessionState, now: Now): ReadonlyArray<Limit> => {
  const { phase, report, spec } = state
  if (phase._tag === "Ending" || phase._tag === "Ended") return []
  if ((phase._tag === "Renting" || phase._tag === "Resolving") && phase.stopping !== null) return []
  const { policy } = spec
  const { wall } = now
  const limits: Array<Limit> = []
  if (report !== null && policy.finishGrace !== null && endsByItself(state)) {
    limits.push({ reason: "finished", left: report.at + policy.finishGrace - wall })
  }
  if (policy.maxCost !== null) {
    const left = Meter.leftUntil(state.meter, policy.maxCost, wall)
    if (left !== null) limits.push({ reason: "cost_cap", left })
  }
  if (policy.maxRuntime !== null) {
    limits.push({ reason: "max_runtime", left: state.createdAt + policy.maxRuntime - wall })
  }
  if (policy.readyTimeout !== null && phase._tag === "Live" && phase.readyArmed && !phase.ready) {
    limits.push({ reason: "never_ready", left: phase.rentedAt + policy.readyTimeout - wall })
  }
  // a caller cannot touch a machine that it was not given yet
  const isHandedOut = phase._tag === "Live" || state.respawns > 0
  if (policy.idleTtl !== null && spec.mode === "interactive" && isHandedOut) {
    limits.push({ reason: "idle_timeout", left: state.touched + policy.idleTtl - activityOf(now) })
  }
  return limits
}

/** The limit that is reached; null when none is. */
export const reachedLimit = (state: SessionState, now: Now): EndReason | null =>
  limitsOf(state, now).find(({ left }) => left <= 0)?.reason ?? null

/**
 * When the session must be given `WokeUp` next, in milliseconds of the monotonic clock; null when only an answer or the
 * feed can change it.
 *
 * **Details**
 *
 * A time in the past means now. Limits on the wall clock are translated as both clocks read now, so an engine asks again at
 * least once a minute and notices when the wall clock jumps.
 *
 * @category deciding
 * @since 0.1.0
 */
export const nextWake = (state: SessionState, read: Now, config: DecideConfig): number | null => {
  const now = Clock.advance(state.clock, read)
  const { mono, wall } = now
  const { phase, timers } = state
  let wake = Number.POSITIVE_INFINITY
  const at = (time: number | null | undefined): void => {
    if (time !== null && time !== undefined && time < wake) wake = time
  }
  for (const pending of state.pendingTerminations) at(pending.at)
  for (const { left } of limitsOf(state, now)) at(Math.ceil(mono + left))
  switch (phase._tag) {
    case "Resolving":
    case "Ending":
      at(timers.look?.at)
      break
    case "Live":
      at(timers.check?.at)
      at(timers.bill?.at)
      at(timers.beat)
      break
    case "Waiting":
      at(phase.until)
      break
    case "Ended":
      if (!phase.forgetting && state.pendingTerminations.length === 0) at(mono + phase.at + config.retention - wall)
      break
  }
  return wake === Number.POSITIVE_INFINITY ? null : wake
}

/**
 * What the session has cost until now, in US dollars.
 *
 * @category reading
 * @since 0.1.0
 */
export const spentUsd = (state: SessionState, read: Now): number =>
  Meter.spent(state.meter, Clock.advance(state.clock, read).wall)

/**
 * How long the session may still run, in milliseconds; null without such a limit.
 *
 * @category reading
 * @since 0.1.0
 */
export const runtimeLeft = (state: SessionState, read: Now): number | null =>
  state.spec.policy.maxRuntime === null
    ? null
    : Math.max(0, state.createdAt + state.spec.policy.maxRuntime - Clock.advance(state.clock, read).wall)
