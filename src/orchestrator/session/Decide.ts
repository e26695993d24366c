/**
 * `decide`: what a session does about an input. Pure and total, so that every rule can be read and tested without a clock.
 *
 * @since 0.1.0
 */
import type { ProviderId } from "../../domain/Ids.ts"
import * as Clock from "./Clock.ts"
import { type DecideConfig, factsOf } from "./Config.ts"
import type { Command, InputOf, SessionEvent, SessionInput } from "./Event.ts"
import * as ending from "./internal/ending.ts"
import * as living from "./internal/living.ts"
import * as renting from "./internal/renting.ts"
import * as rereading from "./internal/rereading.ts"
import { isSame, pauseAfter, type Step, withTimers } from "./internal/step.ts"
import * as terminations from "./internal/terminations.ts"
import { activityOf, reachedLimit } from "./Limits.ts"
import type { SessionState } from "./State.ts"

/** The caller of an adopted session has at least this long to touch it. */
const shortestIdle = 60_000

/** The longest that the end of the old machine may hold up its replacement. */
const longestTermination = 60_000

/** The last touch on the new monotonic clock, so that idle time neither begins anew nor ends the session at once. */
const touchedAgain = (state: SessionState, step: Step): number => {
  const { idleTtl } = state.spec.policy
  const now = activityOf(step.now)
  if (idleTtl === null) return now
  const left = Math.max(state.touchedAt + idleTtl - step.now.wall, Math.min(idleTtl, shortestIdle))
  return now + Math.min(left, idleTtl) - idleTtl
}

const adoptPhase = (state: SessionState, step: Step): SessionState => {
  const { phase, spec } = state
  const lostCaller = spec.persist ? (spec.mode === "interactive" ? "caller_lost" : null) : "node_restart"
  switch (phase._tag) {
    case "Renting":
    case "Resolving":
      return renting.adopt(state, step, phase, lostCaller)
    case "Live": {
      // on this process's clock, whether the machine is kept or terminated
      const settles = terminations.settlesAgain(step, phase, phase.rentedAt)
      const rebased = { ...phase, settles }
      return spec.persist
        ? living.adopt(state, step, rebased)
        : ending.stop({ ...state, phase: rebased }, step, "node_restart")
    }
    case "Waiting": {
      // without a machine so far the caller has nothing to come back to
      const isLost = phase.why === "unsent" || !spec.persist
      if (isLost && lostCaller !== null) return ending.stop(state, step, lostCaller)
      const pause = phase.why === "respawn" ? longestTermination : pauseAfter(phase.limited, spec.id)
      return { ...state, phase: { ...phase, until: step.now.mono + pause } }
    }
    case "Ending":
      // no look is on its way any more
      return state.timers.look === null ? state : withTimers(state, { look: null })
    case "Ended":
      return phase.forgetting ? { ...state, phase: { ...phase, forgetting: false } } : state
  }
}

/** What a machine may take to appear, counted anew, since nothing tells how much of it has passed. */
const bothWindows = ({ config }: Step, provider: ProviderId): number => 2 * factsOf(config, provider).settleWindow

const adopt = (state: SessionState, step: Step): SessionState => {
  const { doubt } = state
  const rebased: SessionState = {
    ...state,
    ...(doubt === undefined ? {} : { doubt: { ...doubt, at: step.now.mono + bothWindows(step, doubt.provider) } }),
    touched: touchedAgain(state, step),
    clock: step.now
  }
  return adoptPhase(terminations.adopt(rebased, step), step)
}

/**
 * What a session decided: its next state, the commands it asks for and the events it tells, each in order.
 *
 * @category deciding
 * @since 0.1.0
 */
export interface Decision<State = SessionState> {
  readonly state: State
  readonly commands: ReadonlyArray<Command>
  readonly events: ReadonlyArray<SessionEvent>
}

const observed = (state: SessionState, step: Step, input: InputOf<"Observed">): SessionState => {
  const { phase } = state
  const { compute } = input
  if (phase._tag === "Live" && isSame(phase, compute)) return living.observed(state, step, compute)
  return terminations.find(state, compute) === undefined
    ? renting.seenByName(state, step, compute)
    : terminations.repriced(state, step, compute)
}

const confirmed = (state: SessionState, step: Step, input: InputOf<"Confirmed">): SessionState => {
  const { phase } = state
  const pending = terminations.find(state, input)
  if (pending !== undefined) return terminations.looked(state, step, pending, input.compute, input.at)
  if (phase._tag === "Live" && isSame(phase, input)) {
    return living.confirmed(state, step, phase, input.compute, input.at)
  }
  return state
}

const confirmFailed = (state: SessionState, step: Step, input: InputOf<"ConfirmFailed">): SessionState => {
  const { phase } = state
  const pending = terminations.find(state, input)
  if (pending !== undefined) {
    return input.fault.reason === "NotFound"
      ? terminations.looked(state, step, pending, null)
      : terminations.lookFailed(state, step, pending, input.fault)
  }
  if (phase._tag === "Live" && isSame(phase, input)) return living.confirmFailed(state, step, phase, input.fault)
  return state
}

