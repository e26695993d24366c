/** How a session ends: its outcome is told first, then the reason, and it is over when no machine of it is left. */
import type { Fault } from "../Fault.ts"
import type { DeathCause, EndReason, Outcome } from "../Phase.ts"
import type { SessionState } from "../State.ts"
import { noTimers, pauseAfter, type Step, withTimers } from "./step.ts"
import * as terminations from "./terminations.ts"

interface End {
  readonly reason: EndReason
  readonly cause?: DeathCause
  /** What became of its machine; left out where it was not the machine that ended the session. */
  readonly loss?: "lost" | "ended"
  readonly fault?: Fault
}

const failed = (
  cause: Extract<Outcome, { readonly _tag: "Failed" }>["cause"],
  fault: Fault | null = null,
  exitCode: number | null = null
): Outcome => ({ _tag: "Failed", cause, exitCode, fault })

const outcomeOfTask = ({ report }: SessionState, { cause, loss, fault, reason }: End): Outcome => {
  if (report !== null) {
    return report.exitCode === 0 ? { _tag: "Completed", exitCode: 0 } : failed("exit_code", null, report.exitCode)
  }
  switch (reason) {
    case "max_runtime":
      return { _tag: "TimedOut" }
    case "never_ready":
    case "cost_cap":
    case "no_price":
    case "refused":
      return failed(reason, fault)
    case "died":
      return cause === undefined || (loss === "lost" && cause !== "failed" && cause !== "preempted")
        ? failed("lost")
        : failed(cause)
    default:
      return { _tag: "Closed", reason }
  }
}

const outcomeOfInteractive = ({ report }: SessionState, { cause, fault, reason }: End): Outcome => {
  switch (reason) {
    case "finished":
      return report === null || report.exitCode === 0
        ? { _tag: "Closed", reason }
        : failed("exit_code", null, report.exitCode)
    case "no_price":
    case "refused":
      return failed(reason, fault)
    case "never_ready":
      return fault === undefined ? { _tag: "Closed", reason } : failed(reason, fault)
    case "died":
      return failed(cause ?? "vanished")
    default:
      return { _tag: "Closed", reason }
  }
}

/** Begins the end: from here on only pending terminations are left, and the current machine becomes one. */
export const end = (state: SessionState, step: Step, how: End): SessionState => {
  const { phase, spec } = state
  const isTask = spec.mode === "task"
  const outcome = isTask ? outcomeOfTask(state, how) : outcomeOfInteractive(state, how)
  if (isTask) step.events.push({ _tag: "Task", outcome })
  step.events.push({ _tag: "Terminating", reason: how.reason, cause: how.cause ?? null })
  const ending: SessionState = {
    ...state,
    phase: { _tag: "Ending", reason: how.reason, outcome, since: step.now.wall },
    timers: noTimers
  }
  if (phase._tag !== "Live") return ending
  // asks for the bill once more while the machine is still counted; null where the provider has no billing
  if (state.timers.bill !== null && state.timers.bill.at !== null) {
    step.commands.push({ _tag: "Reconcile", provider: phase.provider, computeId: phase.computeId })
  }
  return terminations.add(ending, step, phase, { name: phase.attempt.name, settles: phase.settles, why: "ending" })
}

/** Ends the session. While a create is under way the reason is only noted, since its machine must be known first. */
export const stop = (state: SessionState, step: Step, reason: EndReason): SessionState => {
  const { phase } = state
  switch (phase._tag) {
    case "Renting":
    case "Resolving":
      if (phase.stopping !== null) return state
      return { ...state, phase: { ...phase, stopping: reason } }
    case "Live":
    case "Waiting":
      return end(state, step, { reason })
    case "Ending":
    case "Ended":
      return state
  }
}

/**
 * The session is over as soon as no machine is left that could bill. Where the answer of its create was lost, that takes one look
 * by name, since the cloud may have made a second machine that was not shown before.
 */
export const settle = (state: SessionState, step: Step): SessionState => {
  const { doubt, phase, timers } = state
  if (phase._tag !== "Ending" || state.pendingTerminations.length > 0) return state
  if (doubt !== undefined) {
    if (timers.look !== null) return state
    const waiting = withTimers(state, { look: { at: Math.max(doubt.at, step.now.mono), tries: 0 } })
    return wake(waiting, step)
  }
  const { outcome, reason } = phase
  step.events.push({ _tag: "Status", computeId: state.last, status: "terminated" }, { _tag: "Ended", reason, outcome })
  return { ...state, phase: { _tag: "Ended", reason, outcome, at: step.now.wall, forgetting: false } }
}

/** Looks whether there is another machine of a lost create, when that is due. */
export const wake = (state: SessionState, step: Step): SessionState => {
  const { doubt, timers: { look } } = state
  if (doubt === undefined || look === null || look.at === null || look.at > step.now.mono) return state
  step.commands.push({ _tag: "Resolve", attempt: doubt.attempt, provider: doubt.provider })
  return withTimers(state, { look: { ...look, at: null } })
}

/** A look by the name of the create in doubt; `isProof` when there is no other machine than those it found. */
export const looked = (state: SessionState, step: Step, isProof: boolean): SessionState => {
  const { doubt, timers: { look }, ...others } = state
  if (doubt === undefined || look === null) return state
  if (isProof) return { ...others, timers: { ...state.timers, look: null } }
  const tries = look.tries + 1
  return withTimers(state, { look: { at: step.now.mono + pauseAfter(tries, doubt.attempt.id), tries } })
}
