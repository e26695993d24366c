/** From a rent that is asked for to a machine that is ours, a refusal, or a lost answer that is looked for. */
import { isSameAnywhere } from "../../../domain/Refusal.ts"
import { render, slugify } from "../../../provider/NameStamp.ts"
import { timingsOf } from "../Config.ts"
import type { InputOf } from "../Event.ts"
import { type Fault, make as makeFault } from "../Fault.ts"
import { attemptId } from "../Ids.ts"
import { activityOf } from "../Limits.ts"
import * as Meter from "../Meter.ts"
import type { Observation } from "../Observation.ts"
import type { Attempt, EndReason, PhaseOf } from "../Phase.ts"
import { schemaVersion, type SessionSpec, type SessionState } from "../State.ts"
import { end } from "./ending.ts"
import * as living from "./living.ts"
import { isSame, noTimers, pauseAfter, type Step, withTimers } from "./step.ts"
import * as terminations from "./terminations.ts"

/** A candidate that is always asked too fast is given up, or the row would grow for ever. */
const mostLimited = 10

interface Where {
  readonly candidate: number
  readonly lost: number
  readonly limited: number
}

/** The nth rent of a session, under a name that no other one has. */
const attemptOf = (
  { createdAt, spec }: Pick<SessionState, "createdAt" | "spec">,
  number: number,
  candidate: number,
  sentAt: number
): Attempt => {
  const { id: session, owner, request } = spec
  const id = attemptId({ owner, id: session, createdAt }, number)
  return { id, candidate, name: render({ owner, slug: slugify(request.name ?? ""), attempt: id }), sentAt }
}

/** Asks for one rent. */
const rent = (state: SessionState, step: Step, { candidate, limited, lost }: Where): SessionState => {
  const place = state.spec.candidates[candidate]
  if (place === undefined) return refuse(state, step, makeFault("NoCapacity", "no candidate is left"))
  const attempt = attemptOf(state, state.attempts.length + 1, candidate, step.now.wall)
  step.commands.push({ _tag: "Rent", attempt, candidate: place })
  return {
    ...state,
    phase: { _tag: "Renting", attempt, lost, limited, stopping: null },
    attempts: [...state.attempts, attempt],
    timers: noTimers
  }
}

/** The first state of a session. */
export const begin = (spec: SessionSpec, step: Step): SessionState => {
  const { wall } = step.now
  const attempt = attemptOf({ spec, createdAt: wall }, 1, 0, wall)
  step.commands.push({ _tag: "Rent", attempt, candidate: spec.candidates[0] })
  return {
    schemaVersion,
    version: 0,
    spec,
    createdAt: wall,
    phase: { _tag: "Renting", attempt, lost: 0, limited: 0, stopping: null },
    pendingTerminations: [],
    meter: Meter.zero,
    attempts: [attempt],
    refusals: [],
    respawns: 0,
    report: null,
    last: null,
    terminatedIds: [],
    touched: activityOf(step.now),
    touchedAt: wall,
    timers: noTimers,
    clock: step.now
  }
}

/** No rent is to be had. */
const refuse = (state: SessionState, step: Step, fault: Fault): SessionState => {
  if (state.respawns > 0) step.events.push({ _tag: "RespawnFailed", fault })
  return end(state, step, { reason: "refused", fault })
}

const next = (state: SessionState, step: Step, candidate: number, fault: Fault): SessionState =>
  candidate + 1 < state.spec.candidates.length
    ? rent(state, step, { candidate: candidate + 1, lost: 0, limited: 0 })
    : refuse(state, step, fault)

export const refused = (state: SessionState, step: Step, event: InputOf<"Refused">): SessionState => {
  const { phase } = state
  if (phase._tag !== "Renting" || phase.attempt.id !== event.attempt) return state
  const { fault } = event
  const { attempt: { candidate }, limited, lost, stopping } = phase
  const place = state.spec.candidates[candidate]
  if (place !== undefined) {
    step.events.push({ _tag: "Refused", attempt: event.attempt, candidate: place, fault })
  }
  const known: SessionState = {
    ...state,
    refusals: [...state.refusals, { candidate, fault, at: step.now.wall }]
  }
  if (stopping !== null) return end(known, step, { reason: stopping, fault })
  if (isSameAnywhere(fault.reason)) return refuse(known, step, fault)
  if (fault.reason === "RateLimited" && limited < mostLimited) {
    const pause = Math.max(Math.ceil(fault.retryAfter ?? 0), pauseAfter(limited + 1, event.attempt))
    const until = step.now.mono + pause
    return { ...known, phase: { _tag: "Waiting", candidate, lost, limited: limited + 1, until, why: "rate_limited" } }
  }
  return next(known, step, candidate, fault)
}

