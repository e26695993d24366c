/** The current machine: its status, its death, its finish report, its touches and its bill. */
import { Usd } from "../../../domain/Money.ts"
import { instant } from "../Clock.ts"
import type { InputOf } from "../Event.ts"
import { type Fault, make as makeFault } from "../Fault.ts"
import { activityOf } from "../Limits.ts"
import * as Meter from "../Meter.ts"
import { type Observation, statusOf } from "../Observation.ts"
import type { DeathCause, PhaseOf } from "../Phase.ts"
import type { SessionState } from "../State.ts"
import { integerOrNull, usdOrNull } from "./bounds.ts"
import { end, stop } from "./ending.ts"
import { lossOf, mayRespawn, replace, withoutMachine } from "./replacing.ts"
import { isSame, type Machine, pauseAfter, type Step, withTimers } from "./step.ts"
import * as terminations from "./terminations.ts"

/** A touch is stored at most this often. */
const touchEvery = 60_000

/** An observation of the current machine; the same state when it says nothing new. */
export const observed = (state: SessionState, step: Step, seen: Observation): SessionState => {
  const { phase } = state
  if (phase._tag !== "Live") return state
  const priced = terminations.repriced(state, step, seen)
  switch (seen.status) {
    case "provisioning":
    case "running":
      return alive(priced, step, phase, seen)
    case "failed":
      return dead(priced, step, phase, seen)
    case "stopped":
    case "terminated":
      return check(priced, step, phase)
  }
}

const alive = (state: SessionState, step: Step, phase: PhaseOf<"Live">, seen: Observation): SessionState => {
  // a check that is only scheduled is not needed any more; one that is on its way is left
  const known = state.timers.check === null || state.timers.check.at === null
    ? state
    : withTimers(state, { check: null })
  const status = statusOf(seen)
  const { unmapped: before = [], ...others } = phase
  const { unmapped = [] } = seen
  if (status === phase.status && unmapped.join() === before.join()) return known
  if (status !== phase.status) step.events.push({ _tag: "Status", computeId: phase.computeId, status })
  return {
    ...known,
    phase: {
      ...others,
      status,
      ready: phase.ready || status === "running",
      ...(unmapped.length === 0 ? {} : { unmapped })
    }
  }
}

/** Asks for one `get`, because only that proves that a machine is dead; a check that is scheduled already stays so. */
const check = (state: SessionState, step: Step, phase: PhaseOf<"Live">): SessionState =>
  state.timers.check === null ? askNow(state, step, phase, 0) : state

const askNow = (
  state: SessionState,
  step: Step,
  { computeId, provider }: PhaseOf<"Live">,
  tries: number
): SessionState => {
  step.commands.push({ _tag: "Confirm", provider, computeId })
  return withTimers(state, { check: { at: null, tries } })
}

/** A complete listing did not have the current machine. */
export const missed = (state: SessionState, step: Step, machine: Machine): SessionState => {
  const { phase } = state
  if (phase._tag !== "Live" || !isSame(phase, machine)) return state
  return phase.settles > step.now.mono ? state : check(state, step, phase)
}

/** The answer of a `get` of the current machine; null is "not found". */
export const confirmed = (
  state: SessionState,
  step: Step,
  phase: PhaseOf<"Live">,
  seen: Observation | null,
  asked = step.now.mono
): SessionState => {
  if (seen === null) {
    return phase.settles > asked
      ? withTimers(state, { check: { at: phase.settles, tries: 0 } })
      : dead(state, step, phase, null)
  }
  const answered = state.timers.check === null ? state : withTimers(state, { check: null })
  const isDead = seen.status === "stopped" || seen.status === "terminated" || seen.status === "failed"
  return isDead
    ? dead(terminations.repriced(answered, step, seen), step, phase, seen)
    : observed(answered, step, seen)
}

