/** Renting: from a create that is asked for to a machine, a refusal, or a lost answer whose machine is looked for. */
import * as Duration from "effect/Duration"
import { isSameAnywhere } from "../../../domain/Refusal.ts"
import { isRenamed, render, slugify } from "../../../provider/NameStamp.ts"
import { factsOf } from "../Config.ts"
import type { InputOf } from "../Event.ts"
import { type Fault, make as makeFault } from "../Fault.ts"
import { attemptId } from "../Ids.ts"
import { activityOf, reachedLimit } from "../Limits.ts"
import * as Meter from "../Meter.ts"
import { type Observation, statusOf } from "../Observation.ts"
import type { Attempt, EndReason, PhaseOf, Search } from "../Phase.ts"
import { schemaVersion, type SessionSpec, type SessionState } from "../State.ts"
import { end, looked as looksForMore } from "./ending.ts"
import * as living from "./living.ts"
import { isSame, noTimers, pauseAfter, type Step, withTimers } from "./step.ts"
import * as terminations from "./terminations.ts"

/** After this many rate limits a candidate is given up, since each adds an attempt and a refusal to the row. */
const mostLimited = 10

interface Position {
  readonly candidate: number
  readonly lost: number
  readonly limited: number
  readonly search: Search
}

/** A search that goes through the candidates in the order of the session's spec, from after this one on. */
const searchAfter = ({ candidates }: SessionSpec, candidate: number): Search => ({
  left: candidates.map((_, index) => index).slice(candidate + 1),
  limited: []
})

const searchOf = ({ spec }: SessionState, { attempt, search }: PhaseOf<"Renting" | "Resolving">): Search =>
  search ?? searchAfter(spec, attempt.candidate)

/** The nth attempt of a session, under a name that no other attempt has. */
const attemptOf = (
  { createdAt, spec }: Pick<SessionState, "createdAt" | "spec">,
  number: number,
  candidate: number,
  { config, now }: Step
): Attempt => {
  const { id: session, owner, request } = spec
  const id = attemptId({ owner, id: session, createdAt }, number)
  const stamp = { owner, slug: slugify(request.name ?? ""), attempt: id, store: config.storeMark ?? undefined }
  return { id, candidate, name: render(stamp), sentAt: now.wall }
}

/** Asks for one create, unless a limit was reached meanwhile. */
const rent = (state: SessionState, step: Step, { candidate, limited, lost, search }: Position): SessionState => {
  const reason = reachedLimit(state, step.now)
  if (reason !== null) return end(state, step, { reason })
  const place = state.spec.candidates[candidate]
  if (place === undefined) return refuse(state, step, makeFault("NoCapacity", "no candidate is left"))
  const attempt = attemptOf(state, state.attempts.length + 1, candidate, step)
  step.commands.push({ _tag: "Rent", attempt, candidate: place })
  return {
    ...state,
    phase: { _tag: "Renting", attempt, lost, limited, search, stopping: null },
    attempts: [...state.attempts, attempt],
    timers: noTimers
  }
}