/** Nobody knows whether the machine was made: from now on it is looked for by its name. */
const resolve = (
  state: SessionState,
  step: Step,
  phase: PhaseOf<"Renting">,
  facts: { readonly fault: Fault; readonly authHash: string | null; readonly stopping: EndReason | null }
): SessionState => {
  const place = state.spec.candidates[phase.attempt.candidate]
  if (place === undefined) return state
  step.commands.push({ _tag: "Resolve", attempt: phase.attempt, provider: place.provider })
  return {
    ...state,
    phase: {
      _tag: "Resolving",
      attempt: phase.attempt,
      lost: phase.lost,
      limited: phase.limited,
      stopping: facts.stopping,
      since: step.now.mono,
      // whoever is told of it can look as well
      cause: facts.fault.reason === "Uncertain" ? { computeName: phase.attempt.name, ...facts.fault } : facts.fault,
      authHash: facts.authHash
    },
    timers: { ...noTimers, look: { at: null, tries: 0 } }
  }
}

export const unanswered = (state: SessionState, step: Step, event: InputOf<"Unanswered">): SessionState => {
  const { phase } = state
  if (phase._tag !== "Renting" || phase.attempt.id !== event.attempt) return state
  const { authHash, fault, misnamed } = event
  const known = misnamed === undefined ? state : terminations.addOrphan(
    { ...state, last: misnamed.computeId },
    step,
    misnamed,
    phase.attempt,
    "orphan"
  )
  return resolve(known, step, phase, { fault, authHash, stopping: phase.stopping })
}

/** The rent is settled: a machine is ours, and is kept unless somebody wants it gone or its price cannot be capped. */
const settled = (
  state: SessionState,
  step: Step,
  phase: PhaseOf<"Renting" | "Resolving">,
  compute: Observation,
  authHash: string | null
): SessionState => {
  const { attempt, stopping } = phase
  const { mono, wall } = step.now
  const { computeId, provider } = compute
  const { policy } = state.spec
  const rate = Meter.isPrice(compute.costPerHour) ? compute.costPerHour : null
  const settles = mono + terminations.settleWindow(step, compute)
  const owned: SessionState = {
    ...state,
    last: computeId,
    meter: Meter.open(state.meter, compute, rate, Math.min(attempt.sentAt, wall))
  }
  const unwanted = stopping ?? (policy.maxCost !== null && rate === null ? "no_price" : null)
  if (unwanted !== null) {
    return terminations.add(end(owned, step, { reason: unwanted }), step, compute, {
      name: attempt.name,
      settles,
      why: "ending"
    })
  }
  if (state.respawns > 0) step.events.push({ _tag: "Respawned", computeId: state.last, newId: computeId })
  step.events.push({ _tag: "Status", computeId, status: compute.status })
  const after = (pause: number | null): number | null => pause === null ? null : mono + pause
  const isFirst = state.respawns === 0
  const bill = after(policy.reconcileSpend)
  const live: SessionState = {
    ...owned,
    phase: {
      _tag: "Live",
      attempt,
      computeId,
      provider,
      rentedAt: wall,
      settles,
      status: compute.status,
      ready: compute.status === "running",
      readyArmed: true,
      authHash
    },
    touched: isFirst ? activityOf(step.now) : state.touched,
    touchedAt: isFirst ? wall : state.touchedAt,
    timers: {
      look: null,
      check: null,
      bill: bill === null ? null : { at: bill, tries: 0 },
      beat: state.spec.mode === "interactive" ? after(policy.heartbeat) : null
    }
  }
  return living.observed(live, step, compute)
}

export const rented = (state: SessionState, step: Step, event: InputOf<"Rented">): SessionState => {
  const { phase } = state
  const { authHash, compute } = event
  if ((phase._tag === "Renting" || phase._tag === "Resolving") && phase.attempt.id === event.attempt) {
    if (compute.name === phase.attempt.name) return settled(state, step, phase, compute, authHash)
    // an answer about another machine is no answer
    const fault = makeFault("Uncertain", "the create was answered with another compute", compute.provider)
    return unanswered(state, step, { _tag: "Unanswered", attempt: event.attempt, fault, authHash })
  }
  return orphanSeen(state, step, compute)
}

/** A machine that bears one of our names, is not the current one and is not being ended yet. */
export const orphanSeen = (state: SessionState, step: Step, seen: Observation): SessionState => {
  const { phase } = state
  if (seen.name === null || seen.status === "terminated") return state
  const attempt = state.attempts.find(({ name }) => name === seen.name)
  if (attempt === undefined || terminations.find(state, seen) !== undefined) return state
  // a look that was on its way when the feed had found it already
  if (phase._tag === "Live" && isSame(phase, seen)) return state
  const isCurrent = (phase._tag === "Renting" || phase._tag === "Resolving" || phase._tag === "Live") &&
    phase.attempt.id === attempt.id
  if (isCurrent && phase._tag === "Resolving") return adoptFound(state, step, phase, [seen])
  // its create is still on its way and brings the answer
  if (isCurrent && phase._tag === "Renting") return state
  return terminations.addOrphan(state, step, seen, attempt, isCurrent ? "duplicate" : "orphan")
}

const isAlive = ({ status }: Observation): boolean => status === "provisioning" || status === "running"

