/** Pending terminations, the one way a machine ends: terminate, again with back-off, until its absence is verified. */
import { factsOf } from "../Config.ts"
import type { InputOf } from "../Event.ts"
import type { Fault } from "../Fault.ts"
import * as Meter from "../Meter.ts"
import type { Observation } from "../Observation.ts"
import type { Attempt, PendingTermination, TerminationCause } from "../Phase.ts"
import { isTerminated, type SessionState } from "../State.ts"
import { isSame, type Machine, pauseAfter, type Step } from "./step.ts"

/** More than any session terminates; it bounds the size of the row. */
const mostTerminatedIds = 64

/** A provider's clock is not further behind ours than this; a machine cannot be older than its create. */
const mostSkew = 86_400_000

/** After every so many tries an operator is told. */
const stuckEvery = 5

export const find = (state: SessionState, machine: Machine): PendingTermination | undefined => {
  for (const pending of state.pendingTerminations) if (isSame(pending, machine)) return pending
  return undefined
}

const change = (state: SessionState, old: PendingTermination, changes: Partial<PendingTermination>): SessionState => ({
  ...state,
  pendingTerminations: state.pendingTerminations.map((pending) => pending === old ? { ...old, ...changes } : pending)
})

/** Adds a machine to the pending terminations and asks for the first terminate. */
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

/** Terminates a machine that has the name of one of the attempts and is not the current one: a duplicate or an orphan. */
export const addOrphan = (
  state: SessionState,
  step: Step,
  seen: Observation,
  attempt: Attempt,
  why: TerminationCause
): SessionState => {
  const { mono, wall } = step.now
  const { createdAt, status } = seen
  // of a machine that has started, some clouds tell only when it last started; it is paid for since its create
  const told = createdAt === null ? attempt.sentAt : Math.max(createdAt, attempt.sentAt - mostSkew)
  const madeAt = status === "provisioning" ? told : Math.min(told, attempt.sentAt)
  // the cost of a machine that was verified gone is counted until then already
  const since = isTerminated(state, seen) ? wall : madeAt
  const meter = Meter.open(state.meter, seen, seen.costPerHour, Math.min(since, wall))
  step.events.push({ _tag: "OrphanFound", computeId: seen.computeId })
  return add({ ...state, meter }, step, seen, { name: seen.name, settles: mono + settleWindow(step, seen), why })
}

/** The machine is verified gone, so it is not counted any more. */
export const markTerminated = (state: SessionState, step: Step, machine: Machine): SessionState => ({
  ...state,
  meter: Meter.close(state.meter, machine, step.now.wall),
  terminatedIds: [...state.terminatedIds, { provider: machine.provider, computeId: machine.computeId }].slice(
    -mostTerminatedIds
  ),
  pendingTerminations: state.pendingTerminations.filter((pending) => !isSame(pending, machine))
})

/** How long a machine of this provider may be missing from its answers. */
export const settleWindow = (step: Step, { provider }: Machine): number => factsOf(step.config, provider).settleWindow

/** The machine is not gone yet: it is terminated again later, and an event tells when that takes long. */
const again = (state: SessionState, step: Step, old: PendingTermination, fault: Fault | null): SessionState => {
  if (old.tries % stuckEvery === 0) {
    step.events.push({ _tag: "TerminateStuck", computeId: old.computeId, tries: old.tries, fault })
  }
  const at = step.now.mono + pauseAfter(old.tries, old.computeId)
  return change(state, old, { step: "due", at, fault })
}

/** Looks at once: most clouds have ended the machine when they accept that, and a later look is made for the others. */
export const answered = (state: SessionState, step: Step, machine: Machine): SessionState => {
  const old = find(state, machine)
  if (old === undefined || old.step !== "terminating") return state
  step.commands.push({ _tag: "Confirm", provider: old.provider, computeId: old.computeId })
  return change(state, old, { step: "confirming", at: null, fault: null })
}

export const terminateFailed = (state: SessionState, step: Step, input: InputOf<"TerminateFailed">): SessionState => {
  const old = find(state, input)
  if (old === undefined || old.step !== "terminating") return state
  // the provider does not know it any more; a `get` confirms that
  if (input.fault.reason === "NotFound") return answered(state, step, input)
  step.events.push({ _tag: "TerminateFailed", computeId: old.computeId, fault: input.fault })
  return again(state, step, old, input.fault)
}

/** The answer of a `get` of a machine that is being terminated; null is "not found". */
export const looked = (
  state: SessionState,
  step: Step,
  old: PendingTermination,
  seen: Observation | null,
  asked = step.now.mono
): SessionState => {
  if (seen === null) {
    // an answer is true of the time when its request was sent
    if (old.settles <= asked) return markTerminated(state, step, old)
    return old.step === "confirming" ? change(state, old, { step: "accepted", at: old.settles }) : state
  }
  if (seen.status === "terminated") return markTerminated(state, step, old)
  const priced = repriced(state, step, seen)
  return old.step === "confirming" ? again(priced, step, old, null) : priced
}

export const lookFailed = (state: SessionState, step: Step, old: PendingTermination, fault: Fault): SessionState =>
  old.step === "confirming" ? again(state, step, old, fault) : state

/** The price in an observation, of any machine that is counted. */
export const repriced = (state: SessionState, step: Step, seen: Observation): SessionState => {
  const meter = Meter.reprice(state.meter, seen, seen.costPerHour, step.now.wall)
  return meter === state.meter ? state : { ...state, meter }
}

/** Asks for every terminate and every `get` that is due. */
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

/** After a restart the settle window is measured on the wall clock, from a time when the machine was known already. */
export const settlesAgain = (step: Step, machine: Machine, from: number): number =>
  step.now.mono + Math.max(0, Math.min(settleWindow(step, machine), from + settleWindow(step, machine) - step.now.wall))

/** After a restart no request is on its way any more: every termination is due. */
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
