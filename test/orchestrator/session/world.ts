/**
 * A world of one session: clouds with a ledger, an engine without fibers, troubles and clocks from one seed, and the checks
 * that must hold whatever happens.
 */
import type { ComputeStatus } from "effect-atlas/domain/Compute"
import { ComputeId, ProviderId } from "effect-atlas/domain/Ids"
import { Owner } from "effect-atlas/provider/NameStamp"
import * as Equal from "effect/Equal"
import * as Schema from "effect/Schema"
import * as Session from "../../../src/orchestrator/Session.ts"

export type Check =
  | "nothing throws"
  | "one create for an attempt"
  | "no second rent beside a machine that is not being ended"
  | "a machine once known is known until it is gone"
  | "a machine that is seen is known"
  | "at rest every machine is known"
  | "a session past its limits ends, and nothing of it is left"
  | "a stop is kept"
  | "the spend is never below the ledger"
  | "the spend never goes back"
  | "a capped session does not live past its cap"
  | "a capped session lives on no unknown price"
  | "a deadline never moves later"
  | "somebody is always at it, or a wake time is set"
  | "a wake leads on"
  | "a state survives its JSON"
  | "events tell one end, in order"
  | "only reports of the current attempt count"
  | "closing keeps what persists"
  | "what is asked for is committed first"

export class Violation extends Error {
  readonly check: Check
  constructor(check: Check, facts: string) {
    super(`${check}: ${facts}`)
    this.check = check
  }
}

interface Machine {
  readonly id: ComputeId
  readonly provider: ProviderId
  readonly name: string
  readonly bornAt: number
  readonly visibleAt: number
  readonly rate: number
  readonly price: number | null
  /** The cloud made it twice by itself. */
  readonly isTwin: boolean
  status: ComputeStatus
  /** True time at which it stopped billing; null while it bills. */
  goneAt: number | null
  /** Whether the cloud has forgotten it. */
  removed: boolean
}

/** A small random source that is the same everywhere. */
export const random = (seed: number) => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let word = Math.imul(state ^ (state >>> 15), 1 | state)
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word
    return ((word ^ (word >>> 14)) >>> 0) / 0x1_0000_0000
  }
  return {
    next,
    chance: (share: number): boolean => next() < share,
    below: (limit: number): number => Math.floor(next() * limit),
    pick: <A>(first: A, ...rest: ReadonlyArray<A>): A => {
      const all = [first, ...rest]
      return all[Math.floor(next() * all.length)] ?? first
    }
  }
}

const window = 5_000
const minute = 60_000
const epoch = 1_700_000_000_000
const mayDiffer = 1e-6

const encode = Schema.encodeUnknownSync(Session.SessionJson)
const decode = Schema.decodeUnknownSync(Session.SessionJson)
const isEvent = Schema.is(Session.SessionEvent)

const fault = (reason: Session.Fault.Fault["reason"], retryAfter: number | null = null): Session.Fault.Fault => ({
  ...Session.Fault.make(reason, reason),
  retryAfter
})

type Clocks = "steady" | "back" | "forward" | "suspend"

/** What a seed has most of: a bit of everything, lost answers, early stops, crashes, or peace until the limits are met. */
type Focus = "all" | "rents" | "stops" | "crashes" | "peace"

export interface Options {
  readonly seed: number
  readonly mutation?: Session.Mutation | null
  /** Sees every decision. */
  readonly witness?: (event: Session.SessionEvent, decision: Session.Decision) => void
}