/** Living ones first, then the oldest; the id decides between equals, so that every look decides alike. */
const byPreference = (one: Observation, other: Observation): number =>
  Number(isAlive(other)) - Number(isAlive(one)) ||
  (one.createdAt ?? Number.MAX_SAFE_INTEGER) - (other.createdAt ?? Number.MAX_SAFE_INTEGER) ||
  (one.computeId < other.computeId ? -1 : 1)

/** Keeps one of what a lost answer made; the others must die. */
const adoptFound = (
  state: SessionState,
  step: Step,
  phase: PhaseOf<"Resolving">,
  found: ReadonlyArray<Observation>
): SessionState => {
  const [kept, ...duplicates] = found.toSorted(byPreference)
  if (kept === undefined) return state
  const owned = settled(state, step, phase, kept, phase.authHash)
  return duplicates.reduce((state, duplicate) => orphanSeen(state, step, duplicate), owned)
}

export const looked = (state: SessionState, step: Step, event: InputOf<"Looked">): SessionState => {
  const { phase } = state
  const { at, attempt, complete, found } = event
  if (phase._tag !== "Resolving" || phase.attempt.id !== attempt) {
    return found.reduce((state, seen) => orphanSeen(state, step, seen), state)
  }
  const ours = found.filter(({ name }) => name === phase.attempt.name)
  if (ours.length > 0) return adoptFound(state, step, phase, ours)
  return complete && at >= proofAt(state, step, phase)
    ? nothingMade(state, step, phase)
    : lookAgain(state, step, phase, phase.cause)
}

/** From when on a complete listing without the name proves that nothing was made: after the settle window, twice. */
const proofAt = ({ spec }: SessionState, { config }: Step, { attempt, since }: PhaseOf<"Resolving">): number => {
  const place = spec.candidates[attempt.candidate]
  const { settleWindow } = place === undefined ? config.timings : timingsOf(config, place.provider)
  return since + 2 * settleWindow
}

/** The name was looked for long enough: this attempt is over and made nothing. */
const nothingMade = (state: SessionState, step: Step, phase: PhaseOf<"Resolving">): SessionState => {
  const { attempt: { candidate }, cause, limited, lost, stopping } = phase
  if (stopping !== null) return end(state, step, { reason: stopping, fault: cause })
  // the answer named a machine: not "nothing was made", so nothing more is
  if (cause.computeId !== undefined) return refuse(state, step, cause)
  return lost === 0
    ? rent(state, step, { candidate, lost: 1, limited })
    : next(state, step, candidate, cause)
}

const limits: ReadonlySet<EndReason> = new Set<EndReason>(["max_runtime", "cost_cap", "idle_timeout", "finished"])

/** A look that told nothing: it is repeated later, unless the session is past its limits. */
const lookAgain = (state: SessionState, step: Step, phase: PhaseOf<"Resolving">, fault: Fault): SessionState => {
  const { mono } = step.now
  const { stopping } = phase
  const proof = proofAt(state, step, phase)
  // past its limits it does not look for ever: the name stays watched, and what shows up under it is ended
  if (stopping !== null && limits.has(stopping) && mono >= proof) return end(state, step, { reason: stopping, fault })
  const tries = (state.timers.look?.tries ?? 0) + 1
  const later = mono + pauseAfter(tries, phase.attempt.id)
  // the first look that can prove an absence is not missed by a long pause
  return withTimers(state, { look: { at: mono < proof ? Math.min(later, proof) : later, tries } })
}

export const lookFailed = (state: SessionState, step: Step, event: InputOf<"LookFailed">): SessionState => {
  const { phase } = state
  if (phase._tag !== "Resolving" || phase.attempt.id !== event.attempt) return state
  return lookAgain(state, step, phase, event.fault)
}

/** Looks for a lost answer when it is due. */
export const wakeResolving = (state: SessionState, step: Step, phase: PhaseOf<"Resolving">): SessionState => {
  const { look } = state.timers
  const place = state.spec.candidates[phase.attempt.candidate]
  if (look === null || look.at === null || look.at > step.now.mono || place === undefined) return state
  step.commands.push({ _tag: "Resolve", attempt: phase.attempt, provider: place.provider })
  return withTimers(state, { look: { ...look, at: null } })
}

/** Rents again when the pause is over, or as soon as the old machine is gone. */
export const wakeWaiting = (state: SessionState, step: Step, phase: PhaseOf<"Waiting">): SessionState => {
  const isFree = phase.why === "respawn" && state.pendingTerminations.length === 0
  return isFree || phase.until <= step.now.mono ? rent(state, step, phase) : state
}

/** After a restart nobody knows whether the create was sent: it is looked for. */
export const adopt = (
  state: SessionState,
  step: Step,
  phase: PhaseOf<"Renting" | "Resolving">,
  stopping: EndReason | null
): SessionState => {
  const fault = phase._tag === "Resolving"
    ? phase.cause
    : makeFault("Uncertain", "the process that rented it ended before the answer came")
  const authHash = phase._tag === "Resolving" ? phase.authHash : null
  return resolve(state, step, { ...phase, _tag: "Renting" }, { fault, authHash, stopping: phase.stopping ?? stopping })
}