/** The first state of a session. */
export const begin = (spec: SessionSpec, step: Step): SessionState => {
  const { wall } = step.now
  const attempt = attemptOf({ spec, createdAt: wall }, 1, 0, step)
  step.commands.push({ _tag: "Rent", attempt, candidate: spec.candidates[0] })
  return {
    schemaVersion,
    version: 0,
    spec,
    createdAt: wall,
    phase: { _tag: "Renting", attempt, lost: 0, limited: 0, search: searchAfter(spec, 0), stopping: null },
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

/** No candidate has a machine for the session, so it ends. */
const refuse = (state: SessionState, step: Step, fault: Fault): SessionState => {
  if (state.respawns > 0) step.events.push({ _tag: "RespawnFailed", fault })
  return end(state, step, { reason: "refused", fault })
}

/** Asks the next candidate; after the last one those that asked for a long pause, once more, after a short one. */
const next = (state: SessionState, step: Step, { left, limited }: Search, fault: Fault): SessionState => {
  const [candidate, ...others] = left
  if (candidate !== undefined) {
    return rent(state, step, { candidate, lost: 0, limited: 0, search: { left: others, limited } })
  }
  const [first, ...rest] = limited ?? []
  return first === undefined
    ? refuse(state, step, fault)
    : wait(
      state,
      step,
      { candidate: first, lost: 0, limited: 0, search: { left: rest, limited: null } },
      step.config.longestWait
    )
}

/** Waits before it asks a candidate again that has refused for coming too fast. */
const wait = (state: SessionState, step: Step, position: Position, pause: number): SessionState => ({
  ...state,
  phase: { _tag: "Waiting", ...position, until: step.now.mono + pause, why: "rate_limited" }
})

/** Since when a candidate has refused for coming too fast, and for nothing else, in a row. */
const limitedSince = ({ refusals }: SessionState, candidate: number): number | undefined => {
  const first = refusals.findLastIndex((one) => one.candidate !== candidate || one.fault.reason !== "RateLimited") + 1
  return refusals[first]?.at
}

/** A rate limit is waited for where it is; a long one is left, and asked once more when the other candidates were. */
const slowedDown = (state: SessionState, step: Step, phase: PhaseOf<"Renting">, fault: Fault): SessionState => {
  const { attempt: { candidate, id }, limited, lost } = phase
  const { wall } = step.now
  const search = searchOf(state, phase)
  const pause = Math.max(Math.ceil(Duration.toMillis(fault.retryAfter ?? 0)), pauseAfter(limited + 1, id))
  // many short pauses hold the caller as long as one long pause
  const held = search.left.length === 0 ? 0 : wall - (limitedSince(state, candidate) ?? wall)
  if (held + pause > step.config.longestWait) {
    return next(
      state,
      step,
      { left: search.left, limited: search.limited === null ? null : [...search.limited, candidate] },
      fault
    )
  }
  return limited < mostLimited
    ? wait(state, step, { candidate, lost, limited: limited + 1, search }, pause)
    : next(state, step, search, fault)
}

/** Tells and remembers that a candidate has refused. */
const turnedDown = (
  state: SessionState,
  step: Step,
  { attempt: { candidate, id } }: PhaseOf<"Renting" | "Resolving">,
  fault: Fault
): SessionState => {
  const place = state.spec.candidates[candidate]
  if (place !== undefined) step.events.push({ _tag: "Refused", attempt: id, candidate: place, fault })
  return { ...state, refusals: [...state.refusals, { candidate, fault, at: step.now.wall }] }
}

export const refused = (state: SessionState, step: Step, input: InputOf<"Refused">): SessionState => {
  const { phase } = state
  if (phase._tag !== "Renting" || phase.attempt.id !== input.attempt) return state
  const { fault } = input
  if (input.unsent === true) return unsent(state, step, phase, fault)
  const known = turnedDown(state, step, phase, fault)
  if (phase.stopping !== null) return end(known, step, { reason: phase.stopping, fault })
  if (isSameAnywhere(fault.reason)) return refuse(known, step, fault)
  return fault.reason === "RateLimited"
    ? slowedDown(known, step, phase, fault)
    : next(known, step, searchOf(state, phase), fault)
}

/** The create was called off before it was sent: no candidate has refused, and while this process closes none is asked. */
const unsent = (state: SessionState, step: Step, phase: PhaseOf<"Renting">, fault: Fault): SessionState => {
  const { attempt: { candidate }, limited, lost, stopping } = phase
  const reason = stopping ?? (state.spec.persist ? null : "node_shutdown")
  if (reason !== null) return end(state, step, { reason, fault })
  const until = Number.MAX_SAFE_INTEGER
  return {
    ...state,
    phase: { _tag: "Waiting", candidate, lost, limited, search: searchOf(state, phase), until, why: "unsent" }
  }
}

/** It is unknown whether the machine was made: from now on it is looked for by its name. */
const resolve = (
  state: SessionState,
  step: Step,
  phase: PhaseOf<"Renting">,
  facts: {
    readonly fault: Fault
    readonly authHash: string | null
    readonly stopping: EndReason | null
    /** Monotonic clock: from then on the create is surely not carried out any more. */
    readonly since: number
  }
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
      search: searchOf(state, phase),
      stopping: facts.stopping,
      since: facts.since,
      // with the name the caller can look for the machine as well
      cause: facts.fault.reason === "Uncertain" ? { computeName: phase.attempt.name, ...facts.fault } : facts.fault,
      authHash: facts.authHash
    },
    timers: { ...noTimers, look: { at: null, tries: 0 } }
  }
}

export const unanswered = (state: SessionState, step: Step, input: InputOf<"Unanswered">): SessionState => {
  const { phase } = state
  if (phase._tag !== "Renting" || phase.attempt.id !== input.attempt) return state
  const { authHash, fault, misnamed } = input
  const known = misnamed === undefined ? state : terminations.addOrphan(
    { ...state, last: misnamed.computeId },
    step,
    misnamed,
    phase.attempt,
    "orphan"
  )
  return resolve(known, step, phase, { fault, authHash, stopping: phase.stopping, since: step.now.mono })
}