/** Plays one seed to its end; throws a {@link Violation} when a check fails. */
export const play = ({ mutation = null, seed, witness }: Options): Session.SessionState => {
  const rng = random(seed)
  const clocks: Clocks = rng.pick<Clocks>("steady", "back", "forward", "suspend")
  const focus = rng.pick<Focus>("all", "rents", "stops", "crashes", "peace")
  const config: Session.DecideConfig = {
    ...Session.defaults,
    timings: { settleWindow: window, terminateLag: 1_000 },
    retention: 120 * minute,
    mutation
  }
  const isTask = rng.chance(0.5)
  const maxCost = rng.chance(0.4) ? rng.pick(0.01, 0.2, 5) : null
  const policy: Session.Policy.Policy = {
    idleTtl: isTask ? null : rng.pick(5 * minute, 40 * minute),
    maxRuntime: isTask || rng.chance(0.3) ? rng.pick(10 * minute, 45 * minute) : null,
    readyTimeout: rng.chance(0.3) ? 3 * minute : null,
    finishGrace: rng.chance(0.8) ? minute : null,
    heartbeat: rng.chance(0.5) ? minute : null,
    reconcileSpend: rng.chance(0.5) ? 5 * minute : null,
    maxCost,
    onFailure: rng.chance(0.6) ? { _tag: "Respawn", max: rng.below(3) } : { _tag: "Stop" }
  }
  const provider = ProviderId.make("acme")
  const spec: Session.SessionSpec = {
    id: Session.SessionId.make(`s${seed}`),
    owner: Owner.make("team1"),
    mode: isTask ? "task" : "interactive",
    userId: null,
    persist: rng.chance(0.6),
    request: {
      gpuCount: 1,
      image: null,
      cloudType: "any",
      spot: rng.chance(0.7),
      ports: [],
      envNames: ["KEY"],
      volumeGb: null,
      containerDiskGb: null,
      networkVolumeId: null,
      templateId: null,
      name: "job",
      auth: "none",
      providerOpts: {},
      withheld: [],
      command: ["run"],
      selfTerminate: true
    },
    candidates: rng.chance(0.5)
      ? [{ provider, gpu: "h100", regionHints: [] }, { provider, gpu: "a100_80g", regionHints: ["eu"] }]
      : [{ provider, gpu: null, regionHints: [] }],
    policy
  }

  // true time, the offset of the wall clock, and how long the monotonic clock stood still
  let time = 0
  let offset = 0
  let stood = 0
  let boot = 0
  let wentBack = false
  let crashed = false
  const now = (): Session.Clock.Now => ({ wall: epoch + time + offset, mono: time - stood - boot + 1_000 })

  const machines: Array<Machine> = []
  const created = new Set<string>()
  let inFlight: Array<Session.Command> = []
  // in an object, since the compiler believes a variable that only closures change
  const self: { state: Session.SessionState | null } = { state: null }
  let toldAtCommit = 0
  let heardEvents = 0
  let committed: Session.SessionState | null = null
  let published: Array<Session.Published> = []
  let stopAsked = false
  let spentBefore = 0
  let lastDeadline: number | null = null
  let forgotten = 0

  const fail = (check: Check, facts: string): never => {
    throw new Violation(check, `${facts} (seed ${seed}, true time ${time}, phase ${self.state?.phase._tag})`)
  }

  const isVisible = (machine: Machine): boolean =>
    machine.visibleAt <= time && machine.bornAt <= time && !machine.removed
  const bills = (machine: Machine): boolean => machine.bornAt <= time && machine.goneAt === null
  const cost = (machine: Machine): number =>
    machine.rate * Math.max(0, Math.min(machine.goneAt ?? time, time) - machine.bornAt) / 3_600_000
  const seen = (machine: Machine): Session.Sighting.Sighting => ({
    computeId: machine.id,
    provider: machine.provider,
    name: machine.name,
    status: machine.status,
    costPerHour: machine.price,
    createdAt: epoch + machine.bornAt,
    exitCode: null
  })
  const knownOf = (state: Session.SessionState): Set<string> => {
    const known = new Set<string>(state.residuals.map(({ computeId }) => computeId))
    if (state.phase._tag === "Live") known.add(state.phase.computeId)
    return known
  }
  const end = (machine: Machine): void => {
    if (machine.goneAt === null) machine.goneAt = time
    machine.status = "terminated"
    if (rng.chance(0.7)) machine.removed = true
  }

  const send = (event: Session.SessionEvent): void => {
    const before = self.state
    if (!isEvent(event)) fail("a state survives its JSON", "the world made an event nobody knows")
    let decision: Session.Decision<Session.SessionState | null>
    try {
      decision = Session.decide(before, event, now(), config)
    } catch (cause) {
      return fail("nothing throws", `${event._tag}: ${String(cause)}`)
    }
    const after = decision.state
    if (after === null) return
    self.state = after
    witness?.(event, { ...decision, state: after })
    for (const command of decision.commands) asked(command, after)
    inFlight.push(...decision.commands)
    for (const told of decision.events) {
      if (published.at(-1)?._tag === "Ended" && told._tag !== "StrayFound" && !told._tag.startsWith("Terminate")) {
        fail("events tell one end, in order", `${told._tag} after Ended`)
      }
      published.push(told)
    }
    const changes = decision.commands.find(({ _tag }) => _tag === "Rent" || _tag === "Terminate" || _tag === "Forget")
    if (changes !== undefined && !Session.needsCommit(before, after)) {
      fail("what is asked for is committed first", changes._tag)
    }
    if (Session.needsCommit(before, after)) {
      committed = after
      toldAtCommit = published.length
    }
    inspect(before, event, after)
  }

  const asked = (command: Session.Command, after: Session.SessionState): void => {
    if (command._tag === "Forget") {
      forgotten++
      if (knownOf(after).size > 0) fail("a machine once known is known until it is gone", "forgotten with residuals")
    }
    if (command._tag !== "Rent") return
    if (created.has(command.attempt.id)) fail("one create for an attempt", command.attempt.id)
    created.add(command.attempt.id)
    const known = knownOf(after)
    const beside = machines.find((machine) => machine.goneAt === null && !machine.isTwin && !known.has(machine.id))
    if (beside !== undefined) {
      fail("no second rent beside a machine that is not being ended", `${beside.id} of ${beside.name}`)
    }
  }

  const inspect = (
    before: Session.SessionState | null,
    event: Session.SessionEvent,
    after: Session.SessionState
  ): void => {
    const { phase } = after
    const has = (tag: Session.Command["_tag"], id?: string): boolean =>
      inFlight.some((command) =>
        command._tag === tag && (id === undefined || ("computeId" in command && command.computeId === id))
      )
    // machines
    const known = knownOf(after)
    if (before !== null) {
      const before_ = knownOf(before)
      const lost = machines.find((machine) => bills(machine) && before_.has(machine.id) && !known.has(machine.id))
      if (lost !== undefined) fail("a machine once known is known until it is gone", `${lost.id} after ${event._tag}`)
    }
    if (event._tag === "Observed" && event.compute.status !== "terminated" && !known.has(event.compute.computeId)) {
      const isAwaited = phase._tag === "Renting" && phase.attempt.name === event.compute.name
      if (!isAwaited) fail("a machine that is seen is known", event.compute.computeId)
    }
    // somebody is at it
    const wake = Session.nextWake(after, now(), config)
    const rests = (what: string): never =>
      fail("somebody is always at it, or a wake time is set", `${what} after ${event._tag}`)
    if (phase._tag === "Renting" && !has("Rent")) rests("a rent")
    if (phase._tag === "Resolving" && !has("Resolve") && wake === null) rests("a lost answer")
    if (phase._tag === "Waiting" && wake === null) rests("a pause")
    if (phase._tag === "Live" && wake === null && !has("Confirm") && !has("Reconcile")) rests("a machine")
    for (const residual of after.residuals) {
      if (residual.at === null && !has("Terminate", residual.computeId) && !has("Confirm", residual.computeId)) {
        rests(residual.computeId)
      }
    }
    if (phase._tag === "Ending" && after.residuals.length === 0) rests("an end with nothing left")
    // money
    const spent = Session.spentUsd(after, now())
    if (event._tag !== "Adopted" && spent < spentBefore - mayDiffer) {
      fail("the spend never goes back", `${spentBefore} to ${spent} after ${event._tag}`)
    }
    spentBefore = spent
    const ledger = machines
      .filter((machine) => machine.price !== null && (known.has(machine.id) || after.buried.includes(machine.id)))
      .reduce((sum, machine) => sum + cost(machine), 0)
    if (!(wentBack && crashed) && spent < ledger - mayDiffer) {
      fail("the spend is never below the ledger", `${spent} < ${ledger} after ${event._tag}`)
    }
    if (phase._tag === "Live" && maxCost !== null) {
      if (event._tag === "WokeUp" && spent >= maxCost + mayDiffer) {
        fail("a capped session does not live past its cap", `${spent} of ${maxCost}`)
      }
      const machine = machines.find(({ id }) => id === phase.computeId)
      if (machine?.price === null) fail("a capped session lives on no unknown price", machine.id)
    }
    // deadlines: what is left shrinks at least as fast as the monotonic clock runs
    const left = Session.runtimeLeft(after, now())
    if (left !== null) {
      const deadline = now().mono + left
      if (event._tag !== "Adopted" && lastDeadline !== null && deadline > lastDeadline + 1 && left > 0) {
        fail("a deadline never moves later", `${lastDeadline} to ${deadline}`)
      }
      lastDeadline = deadline
    }
    // reports
    if (event._tag === "Report" && before !== null && before.report !== after.report) {
      const current = "attempt" in before.phase ? before.phase.attempt.id : null
      if (current !== event.attempt) fail("only reports of the current attempt count", event.attempt)
    }
    if (
      event._tag === "Closing" && before !== null && before.spec.persist && before.report === null &&
      before.phase !== phase
    ) {
      fail("closing keeps what persists", `${before.phase._tag} became ${phase._tag}`)
    }
    // JSON
    // a sample, for it costs more than all the rest; the state that a crash reads back comes this way too
    const isSample = heardEvents++ % 16 === 0
    const read = isSample ? decode(JSON.parse(JSON.stringify(encode(after)))) : after
    if (!Equal.equals(read, after)) fail("a state survives its JSON", JSON.stringify(after))
    if (phase._tag === "Ended" && before?.phase._tag !== "Ended") tellsOneEnd(isTask)
  }

  const tellsOneEnd = (isTask: boolean): void => {
    const tags = published.map(({ _tag }) => _tag)
    const one = (tag: Session.Published["_tag"]): number => {
      const first = tags.indexOf(tag)
      if (first === -1 || first !== tags.lastIndexOf(tag)) fail("events tell one end, in order", tags.join(" "))
      return first
    }
    const terminating = one("Terminating")
    if (isTask && one("Task") > terminating) fail("events tell one end, in order", tags.join(" "))
    const last = published.at(-2)
    if (one("Ended") !== tags.length - 1 || last?._tag !== "Status" || last.status !== "terminated") {
      fail("events tell one end, in order", tags.join(" "))
    }
  }

  /** Wakes the session whenever it wants to be, up to now. */
  const wake = (): void => {
    for (let turns = 0; self.state !== null; turns++) {
      const at = Session.nextWake(self.state, now(), config)
      if (at === null || at > now().mono) return
      if (turns > 20) fail("a wake leads on", `woken ${turns} times at ${now().mono} for ${at}`)
      send({ _tag: "WokeUp" })
    }
  }

  const pass = (millis: number): void => {
    const until = time + millis
    while (time < until) {
      const at = self.state === null ? null : Session.nextWake(self.state, now(), config)
      const left = at === null ? Number.POSITIVE_INFINITY : Math.max(1, Math.ceil(at - now().mono))
      // an engine looks up once a minute, for the sake of the wall clock
      time += Math.min(until - time, left, minute)
      wake()
    }
  }

  const make = (name: string, provider: ProviderId, bornAt: number, isTwin: boolean): Machine => {
    const rate = 1 + rng.below(4)
    const machine: Machine = {
      id: ComputeId.make(`m${machines.length + 1}`),
      provider,
      name,
      bornAt,
      visibleAt: bornAt + rng.below(window),
      rate,
      price: rng.chance(0.1) ? null : rate,
      isTwin,
      status: "provisioning",
      goneAt: null,
      removed: false
    }
    machines.push(machine)
    return machine
  }

  /** Carries out one command; null when its answer is not to be had. */
  const carryOut = (command: Session.Command, calm: boolean): Session.SessionEvent | null => {
    const trouble = (share: number): boolean => !calm && rng.chance(share)
    switch (command._tag) {
      case "Rent": {
        const { attempt, candidate } = command
        if (trouble(0.2)) {
          const why = rng.pick<Session.Fault.Fault["reason"]>(
            "NoCapacity",
            "NoCapacity",
            "RateLimited",
            "Forbidden",
            "Validation"
          )
          return { _tag: "Refused", attempt: attempt.id, fault: fault(why, why === "RateLimited" ? 1_500 : null) }
        }
        if (trouble(focus === "rents" ? 0.9 : 0.4)) {
          if (rng.chance(0.6)) {
            make(attempt.name, candidate.provider, time + rng.below(window), false)
            if (rng.chance(0.3)) make(attempt.name, candidate.provider, time + rng.below(window), true)
          }
          return { _tag: "Unanswered", attempt: attempt.id, fault: fault("Uncertain"), authHash: null }
        }
        const machine = make(attempt.name, candidate.provider, time, false)
        if (trouble(0.1)) make(attempt.name, candidate.provider, time, true)
        return { _tag: "Rented", attempt: attempt.id, compute: seen(machine), authHash: null }
      }
      case "Resolve": {
        const { attempt } = command
        if (trouble(0.3)) return { _tag: "LookFailed", attempt: attempt.id, fault: fault("Transport") }
        const complete = !trouble(0.2)
        const found = machines
          .filter((machine) => machine.name === attempt.name && isVisible(machine) && (complete || rng.chance(0.5)))
          .map(seen)
        return { _tag: "Looked", attempt: attempt.id, found, complete, at: now().mono }
      }
      case "Confirm": {
        const { computeId, provider } = command
        if (trouble(0.3)) return { _tag: "ConfirmFailed", provider, computeId, fault: fault("ProviderFault") }
        const machine = machines.find(({ id }) => id === computeId)
        const compute = machine !== undefined && isVisible(machine) ? seen(machine) : null
        return { _tag: "Confirmed", provider, computeId, compute }
      }
      case "Terminate": {
        const { computeId, provider } = command
        const machine = machines.find(({ id }) => id === computeId)
        if (machine === undefined || !isVisible(machine)) {
          return { _tag: "TerminateFailed", provider, computeId, fault: fault("NotFound") }
        }
        if (trouble(0.3)) {
          if (rng.chance(0.3)) end(machine)
          return { _tag: "TerminateFailed", provider, computeId, fault: fault("Transport") }
        }
        // a cloud may say yes and do nothing
        if (!trouble(0.3)) end(machine)
        return { _tag: "TerminateAnswered", provider, computeId }
      }
      case "Reconcile": {
        const { computeId, provider } = command
        if (trouble(0.3)) {
          return { _tag: "BillFailed", provider, computeId, fault: fault(rng.pick("Unsupported", "Transport")) }
        }
        const machine = machines.find(({ id }) => id === computeId)
        return { _tag: "Billed", provider, computeId, usd: machine === undefined ? 0 : cost(machine) * rng.next() }
      }
      case "Forget":
        return null
    }
  }

  const work = (calm: boolean): void => {
    const index = rng.below(inFlight.length)
    const [command] = inFlight.splice(index, 1)
    if (command === undefined) return
    const answer = carryOut(command, calm)
    if (answer !== null) send(answer)
  }

  const listing = (calm: boolean): void => {
    for (const machine of machines) {
      const isLate = machine.removed && machine.goneAt !== null && time - machine.goneAt < 3_000
      if (isVisible(machine)) send({ _tag: "Observed", compute: seen(machine) })
      else if (isLate && !calm && rng.chance(0.2)) {
        send({ _tag: "Observed", compute: { ...seen(machine), status: "running" } })
      }
    }
    if (self.state?.phase._tag !== "Live") return
    const { computeId, provider } = self.state.phase
    const machine = machines.find(({ id }) => id === computeId)
    const isThere = machine !== undefined && isVisible(machine)
    if (!isThere || (!calm && rng.chance(0.1))) send({ _tag: "Missed", provider, computeId })
  }

  const crash = (): void => {
    crashed = true
    // what was on its way may or may not have arrived
    for (const command of inFlight) if (rng.chance(0.5)) carryOut(command, false)
    inFlight = []
    time += rng.below(2 * minute)
    boot = time - stood - rng.below(1_000)
    lastDeadline = null
    self.state = committed === null ? null : decode(JSON.parse(JSON.stringify(encode(committed))))
    published = published.slice(0, toldAtCommit)
    send({ _tag: "Adopted" })
  }

  const trouble = (): void => {
    const machine = machines[rng.below(machines.length)]
    if (machine === undefined || machine.goneAt !== null || machine.bornAt > time) return
    const kind = rng.below(4)
    if (kind === 0) end(machine)
    else if (kind === 1) {
      machine.status = "failed"
      machine.goneAt = time
    } else if (kind === 2) machine.status = "stopped"
    else if (machine.status === "provisioning") machine.status = "running"
  }

  const turnClocks = (): void => {
    const by = rng.pick(500, 5_000, 10 * minute, 24 * 60 * minute)
    if (clocks === "back") {
      offset -= by
      wentBack = true
    } else if (clocks === "forward") offset += Math.min(by, 10 * minute)
    else if (clocks === "suspend") {
      const slept = Math.min(by, 10 * minute)
      time += slept
      stood += slept
    }
    wake()
  }

  // some sessions are left in peace long enough to meet their limits
  const lively = focus === "peace" || focus === "stops" ? 0.02 : rng.pick(1, 1, 0.15)
  const steps = rng.pick(15, 60, 120)
  send({ _tag: "Started", spec })
  for (let step = 0; step < steps; step++) {
    const dice = rng.next()
    const isRenting = self.state?.phase._tag === "Renting" || self.state?.phase._tag === "Resolving"
    if (focus === "stops" && isRenting && rng.chance(0.2)) {
      stopAsked = true
      send({ _tag: "StopRequested", by: "caller" })
    }
    if (focus === "crashes" && rng.chance(0.05)) crash()
    if (dice >= 0.85 && !rng.chance(lively)) continue
    if (dice < 0.45) work(false)
    else if (dice < 0.65) pass(rng.pick(10, 500, 3_000, 20_000, focus === "rents" ? 1_000 : 2 * minute))
    else if (dice < 0.8) listing(false)
    else if (dice < 0.85) send({ _tag: "Touched" })
    else if (dice < 0.9) trouble()
    else if (dice < 0.93) turnClocks()
    else if (dice < 0.945) crash()
    else if (dice < 0.96 && self.state !== null) {
      const attempts: ReadonlyArray<Session.Attempt> = self.state.attempts
      const attempt = attempts[rng.below(attempts.length)]
      if (attempt !== undefined) send({ _tag: "Report", attempt: attempt.id, exitCode: rng.below(2) })
    } else if (dice < 0.967) {
      stopAsked = true
      send({ _tag: "StopRequested", by: rng.pick("caller", "interrupted") })
    } else if (dice < 0.975) {
      send({ _tag: "Closing" })
      if (rng.chance(0.5)) crash()
    }
  }

  // everything works from here on
  const calm = (millis: number): void => {
    for (let left = millis; left > 0; left -= 5_000) {
      for (let count = inFlight.length; count > 0; count--) work(true)
      pass(5_000)
      listing(true)
    }
  }
  const facts = (): string => JSON.stringify({ phase: self.state?.phase, residuals: self.state?.residuals })
  const isOver = (): boolean => self.state?.phase._tag === "Ended"
  if (rng.chance(0.7)) turnClocks()
  calm(8 * minute)
  if (stopAsked && !isOver()) fail("a stop is kept", facts())
  const rest = (): void => {
    if (self.state === null) return
    const known = knownOf(self.state)
    const stranger = machines.find((machine) => bills(machine) && !known.has(machine.id))
    if (stranger !== undefined) fail("at rest every machine is known", stranger.id)
  }
  rest()
  calm(52 * minute)
  rest()
  if (!isOver()) fail("a session past its limits ends, and nothing of it is left", facts())
  if (machines.some(bills)) fail("a session past its limits ends, and nothing of it is left", "a machine bills")
  calm(0)
  time += 25 * 60 * minute
  wake()
  wake()
  if (forgotten === 0) fail("a session past its limits ends, and nothing of it is left", "its row was never forgotten")
  return self.state ?? fail("nothing throws", "no self.state")
}