/** Deletes the session's row, when nothing of it is left. */
const forget = (state: SessionState, step: Step): SessionState => {
  const { phase } = state
  if (phase._tag !== "Ended" || phase.forgetting || state.pendingTerminations.length > 0) return state
  step.commands.push({ _tag: "Forget" })
  return { ...state, phase: { ...phase, forgetting: true } }
}

const wake = (state: SessionState, step: Step): SessionState => {
  const reason = reachedLimit(state, step.now)
  const limited = reason === null
    ? state
    : reason === "never_ready"
    ? living.neverReady(state, step)
    : ending.stop(state, step, reason)
  const asked = terminations.wake(limited, step)
  const { phase } = asked
  switch (phase._tag) {
    case "Resolving":
      return renting.wakeResolving(asked, step, phase)
    case "Live":
      return living.wake(asked, step, phase)
    case "Waiting":
      return renting.wakeWaiting(asked, step, phase)
    case "Ended":
      return step.now.wall < phase.at + step.config.retention ? asked : forget(asked, step)
    case "Ending":
      return ending.wake(asked, step)
    default:
      return asked
  }
}

/** A session that persists and has not finished is adopted by the next process; any other one ends with this process. */
const closing = (state: SessionState, step: Step): SessionState =>
  state.spec.persist && state.report === null
    ? state
    : ending.stop(state, step, "node_shutdown")

const reasonOfStop = { caller: "stopped", interrupted: "interrupted", store: "unrecordable" } as const

const react = (state: SessionState, step: Step, input: SessionInput): SessionState => {
  switch (input._tag) {
    case "Observed":
      return observed(state, step, input)
    case "Touched":
      return living.touched(state, step)
    case "WokeUp":
      return wake(state, step)
    case "Rented":
      return renting.rented(state, step, input)
    case "Refused":
      return renting.refused(state, step, input)
    case "Unanswered":
      return renting.unanswered(state, step, input)
    case "Looked":
      return renting.looked(state, step, input)
    case "LookFailed":
      return renting.lookFailed(state, step, input)
    case "Missed":
      return living.missed(state, step, input)
    case "Confirmed":
      return confirmed(state, step, input)
    case "ConfirmFailed":
      return confirmFailed(state, step, input)
    case "TerminateAnswered":
      return terminations.answered(state, step, input)
    case "TerminateFailed":
      return terminations.terminateFailed(state, step, input)
    case "StopRequested":
      return ending.stop(state, step, reasonOfStop[input.by])
    case "Reread":
      return rereading.reread(state, step, input.stored)
    case "ForgetRequested":
      return forget(state, step)
    case "Report":
      return living.reported(state, step, input)
    case "Billed":
      return living.billed(state, step, input)
    case "BillFailed":
      return living.billFailed(state, step, input)
    case "Adopted":
      return adopt(state, step)
    case "Closing":
      return closing(state, step)
    // only the first input begins a session
    case "Started":
      return state
  }
}

/** What follows from the new state at once: a session with nothing left to terminate ends, a replacement waits no longer. */
const settle = (state: SessionState, step: Step): SessionState =>
  // a replacement that a limit forbids is an end
  ending.settle(
    state.phase._tag === "Waiting" && state.phase.why === "respawn"
      ? renting.wakeWaiting(state, step, state.phase)
      : state,
    step
  )

/**
 * Decides what a session does about one input. `state` is null before `Started`; any other input is then ignored.
 *
 * **Details**
 *
 * An input that says nothing new gives the same state back. A late, foreign or repeated input never throws. If
 * {@link needsCommit} says so, the caller commits the row before it publishes the events and starts the commands; every
 * command ends in exactly one of its results. The clocks may jump: see `Clock.advance`.
 *
 * @category deciding
 * @since 0.1.0
 */
export function decide(state: SessionState, input: SessionInput, read: Clock.Now, config: DecideConfig): Decision
export function decide(
  state: SessionState | null,
  input: SessionInput,
  read: Clock.Now,
  config: DecideConfig
): Decision<SessionState | null>
export function decide(
  state: SessionState | null,
  input: SessionInput,
  read: Clock.Now,
  config: DecideConfig
): Decision<SessionState | null> {
  const commands: Array<Command> = []
  const events: Array<SessionEvent> = []
  if (state === null) {
    if (input._tag !== "Started") return { state, commands, events }
    const now = Clock.restart({ wall: 0, mono: 0 }, read)
    return { state: renting.begin(input.spec, { now, config, commands, events }), commands, events }
  }
  const now = input._tag === "Adopted" ? Clock.restart(state.clock, read) : Clock.advance(state.clock, read)
  const step: Step = { now, config, commands, events }
  const reacted = react(state, step, input)
  const settled = reacted === state ? state : settle(reacted, step)
  const isSilent = settled === state && !Clock.learns(state.clock, now)
  return { state: isSilent ? state : { ...settled, clock: now }, commands, events }
}