/** The create has made a machine. It is kept unless the session is stopping or the machine has no price to cap. */
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
  const status = statusOf(compute)
  step.events.push({ _tag: "Status", computeId, status })
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
      status,
      ready: status === "running",
      readyArmed: true,
      ...(compute.unmapped === undefined ? {} : { unmapped: compute.unmapped }),
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

export const rented = (state: SessionState, step: Step, input: InputOf<"Rented">): SessionState => {
  const { phase } = state
  const { authHash, compute } = input
  if ((phase._tag === "Renting" || phase._tag === "Resolving") && phase.attempt.id === input.attempt) {
    if (compute.name === phase.attempt.name) return settled(state, step, phase, compute, authHash)
    // an answer with another machine does not tell what became of this create
    const fault = makeFault("Uncertain", "the create was answered with another compute", compute.provider)
    return unanswered(state, step, { _tag: "Unanswered", attempt: input.attempt, fault, authHash })
  }
  return seenByName(state, step, compute)
}

/** A machine was seen that no id in the state tells of: the session knows it by the name of an attempt, or not at all. */
export const seenByName = (state: SessionState, step: Step, seen: Observation): SessionState => {
  const { phase } = state
  if (seen.name === null || seen.status === "terminated") return state
  const attempt = state.attempts.find(({ name }) => name === seen.name)
  if (attempt === undefined || terminations.find(state, seen) !== undefined) return state
  // the create was sent to another provider: what is seen here may be the session's own machine, in an account with two ids
  if (state.spec.candidates[attempt.candidate]?.provider !== seen.provider) return state
  // the answer of a `Resolve` that was on its way when the feed had already found the machine
  if (phase._tag === "Live" && isSame(phase, seen)) return state
  const isCurrent = (phase._tag === "Renting" || phase._tag === "Resolving" || phase._tag === "Live") &&
    phase.attempt.id === attempt.id
  if (isCurrent && phase._tag === "Resolving") return adoptFound(state, step, phase, [seen])
  // the answer of its create is still on its way
  if (isCurrent && phase._tag === "Renting") return state
  return terminations.addOrphan(state, step, seen, attempt, isCurrent ? "duplicate" : "orphan")
}

const isAlive = ({ status }: Observation): boolean => status === "provisioning" || status === "running"

/** The oldest first; the id decides between equals, so that every listing gives the same order. */
const byAge = (one: Observation, other: Observation): number =>
  (one.createdAt ?? Number.MAX_SAFE_INTEGER) - (other.createdAt ?? Number.MAX_SAFE_INTEGER) ||
  (one.computeId < other.computeId ? -1 : 1)

/** Machines that live first, then the oldest. */
const byPreference = (one: Observation, other: Observation): number =>
  Number(isAlive(other)) - Number(isAlive(one)) || byAge(one, other)

/**
 * The machine of a lost answer that was renamed before it was found: the oldest that was rented under the attempt's name. The others
 * can be copies that a person made of it, which no session may end.
 */
const renamedOf = (
  state: SessionState,
  { name }: Attempt,
  found: ReadonlyArray<Observation>
): ReadonlyArray<Observation> =>
  found.filter((seen) =>
    isRenamed(name, { name: seen.name, rentedAs: seen.rentedAs ?? null }) && seen.status !== "terminated" &&
    terminations.find(state, seen) === undefined
  ).toSorted(byAge).slice(0, 1)

/** Keeps one of the machines that a create with a lost answer made; the others are terminated, and more may appear. */
const adoptFound = (
  state: SessionState,
  step: Step,
  phase: PhaseOf<"Resolving">,
  found: ReadonlyArray<Observation>
): SessionState => {
  const [first, ...duplicates] = found.toSorted(byPreference)
  if (first === undefined) return state
  const { attempt } = phase
  const doubt = { attempt, provider: first.provider, at: proofAt(state, step, phase) }
  const owned = settled({ ...state, doubt }, step, phase, first, phase.authHash)
  return duplicates.reduce((state, duplicate) => seenByName(state, step, duplicate), owned)
}

