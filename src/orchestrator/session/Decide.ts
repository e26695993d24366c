/**
 * What a session does about what it hears: pure and total, so that every rule of it can be read and tested without a clock.
 *
 * @since 0.1.0
 */
import * as Clock from "./Clock.ts"
import type { DecideConfig } from "./Config.ts"
import type { Command, InputOf, SessionEvent, SessionInput } from "./Event.ts"
import { adopt } from "./internal/adopting.ts"
import * as ending from "./internal/ending.ts"
import * as living from "./internal/living.ts"
import * as renting from "./internal/renting.ts"
import { isSame, type Step } from "./internal/step.ts"
import * as terminations from "./internal/terminations.ts"
import { reachedLimit } from "./Limits.ts"
import type { SessionState } from "./State.ts"

/**
 * What a session decided: its state from now on, what it asks for and what it tells, each in order.
 *
 * @category deciding
 * @since 0.1.0
 */
export interface Decision<State = SessionState> {
  readonly state: State
  readonly commands: ReadonlyArray<Command>
  readonly events: ReadonlyArray<SessionEvent>
}

const observed = (state: SessionState, turn: Step, event: InputOf<"Observed">): SessionState => {
  const { phase } = state
  const { compute } = event
  if (phase._tag === "Live" && isSame(phase, compute)) return living.observed(state, turn, compute)
  return terminations.find(state, compute) === undefined
    ? renting.stray(state, turn, compute)
    : terminations.repriced(state, turn, compute)
}

const confirmed = (state: SessionState, turn: Step, event: InputOf<"Confirmed">): SessionState => {
  const { phase } = state
  const residual = terminations.find(state, event)
  if (residual !== undefined) return terminations.looked(state, turn, residual, event.compute, event.at)
  if (phase._tag === "Live" && isSame(phase, event)) {
    return living.confirmed(state, turn, phase, event.compute, event.at)
  }
  return state
}

const confirmFailed = (state: SessionState, turn: Step, event: InputOf<"ConfirmFailed">): SessionState => {
  const { phase } = state
  const residual = terminations.find(state, event)
  if (residual !== undefined) {
    return event.fault.reason === "NotFound"
      ? terminations.looked(state, turn, residual, null)
      : terminations.lookFailed(state, turn, residual, event.fault)
  }
  if (phase._tag === "Live" && isSame(phase, event)) return living.confirmFailed(state, turn, phase, event.fault)
  return state
}

const wake = (state: SessionState, turn: Step): SessionState => {
  const reason = reachedLimit(state, turn.now)
  const limited = reason === null ? state : ending.stop(state, turn, reason)
  const asked = terminations.wake(limited, turn)
  const { phase } = asked
  switch (phase._tag) {
    case "Resolving":
      return renting.wakeResolving(asked, turn, phase)
    case "Live":
      return living.wake(asked, turn, phase)
    case "Waiting":
      return renting.wakeWaiting(asked, turn, phase)
    case "Ended":
      if (
        phase.forgetting || asked.pendingTerminations.length > 0 || turn.now.wall < phase.at + turn.config.retention
      ) {
        return asked
      }
      turn.commands.push({ _tag: "Forget" })
      return { ...asked, phase: { ...phase, forgetting: true } }
    default:
      return asked
  }
}

/** A task that is stored and still runs is found again at the next boot; nobody else would be left to care. */
const closing = (state: SessionState, turn: Step): SessionState =>
  state.spec.persist && state.report === null
    ? state
    : ending.stop(state, turn, "node_shutdown")

const react = (state: SessionState, turn: Step, event: SessionInput): SessionState => {
  switch (event._tag) {
    case "Observed":
      return observed(state, turn, event)
    case "Touched":
      return living.touched(state, turn)
    case "WokeUp":
      return wake(state, turn)
    case "Rented":
      return renting.rented(state, turn, event)
    case "Refused":
      return renting.refused(state, turn, event)
    case "Unanswered":
      return renting.unanswered(state, turn, event)
    case "Looked":
      return renting.looked(state, turn, event)
    case "LookFailed":
      return renting.lookFailed(state, turn, event)
    case "Missed":
      return living.missed(state, turn, event)
    case "Confirmed":
      return confirmed(state, turn, event)
    case "ConfirmFailed":
      return confirmFailed(state, turn, event)
    case "TerminateAnswered":
      return terminations.answered(state, turn, event)
    case "TerminateFailed":
      return terminations.terminateFailed(state, turn, event)
    case "StopRequested":
      return ending.stop(state, turn, event.by === "caller" ? "stopped" : "interrupted")
    case "Report":
      return living.reported(state, turn, event)
    case "Billed":
      return living.billed(state, turn, event)
    case "BillFailed":
      return living.billFailed(state, turn, event)
    case "Adopted":
      return adopt(state, turn)
    case "Closing":
      return closing(state, turn)
    // a session begins once
    case "Started":
      return state
  }
}

/** What follows from the new state at once: an end with nothing left is over, a replacement need not wait any longer. */
const settle = (state: SessionState, turn: Step): SessionState =>
  state.phase._tag === "Waiting" && state.phase.why === "respawn"
    ? renting.wakeWaiting(state, turn, state.phase)
    : ending.settle(state, turn)

/**
 * Decides what a session does about one event. `state` is null before `Started`; any other event is then ignored.
 *
 * **Details**
 *
 * An event that says nothing new gives the same state back. A late, foreign or repeated event never throws. The row is to be
 * committed, if {@link needsCommit} says so, before anything is published or started; every command ends in exactly one of
 * its results. The clocks may jump: see `Clock.advance`.
 *
 * @category deciding
 * @since 0.1.0
 */
export function decide(state: SessionState, event: SessionInput, read: Clock.Now, config: DecideConfig): Decision
export function decide(
  state: SessionState | null,
  event: SessionInput,
  read: Clock.Now,
  config: DecideConfig
): Decision<SessionState | null>
export function decide(
  state: SessionState | null,
  event: SessionInput,
  read: Clock.Now,
  config: DecideConfig
): Decision<SessionState | null> {
  const commands: Array<Command> = []
  const events: Array<SessionEvent> = []
  if (state === null) {
    if (event._tag !== "Started") return { state, commands, events }
    const now = Clock.restart({ wall: 0, mono: 0 }, read)
    return { state: renting.begin(event.spec, { now, config, commands, events }), commands, events }
  }
  const now = event._tag === "Adopted" ? Clock.restart(state.clock, read) : Clock.advance(state.clock, read)
  const turn: Step = { now, config, commands, events }
  const reacted = react(state, turn, event)
  const settled = reacted === state ? state : settle(reacted, turn)
  const isSilent = settled === state && !Clock.learns(state.clock, now)
  return { state: isSilent ? state : { ...settled, clock: now }, commands, events }
}