/** A failed `get` never counts as a death. */
export const confirmFailed = (
  state: SessionState,
  step: Step,
  phase: PhaseOf<"Live">,
  fault: Fault
): SessionState => {
  if (fault.reason === "NotFound") return confirmed(state, step, phase, null)
  step.events.push({ _tag: "PollFailed", computeId: phase.computeId, fault })
  const tries = (state.timers.check?.tries ?? 0) + 1
  return withTimers(state, { check: { at: step.now.mono + pauseAfter(tries, phase.computeId), tries } })
}

/** Why the machine is dead. A crash is never a preemption: the same image would crash on the next machine as well. */
const causeOf = (seen: Observation | null, isSpot: boolean): DeathCause => {
  if (seen?.status === "failed") return "failed"
  if (isSpot) return "preempted"
  return seen === null ? "vanished" : seen.status === "stopped" ? "stopped" : "terminated"
}

/** The current machine is dead; `seen` is null when the provider does not know it any more. */
const dead = (state: SessionState, step: Step, phase: PhaseOf<"Live">, seen: Observation | null): SessionState => {
  const { computeId, provider } = phase
  const { exitCode = null, status } = seen ?? {}
  // a command that ended by itself was not preempted, and its exit code counts like a report
  const ended = exitCode === null || status === "stopped" || state.report !== null
    ? state
    : reportedAs(state, step, phase, exitCode)
  const cause = causeOf(seen, state.spec.request.spot && ended.report === null)
  step.events.push({ _tag: "Status", computeId, status: cause })
  // it is no longer the current machine, whether the session ends or rents again
  const bare = withoutMachine(ended, step, phase)
  const isGone = seen === null || status === "terminated"
  const left = isGone
    ? terminations.markTerminated(bare, step, { provider, computeId })
    : terminations.add(bare, step, phase, { name: phase.attempt.name, settles: phase.settles, why: "dead" })
  if (ended.report !== null) return end(left, step, { reason: "finished", cause })
  const loss = lossOf(ended, phase, cause, seen)
  return loss === "lost" && mayRespawn(left)
    ? replace(left, step)
    : end(left, step, { reason: "died", cause, loss })
}

/** The current machine was not ready in time: it is ended, and replaced where the policy says so. */
export const neverReady = (state: SessionState, step: Step): SessionState => {
  const { phase } = state
  const reason = "never_ready"
  if (phase._tag !== "Live") return stop(state, step, reason)
  if (!mayRespawn(state)) {
    const { provider, unmapped = [] } = phase
    if (unmapped.length === 0) return end(state, step, { reason })
    const message = `it runs, but ${unmapped.join(" and ")} got no address in time`
    return end(state, step, { reason, fault: makeFault("Timeout", message, provider) })
  }
  return replace(
    terminations.add(withoutMachine(state, step, phase), step, phase, {
      name: phase.attempt.name,
      settles: phase.settles,
      why: "dead"
    }),
    step
  )
}

/** The caller uses the compute. A task is not kept alive by touching it. */
export const touched = (state: SessionState, step: Step): SessionState => {
  const { phase, spec } = state
  if (spec.mode === "task" || phase._tag === "Ending" || phase._tag === "Ended") return state
  const now = activityOf(step.now)
  const { wall } = step.now
  const touchedAt = wall - state.touchedAt >= touchEvery ? wall : state.touchedAt
  return now === state.touched && touchedAt === state.touchedAt ? state : { ...state, touched: now, touchedAt }
}

const reportedAs = (
  state: SessionState,
  step: Step,
  { attempt }: Pick<PhaseOf<"Live">, "attempt">,
  exitCode: number
): SessionState => {
  step.events.push({ _tag: "TaskReport", exitCode })
  return { ...state, report: { attempt: attempt.id, exitCode, at: step.now.wall } }
}

