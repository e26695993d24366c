/** The one way a machine ends: terminate, again with back-off, until its absence is verified. */
import { timingsOf } from "../Config.ts"
import type { InputOf } from "../Event.ts"
import type { Fault } from "../Fault.ts"
import * as Meter from "../Meter.ts"
import type { Observation } from "../Observation.ts"
import type { Attempt, PendingTermination, TerminationCause } from "../Phase.ts"
import type { SessionState } from "../State.ts"
import { isSame, type Machine, pauseAfter, type Step } from "./step.ts"

/** More than any session has; a bound for the row. */
const longestMemory = 64

/** Every so many failures somebody should look. */
const stuckEvery = 5

export const find = (state: SessionState, machine: Machine): PendingTermination | undefined => {
  for (const residual of state.pendingTerminations) if (isSame(residual, machine)) return residual
  return undefined
}

const change = (state: SessionState, old: PendingTermination, changes: Partial<PendingTermination>): SessionState => ({
  ...state,
  pendingTerminations: state.pendingTerminations.map((residual) => residual === old ? { ...old, ...changes } : residual)
})

/** Puts a machine among those that must die, and asks for its end at once. */
export const add = (
  state: SessionState,
  turn: Step,
  machine: Machine,
  facts: { readonly name: string | null; readonly settles: number; readonly why: TerminationCause }
): SessionState => {
  if (find(state, machine) !== undefined) return state
  const { computeId, provider } = machine
  const { name, settles, why } = facts
  turn.commands.push({ _tag: "Terminate", provider, computeId })
  return {
    ...state,
    pendingTerminations: [...state.pendingTerminations, {
      computeId,
      provider,
      name,
      why,
      since: turn.now.wall,
      settles,
      tries: 1,
      step: "terminating",
      at: null,
      fault: null
    }]
  }
}

/** A machine that bears the name of one of our rents and that nobody counts on. */
export const addStray = (
  state: SessionState,
  turn: Step,
  seen: Observation,
  attempt: Attempt,
  why: TerminationCause
): SessionState => {
  const { mono, wall } = turn.now
  const { createdAt, status } = seen
  // of one that has started, some clouds say only when it last did so, and it has been paid for since its create
  const born = status === "provisioning" ? createdAt : Math.min(createdAt ?? attempt.sentAt, attempt.sentAt)
  // one that was verified gone was paid for until then
  const began = state.terminatedIds.includes(seen.computeId) ? wall : born ?? attempt.sentAt
  const meter = Meter.open(state.meter, seen, seen.costPerHour, Math.min(began, wall))
  turn.events.push({ _tag: "StrayFound", computeId: seen.computeId })
  return add({ ...state, meter }, turn, seen, { name: seen.name, settles: mono + settleWindow(turn, seen), why })
}

/** Gone for sure: nothing bills any more. */
export const bury = (state: SessionState, turn: Step, machine: Machine): SessionState => ({
  ...state,
  meter: Meter.close(state.meter, machine, turn.now.wall),
  terminatedIds: [...state.terminatedIds, machine.computeId].slice(-longestMemory),
  pendingTerminations: state.pendingTerminations.filter((residual) => !isSame(residual, machine))
})

/** How long a machine of this provider may be missing from its answers. */
export const settleWindow = (turn: Step, { provider }: Machine): number => timingsOf(turn.config, provider).settleWindow

/** Not gone yet: again later, and said aloud when it takes long. */
const again = (state: SessionState, turn: Step, old: PendingTermination, fault: Fault | null): SessionState => {
  if (old.tries % stuckEvery === 0) {
    turn.events.push({ _tag: "TerminateStuck", computeId: old.computeId, tries: old.tries, fault })
  }
  const at = turn.now.mono + pauseAfter(old.tries, old.computeId)
  return change(state, old, { step: "due", at, fault })
}

export const answered = (state: SessionState, turn: Step, machine: Machine): SessionState => {
  const old = find(state, machine)
  if (old === undefined || old.step !== "terminating") return state
  const at = turn.now.mono + timingsOf(turn.config, old.provider).terminateLag
  return change(state, old, { step: "accepted", at, fault: null })
}

export const terminateFailed = (state: SessionState, turn: Step, event: InputOf<"TerminateFailed">): SessionState => {
  const old = find(state, event)
  if (old === undefined || old.step !== "terminating") return state
  // the provider knows it no longer; a look says whether that is true
  if (event.fault.reason === "NotFound") return answered(state, turn, event)
  turn.events.push({ _tag: "TerminateFailed", computeId: old.computeId, fault: event.fault })
  return again(state, turn, old, event.fault)
}

/** What a look at a dying machine told; null is "not found". */
export const looked = (
  state: SessionState,
  turn: Step,
  old: PendingTermination,
  seen: Observation | null,
  asked = turn.now.mono
): SessionState => {
  if (seen === null) {
    // an answer is about the moment of its question
    if (old.settles <= asked) return bury(state, turn, old)
    return old.step === "confirming" ? change(state, old, { step: "accepted", at: old.settles }) : state
  }
  if (seen.status === "terminated") return bury(state, turn, old)
  const priced = repriced(state, turn, seen)
  return old.step === "confirming" ? again(priced, turn, old, null) : priced
}

export const lookFailed = (state: SessionState, turn: Step, old: PendingTermination, fault: Fault): SessionState =>
  old.step === "confirming" ? again(state, turn, old, fault) : state

/** A price that was seen, of whatever machine we count. */
export const repriced = (state: SessionState, turn: Step, seen: Observation): SessionState => {
  const meter = Meter.reprice(state.meter, seen, seen.costPerHour, turn.now.wall)
  return meter === state.meter ? state : { ...state, meter }
}

/** Asks for everything that is due by now. */
export const wake = (state: SessionState, turn: Step): SessionState => {
  const isDue = ({ at }: PendingTermination): boolean => at !== null && at <= turn.now.mono
  if (!state.pendingTerminations.some(isDue)) return state
  return {
    ...state,
    pendingTerminations: state.pendingTerminations.map((residual) => {
      if (!isDue(residual)) return residual
      const { computeId, provider } = residual
      if (residual.step === "accepted") {
        turn.commands.push({ _tag: "Confirm", provider, computeId })
        return { ...residual, step: "confirming", at: null }
      }
      turn.commands.push({ _tag: "Terminate", provider, computeId })
      return { ...residual, step: "terminating", tries: residual.tries + 1, at: null }
    })
  }
}

/** After a restart the window is measured on the wall clock, from a moment when the machine was there already. */
export const settlesAgain = (turn: Step, machine: Machine, from: number): number =>
  turn.now.mono + Math.max(0, Math.min(settleWindow(turn, machine), from + settleWindow(turn, machine) - turn.now.wall))

/** After a restart nothing is on its way any more: everything is due. */
export const adopt = (state: SessionState, turn: Step): SessionState =>
  state.pendingTerminations.length === 0 ? state : wake({
    ...state,
    pendingTerminations: state.pendingTerminations.map((residual) => ({
      ...residual,
      step: "due",
      at: turn.now.mono,
      settles: settlesAgain(turn, residual, residual.since)
    }))
  }, turn)
