/**
 * A world of one session: a cloud with a ledger, an engine without fibers, faults and clocks from one seed, and the checks
 * that must hold whatever happens.
 */
import * as Schema from "effect/Schema"
import * as Session from "../../../src/orchestrator/Session.ts"
import { type Check, Violation } from "./world/check.ts"
import { epoch, makeCloud } from "./world/cloud.ts"
import { random } from "./world/random.ts"
import { makeSetting, minute } from "./world/setting.ts"
import { knownOf, makeWatch, reread } from "./world/watch.ts"

const isInput = Schema.is(Session.SessionInput)

export interface Options {
  readonly seed: number
  /** Sees every decision. */
  readonly witness?: (input: Session.SessionInput, decision: Session.Decision) => void
}

/** Plays one seed to its end; throws a {@link Violation} when a check fails. */
export const play = ({ seed, witness }: Options): Session.SessionState => {
  const rng = random(seed)
  const { clocks, config, focus, spec } = makeSetting(rng, seed)

  // true time, the offset of the wall clock, and how long the monotonic clock stood still
  let time = 0
  let offset = 0
  let stood = 0
  let boot = 0
  let wentBack = false
  let crashed = false
  const now = (): Session.Clock.Now => ({ wall: epoch + time + offset, mono: time - stood - boot + 1_000 })

  let inFlight: Array<Session.Command> = []
  // in an object, since the compiler would take a variable that only closures change for a constant
  const self: { state: Session.SessionState | null } = { state: null }
  let toldAtCommit = 0
  let committed: Session.SessionState | null = null
  let published: Array<Session.SessionEvent> = []
  let stopAsked = false
  let forgotten = 0

  const fail = (check: Check, facts: string): never => {
    throw new Violation(check, `${facts} (seed ${seed}, true time ${time}, phase ${self.state?.phase._tag})`)
  }
  const cloud = makeCloud({ rng, focus, time: () => time, mono: () => now().mono })
  const { machines } = cloud
  const watch = makeWatch({
    cloud,
    config,
    now,
    fail,
    inFlight: () => inFlight,
    published: () => published,
    isTimeLost: () => wentBack && crashed
  })

  const send = (input: Session.SessionInput): void => {
    const before = self.state
    if (!isInput(input)) fail("a state survives its JSON", "the world made an input of no known form")
    let decision: Session.Decision<Session.SessionState | null>
    try {
      decision = Session.decide(before, input, now(), config)
    } catch (cause) {
      return fail("nothing throws", `${input._tag}: ${String(cause)}`)
    }
    const after = decision.state
    if (after === null) return
    self.state = after
    witness?.(input, { ...decision, state: after })
    for (const command of decision.commands) {
      if (command._tag === "Forget") forgotten++
      watch.asked(command, after)
    }
    inFlight.push(...decision.commands)
    for (const told of decision.events) {
      if (published.at(-1)?._tag === "Ended" && told._tag !== "OrphanFound" && !told._tag.startsWith("Terminate")) {
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
    watch.decided(before, input, after)
  }

  /** Wakes the session as often as it is due by now. */
  const wake = (): void => {
    for (let count = 0; self.state !== null; count++) {
      const at = Session.nextWake(self.state, now(), config)
      if (at === null || at > now().mono) return
      if (count > 20) fail("a wake leads to a later wake time", `woken ${count} times at ${now().mono} for ${at}`)
      send({ _tag: "WokeUp" })
    }
  }

  const pass = (millis: number): void => {
    const until = time + millis
    while (time < until) {
      const at = self.state === null ? null : Session.nextWake(self.state, now(), config)
      const left = at === null ? Number.POSITIVE_INFINITY : Math.max(1, Math.ceil(at - now().mono))
      // an engine wakes it at least once a minute, since the wall clock may jump
      time += Math.min(until - time, left, minute)
      wake()
    }
  }

  const work = (noFaults: boolean): void => {
    const index = rng.below(inFlight.length)
    const [command] = inFlight.splice(index, 1)
    if (command === undefined) return
    const answer = cloud.carryOut(command, noFaults)
    if (answer !== null) send(answer)
  }

  const listing = (noFaults: boolean): void => {
    for (const machine of machines) {
      const isLate = machine.removed && machine.goneAt !== null && time - machine.goneAt < 3_000
      if (cloud.isVisible(machine)) send({ _tag: "Observed", compute: cloud.seen(machine) })
      else if (isLate && !noFaults && rng.chance(0.2)) {
        send({ _tag: "Observed", compute: { ...cloud.seen(machine), status: "running" } })
      }
    }
    if (self.state?.phase._tag !== "Live") return
    const { computeId, provider } = self.state.phase
    const machine = cloud.find(computeId)
    const isThere = machine !== undefined && cloud.isVisible(machine)
    if (!isThere || (!noFaults && rng.chance(0.1))) send({ _tag: "Missed", provider, computeId })
  }

  const crash = (): void => {
    crashed = true
    // requests that were on their way may or may not have arrived
    for (const command of inFlight) if (rng.chance(0.5)) cloud.carryOut(command, false)
    inFlight = []
    time += rng.below(2 * minute)
    boot = time - stood - rng.below(1_000)
    watch.rebooted()
    self.state = committed === null ? null : reread(committed)
    published = published.slice(0, toldAtCommit)
    send({ _tag: "Adopted" })
  }

  const changeClocks = (): void => {
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

  // some sessions have few faults, so that they live until their limits
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
    else if (dice < 0.9) cloud.changeOne()
    else if (dice < 0.93) changeClocks()
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

  // there are no faults from here on
  const playFaultless = (millis: number): void => {
    for (let left = millis; left > 0; left -= 5_000) {
      for (let count = inFlight.length; count > 0; count--) work(true)
      pass(5_000)
      listing(true)
    }
  }
  const facts = (): string =>
    JSON.stringify({ phase: self.state?.phase, pendingTerminations: self.state?.pendingTerminations })
  const isOver = (): boolean => self.state?.phase._tag === "Ended"
  const checkAtRest = (): void => {
    if (self.state === null) return
    const known = knownOf(self.state)
    const unknown = machines.find((machine) => cloud.bills(machine) && !known.has(machine.id))
    if (unknown !== undefined) fail("at rest every machine is known", unknown.id)
  }
  if (rng.chance(0.7)) changeClocks()
  playFaultless(8 * minute)
  if (stopAsked && !isOver()) fail("a stop is kept", facts())
  checkAtRest()
  playFaultless(52 * minute)
  checkAtRest()
  if (!isOver()) fail("a session past its limits ends, and nothing of it is left", facts())
  if (machines.some(cloud.bills)) fail("a session past its limits ends, and nothing of it is left", "a machine bills")
  playFaultless(0)
  time += 25 * 60 * minute
  wake()
  wake()
  if (forgotten === 0) fail("a session past its limits ends, and nothing of it is left", "its row was never deleted")
  return self.state ?? fail("nothing throws", "no self.state")
}
