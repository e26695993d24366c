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
  for (const pending of state.pendingTerminations) if (isSame(pending, machine)) return pending
  return undefined
}

const change = (state: SessionState, old: PendingTermination, changes: Partial<PendingTermination>): SessionState => ({
  ...state,
  pendingTerminations: state.pendingTerminations.map((pending) => pending === old ? { ...old, ...changes } : pending)
})

/** Puts a machine among those that must die, and asks for its end at once. */
export const add = (
  state: SessionState,
  step: Step,
  machine: Machine,
  facts: { readonly name: string | null; readonly settles: number; readonly why: TerminationCause }
): SessionState => {
  if (find(state, machine) !== undefined) return state
  const { computeId, provider } = machine
  const { name, settles, why } = facts
  step.commands.push({ _tag: "Terminate", provider, computeId })
  return {
    ...state,
    pendingTerminations: [...state.pendingTerminations, {
      computeId,
      provider,
      name,
      why,
      since: step.now.wall,
      settles,
      tries: 1,
      step: "terminating",
      at: null,
      fault: null
    }]
  }
}

/** A machine that bears the name of one of our rents and that nobody counts on. */
export const addOrphan = (
  state: SessionState,
  step: Step,
  seen: Observation,
  attempt: Attempt,
  why: TerminationCause
): SessionState => {
  const { mono, wall } = step.now
  const { createdAt, status } = seen
  // of one that has started, some clouds say only when it last did so, and it has been paid for since its create
  const born = status === "provisioning" ? createdAt : Math.min(createdAt ?? attempt.sentAt, attempt.sentAt)
  // one that was verified gone was paid for until then
  const began = state.terminatedIds.includes(seen.computeId) ? wall : born ?? attempt.sentAt
  const meter = Meter.open(state.meter, seen, seen.costPerHour, Math.min(began, wall))
  step.events.push({ _tag: "OrphanFound", computeId: seen.computeId })
  return add({ ...state, meter }, step, seen, { name: seen.name, settles: mono + settleWindow(step, seen), why })
}

/** Gone for sure: nothing bills any more. */
export const markTerminated = (state: SessionState, step: Step, machine: Machine): SessionState => ({
  ...state,
  meter: Meter.close(state.meter, machine, step.now.wall),
  terminatedIds: [...state.terminatedIds, machine.computeId].slice(-longestMemory),
  pendingTerminations: state.pendingTerminations.filter((pending) => !isSame(pending, machine))
})

/** How long a machine of this provider may be missing from its answers. */
export const settleWindow = (step: Step, { provider }: Machine): number => timingsOf(step.config, provider).settleWindow

/** Not gone yet: again later, and said aloud when it takes long. */
const again = (state: SessionState, step: Step, old: PendingTermination, fault: Fault | null): SessionState => {
  if (old.tries % stuckEvery === 0) {
    step.events.push({ _tag: "TerminateStuck", computeId: old.computeId, tries: old.tries, fault })
  }
  const at = step.now.mono + pauseAfter(old.tries, old.computeId)
  return change(state, old, { step: "due", at, fault })
}

export const answered = (state: SessionState, step: Step, machine: Machine): SessionState => {
  const old = find(state, machine)
  if (old === undefined || old.step !== "terminating") return state
  const at = step.now.mono + timingsOf(step.config, old.provider).terminateLag
  return change(state, old, { step: "accepted", at, fault: null })
}

export const terminateFailed = (state: SessionState, step: Step, event: InputOf<"TerminateFailed">): SessionState => {
  const old = find(state, event)
  if (old === undefined || old.step !== "terminating") return state
  // the provider knows it no longer; a look says whether that is true
  if (event.fault.reason === "NotFound") return answered(state, step, event)
  step.events.push({ _tag: "TerminateFailed", computeId: old.computeId, fault: event.fault })
  return again(state, step, old, event.fault)
}

/** What a look at a dying machine told; null is "not found". */
export const looked = (
  state: SessionState,
  step: Step,
  old: PendingTermination,
  seen: Observation | null,
  asked = step.now.mono
): SessionState => {
  if (seen === null) {
    // an answer is about the moment of its question
    if (old.settles <= asked) return markTerminated(state, step, old)
    return old.step === "confirming" ? change(state, old, { step: "accepted", at: old.settles }) : state
  }
  if (seen.status === "terminated") return markTerminated(state, step, old)
  const priced = repriced(state, step, seen)
  return old.step === "confirming" ? again(priced, step, old, null) : priced
}

export const lookFailed = (state: SessionState, step: Step, old: PendingTermination, fault: Fault): SessionState =>
  old.step === "confirming" ? again(state, step, old, fault) : state

/** A price that was seen, of whatever machine we count. */
export const repriced = (state: SessionState, step: Step, seen: Observation): SessionState => {
  const meter = Meter.reprice(state.meter, seen, seen.costPerHour, step.now.wall)
  return meter === state.meter ? state : { ...state, meter }
}

/** Asks for everything that is due by now. */
export const wake = (state: SessionState, step: Step): SessionState => {
  const isDue = ({ at }: PendingTermination): boolean => at !== null && at <= step.now.mono
  if (!state.pendingTerminations.some(isDue)) return state
  return {
    ...state,
    pendingTerminations: state.pendingTerminations.map((pending) => {
      if (!isDue(pending)) return pending
      const { computeId, provider } = pending
      if (pending.step === "accepted") {
        step.commands.push({ _tag: "Confirm", provider, computeId })
        return { ...pending, step: "confirming", at: null }
      }
      step.commands.push({ _tag: "Terminate", provider, computeId })
      return { ...pending, step: "terminating", tries: pending.tries + 1, at: null }
    })
  }
}

/** After a restart the window is measured on the wall clock, from a moment when the machine was there already. */
export const settlesAgain = (step: Step, machine: Machine, from: number): number =>
  step.now.mono + Math.max(0, Math.min(settleWindow(step, machine), from + settleWindow(step, machine) - step.now.wall))

/** After a restart nothing is on its way any more: everything is due. */
export const adopt = (state: SessionState, step: Step): SessionState =>
  state.pendingTerminations.length === 0 ? state : wake({
    ...state,
    pendingTerminations: state.pendingTerminations.map((pending) => ({
      ...pending,
      step: "due",
      at: step.now.mono,
      settles: settlesAgain(step, pending, pending.since)
    }))
  }, step)