/** The container reported how its command ended. Only the first report of the current attempt counts. */
export const reported = (state: SessionState, step: Step, input: InputOf<"Report">): SessionState => {
  const { phase } = state
  const { attempt } = input
  // what is no exit code is no success
  const exitCode = integerOrNull(input.exitCode) ?? 1
  if (phase._tag === "Ending" || phase._tag === "Ended") return state
  const current = phase._tag === "Waiting" ? null : phase.attempt
  if (current !== null && current.id === input.attempt) {
    if (state.report !== null) return state
    const known = reportedAs(state, step, { attempt: current }, exitCode)
    // every second that the wrapper waits is paid for
    return input.isLast === true && phase._tag === "Live" ? end(known, step, { reason: "finished" }) : known
  }
  step.events.push({ _tag: "StaleReport", attempt, exitCode })
  return state
}

const nextBill = (state: SessionState, step: Step): SessionState => {
  const { reconcileSpend } = state.spec.policy
  return withTimers(state, { bill: reconcileSpend === null ? null : { at: step.now.mono + reconcileSpend, tries: 0 } })
}

/** The bill of the current machine, or of the last one while the session ends; that of an earlier machine is ignored. */
export const billed = (state: SessionState, step: Step, input: InputOf<"Billed">): SessionState => {
  const { phase } = state
  const isLast = phase._tag === "Ending" && state.last === input.computeId &&
    terminations.find(state, input) !== undefined
  if (!isLast && (phase._tag !== "Live" || !isSame(phase, input))) return state
  const billedUsd = usdOrNull(input.usd)
  if (billedUsd === null) {
    const fault = makeFault("ProviderFault", "the bill is not an amount of US dollars", input.provider)
    return isLast ? state : billFailed(state, step, { ...input, _tag: "BillFailed", fault })
  }
  const { wall } = step.now
  const estimatedUsd = Meter.spentOn(state.meter, input, wall)
  const meter = Meter.raise(state.meter, input, billedUsd, wall)
  step.events.push({
    _tag: "SpendReconciled",
    estimatedUsd: Usd.make(estimatedUsd),
    billedUsd: Usd.make(billedUsd),
    spentUsd: Usd.make(Meter.spent(meter, wall))
  })
  const known = meter === state.meter ? state : { ...state, meter }
  return isLast ? known : nextBill(known, step)
}

export const billFailed = (state: SessionState, step: Step, input: InputOf<"BillFailed">): SessionState => {
  const { phase } = state
  if (phase._tag !== "Live" || !isSame(phase, input)) return state
  if (input.fault.reason === "Unsupported") return withTimers(state, { bill: null })
  step.events.push({ _tag: "SpendReconcileFailed", fault: input.fault })
  return nextBill(state, step)
}

/** Does what is due for the current machine. */
export const wake = (state: SessionState, step: Step, phase: PhaseOf<"Live">): SessionState => {
  const isDue = (at: number | null | undefined): boolean => at !== null && at !== undefined && at <= step.now.mono
  const { computeId, provider } = phase
  const { heartbeat } = state.spec.policy
  let next = state
  if (isDue(state.timers.check?.at)) next = askNow(next, step, phase, state.timers.check?.tries ?? 0)
  if (isDue(state.timers.bill?.at)) {
    step.commands.push({ _tag: "Reconcile", provider, computeId })
    next = withTimers(next, { bill: { at: null, tries: 0 } })
  }
  if (isDue(state.timers.beat)) {
    step.events.push({ _tag: "Heartbeat", at: instant(step.now.wall) })
    next = withTimers(next, { beat: heartbeat === null ? null : step.now.mono + heartbeat })
  }
  return next
}

/**
 * Adopts the current machine without a request of its own: the next listing reports it, so thousands are adopted with a few
 * requests, and a listing without it leads to a `get`.
 */
export const adopt = (state: SessionState, step: Step, phase: PhaseOf<"Live">): SessionState => {
  const { mono } = step.now
  const { heartbeat, reconcileSpend } = state.spec.policy
  return {
    ...state,
    phase: { ...phase, readyArmed: false },
    timers: {
      look: null,
      check: null,
      bill: reconcileSpend === null ? null : { at: mono + reconcileSpend, tries: 0 },
      beat: heartbeat === null || state.spec.mode === "task" ? null : mono + heartbeat
    }
  }
}