export const looked = (state: SessionState, step: Step, input: InputOf<"Looked">): SessionState => {
  const { phase } = state
  const { at, attempt, complete, found } = input
  if (phase._tag !== "Resolving" || phase.attempt.id !== attempt) {
    const known = found.reduce((state, seen) => seenByName(state, step, seen), state)
    const { doubt } = known
    return doubt?.attempt.id === attempt && phase._tag === "Ending"
      ? looksForMore(known, step, complete && at >= doubt.at)
      : known
  }
  const ours = found.filter(({ name }) => name === phase.attempt.name)
  if (ours.length > 0) return adoptFound(state, step, phase, ours)
  if (complete && at >= proofAt(state, step, phase)) {
    const renamed = renamedOf(state, phase.attempt, found)
    return renamed.length > 0 ? adoptFound(state, step, phase, renamed) : nothingMade(state, step, phase)
  }
  // a look is scheduled already: this listing was not asked for by the session
  return state.timers.look?.at === null ? lookAgain(state, step, phase, phase.cause) : state
}

/** From when on a complete listing without the name proves that nothing was made: after two settle windows. */
const proofAt = ({ spec }: SessionState, { config }: Step, { attempt, since }: PhaseOf<"Resolving">): number => {
  const place = spec.candidates[attempt.candidate]
  const { settleWindow } = place === undefined ? config.timings : factsOf(config, place.provider)
  return since + 2 * settleWindow
}

/** The name was looked for long enough: the attempt made nothing. */
const nothingMade = (state: SessionState, step: Step, phase: PhaseOf<"Resolving">): SessionState => {
  const { attempt: { candidate }, cause, limited, lost, stopping } = phase
  if (stopping !== null) return end(state, step, { reason: stopping, fault: cause })
  // the answer named a machine, so "nothing was made" is not certain and no other create is sent
  if (cause.computeId !== undefined) return refuse(state, step, cause)
  const search = searchOf(state, phase)
  if (cause.saidNoCapacity === true) {
    const fault: Fault = { ...makeFault("NoCapacity", cause.message, cause.provider), status: cause.status }
    return next(turnedDown(state, step, phase, fault), step, search, fault)
  }
  return lost === 0
    ? rent(state, step, { candidate, lost: 1, limited, search })
    : next(state, step, search, cause)
}

const limits: ReadonlySet<EndReason> = new Set<EndReason>(["max_runtime", "cost_cap", "idle_timeout", "finished"])

/** A listing that proves nothing is repeated later, unless the session is past its limits. */
const lookAgain = (state: SessionState, step: Step, phase: PhaseOf<"Resolving">, fault: Fault): SessionState => {
  const { mono } = step.now
  const { stopping } = phase
  const proof = proofAt(state, step, phase)
  // past its limits it ends; it is over when a listing proves that nothing was made, and what appears meanwhile is terminated
  if (stopping !== null && limits.has(stopping) && mono >= proof) {
    const { attempt } = phase
    const place = state.spec.candidates[attempt.candidate] ?? state.spec.candidates[0]
    const doubt = { attempt, provider: place.provider, at: proof }
    return end({ ...state, doubt }, step, { reason: stopping, fault })
  }
  const tries = (state.timers.look?.tries ?? 0) + 1
  const later = mono + pauseAfter(tries, phase.attempt.id)
  // a long pause must not delay the first listing that can prove an absence
  return withTimers(state, { look: { at: mono < proof ? Math.min(later, proof) : later, tries } })
}

export const lookFailed = (state: SessionState, step: Step, input: InputOf<"LookFailed">): SessionState => {
  const { phase } = state
  if (phase._tag === "Ending" && state.doubt?.attempt.id === input.attempt) return looksForMore(state, step, false)
  if (phase._tag !== "Resolving" || phase.attempt.id !== input.attempt) return state
  return lookAgain(state, step, phase, input.fault)
}

/** Looks for the machine of a lost answer when that is due. */
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
  if (!isFree && phase.until > step.now.mono) return state
  return rent(state, step, { ...phase, search: phase.search ?? searchAfter(state.spec, phase.candidate) })
}

/** How long a create may take, so also how long after it was sent the provider may still carry it out when its process is gone. */
const longestCreate = 60_000

/** After a restart it is unknown whether the create was sent: its machine is looked for. */
export const adopt = (
  state: SessionState,
  step: Step,
  phase: PhaseOf<"Renting" | "Resolving">,
  stopping: EndReason | null
): SessionState => {
  const fault = phase._tag === "Resolving"
    ? phase.cause
    : makeFault("Uncertain", "the process that sent the create ended before the answer came")
  const authHash = phase._tag === "Resolving" ? phase.authHash : null
  // the process may have ended while the create was still held up at the provider
  const left = Math.max(0, Math.min(longestCreate, phase.attempt.sentAt + longestCreate - step.now.wall))
  const facts = { fault, authHash, stopping: phase.stopping ?? stopping, since: step.now.mono + left }
  return resolve(state, step, { ...phase, _tag: "Renting" }, facts)
}
