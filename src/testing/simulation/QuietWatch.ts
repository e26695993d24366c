/**
 * Checks the whole world whenever no process can go on, and once more at the end, after an hour without faults.
 *
 * @since 0.1.0
 */
import type { EventEnvelope } from "../../orchestrator/OrchestratorTopics.ts"
import { AttemptId, type Clock, isSame, nextWake, type SessionState, spentUsd } from "../../orchestrator/Session.ts"
import type { Database } from "./Database.ts"
import type { EndWatch } from "./EndWatch.ts"
import type { Fleet, Member, Services } from "./Fleet.ts"
import { isAmong, type Machine } from "./Ledger.ts"
import type { Process } from "./Process.ts"
import type { Profile } from "./Profile.ts"
import type { RowWatch } from "./RowWatch.ts"
import type { World } from "./World.ts"

/**
 * Checks of the whole world.
 *
 * @category models
 * @since 0.1.0
 */
export interface QuietWatch {
  /** No process can go on at this moment. */
  readonly quiet: () => void
  /** Whether everything was over long ago, so that nothing is left to check. */
  readonly isOver: () => boolean
  /** There have been no faults for an hour, or everything is over. */
  readonly rest: () => void
}

const rounding = 1e-6
const second = 1_000
const minute = 60 * second

/** How often the world is checked: far more often than any of what it checks for may last. */
const pause = 3 * second
/** A jump of the wall clock or a sleep is noticed within this; so is what the store could not take. */
const notice = 65 * second
/** An account that cannot be listed is asked every nine minutes at the latest, and then so many of its machines are looked at. */
const longestUnseen = 12 * minute
const looksAtOnce = 16
/** Longer than any command may be under way, pools and all. */
const longestCommand = 5 * minute

const facts = ({ at, computeId, event, id }: EventEnvelope): string => JSON.stringify([id, computeId, at, event])

/**
 * Checks of a whole world.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly world: World
  readonly database: Database
  readonly fleet: Fleet
  readonly rows: RowWatch
  readonly ends: EndWatch
  readonly profile: Profile
}): QuietWatch => {
  const { database, ends, fleet, profile, rows, world } = options
  const { ledger, timeline } = world
  /** Without faults, an end takes a few tries at most: the longest back-off, a slow delete, a listing or two. */
  const longestEnd = (6 + profile.believed) * minute
  /** A machine that is gone is noticed by the listing after the next, and a get. */
  const longestDoubt = (12 + profile.believed) * minute
  const now = timeline.now
  let lookedAt = 0
  /** Since when a condition has held, by process and session. */
  type Since = Map<Process | null, Map<string, number>>
  const lateSince: Since = new Map()
  const lostSince: Since = new Map()
  const overSince: Since = new Map()
  const goneSince: Since = new Map()
  const unpricedSince: Since = new Map()
  const orphanSince: Since = new Map()
  const overlookedSince: Since = new Map()

  /** How long a condition has held, in true time. */
  const lasting = (since: Since, process: Process | null, key: string, is: boolean): number => {
    const mine = since.get(process)
    if (!is) {
      mine?.delete(key)
      return 0
    }
    if (mine === undefined) {
      since.set(process, new Map([[key, now()]]))
      return 0
    }
    const begun = mine.get(key) ?? now()
    mine.set(key, begun)
    return now() - begun
  }

  const isNoticing = ({ process, startedAt }: Member): boolean =>
    now() - Math.max(process.host.awakeSince(), startedAt, database.worksSince()) > notice

  /** A state never changes, so its machines are looked up once, unless one was not there yet. */
  const machinesOf = new WeakMap<SessionState, ReadonlyArray<Machine>>()
  const known = (state: SessionState): ReadonlyArray<Machine> => {
    const before = machinesOf.get(state)
    if (before !== undefined) return before
    const { attempts, terminatedIds, phase, pendingTerminations } = state
    const machines = new Set(pendingTerminations.flatMap((one) => ledger.find(one.provider, one.computeId) ?? []))
    const current = phase._tag === "Live" ? ledger.find(phase.provider, phase.computeId) : undefined
    if (current !== undefined) machines.add(current)
    for (const { id } of attempts) {
      for (const machine of ledger.ofAttempt(id)) if (isAmong(terminatedIds, machine)) machines.add(machine)
    }
    const isWhole = machines.size >= pendingTerminations.length + (phase._tag === "Live" ? 1 : 0)
    const all = [...machines]
    if (isWhole) machinesOf.set(state, all)
    return all
  }

  const rests = (member: Member, { engine }: Services, state: SessionState, read: Clock.Now): void => {
    const { process } = member
    const { phase, pendingTerminations, spec, timers } = state
    const wake = nextWake(state, read, engine.config)
    const isLate = wake !== null && wake < read.mono - 5 * second
    if (lasting(lateSince, process, spec.id, isLate && isNoticing(member)) > notice) {
      world.broken("liveness", `${spec.id} (${phase._tag}) wanted to wake ${read.mono - (wake ?? 0)} ms ago`)
    }
    if (phase._tag === "Ended" && pendingTerminations.length === 0) {
      lasting(lostSince, process, spec.id, false)
      return
    }
    const isOut = (what: string, provider: string): boolean => world.isOut(process, `${provider} ${what}`)
    const provider = spec.candidates[state.attempts.at(-1)?.candidate ?? 0]?.provider ?? ""
    const isLost = (phase._tag === "Renting" && !isOut(`create ${phase.attempt.name}`, provider)) ||
      (phase._tag === "Resolving" && timers.look?.at === null && !isOut("list", provider)) ||
      pendingTerminations.some((one) =>
        one.at === null && !isOut(`delete ${one.computeId}`, one.provider) &&
        !isOut(`get ${one.computeId}`, one.provider)
      )
    if (lasting(lostSince, process, spec.id, isLost && isNoticing(member)) > longestCommand) {
      world.broken("liveness", `${spec.id} waits in ${phase._tag} with nothing under way`)
    }
  }

  const stops = (member: Member, { phase, spec }: SessionState): void => {
    const asked = member.stops.get(spec.id)
    const isForgotten = asked !== undefined && phase._tag === "Live" && now() - asked > notice && isNoticing(member)
    if (isForgotten) world.broken("ends", `${spec.id} lives on, and its end was asked for ${now() - asked} ms ago`)
  }

  /** A machine has stopped or failed, and its session lives on it. */
  const notices = (member: Member, { engine }: Services, state: SessionState): void => {
    const { process } = member
    const { phase, spec } = state
    const over = phase._tag === "Live"
      ? known(state).find((one) =>
        (one.status === "stopped" || one.status === "failed") &&
        isSame(phase, { provider: one.provider, computeId: one.id })
      )
      : undefined
    // a look that fails, or denies the machine, is followed by the next one
    const isSeen = over !== undefined && !over.isRemoved && world.faultRates().getFails === 0
    const since = Math.max(process.host.awakeSince(), member.startedAt, over?.deniedAt ?? 0)
    const unseen = Math.min(lasting(overlookedSince, process, spec.id, isSeen), now() - since)
    if (over === undefined || unseen <= longestUnseen) return
    const rounds = Math.ceil(engine.at(over.provider).entries.size / looksAtOnce)
    if (unseen > longestUnseen * (rounds > 1 ? rounds + 1 : 1)) {
      world.broken("ends", `${spec.id} lives on ${over.id}, which has been ${over.status} for ${unseen} ms`)
    }
  }

  /** States of sessions that are over, with machines that cost nothing any more: checked once, they stay as they are. */
  const paid = new WeakSet<SessionState>()

  const pays = (member: Member, state: SessionState, read: Clock.Now): void => {
    const { process } = member
    const { phase, pendingTerminations, spec } = state
    const spent = spentUsd(state, read)
    const machines = known(state)
    // a wall clock that was set back over a restart hides the time in between from every process
    const isBlind = process.host.wentBack()
    // what a cloud has denied is not counted until a listing shows it again
    const isDenied = machines.some(({ deniedAt }) => Number.isFinite(deniedAt))
    const billed = machines.reduce((sum, machine) => sum + ledger.cost(machine) - ledger.untold(machine), 0)
    // whole milliseconds of both clocks
    const slack = machines.reduce((sum, { rate }) => sum + rate * 3 / 3_600_000, rounding)
    // a process that begins with a row of old knows neither the prices nor the machines that were told after it
    // and what was told of a price counts from the row that says so
    const isOfOld = member.bornAt > (database.restoredAt(spec.id) ?? Infinity) ||
      member.services?.engine.get(spec.id)?.recorded === false
    if (!isBlind && !isDenied && !isOfOld && spent < billed - slack) {
      world.broken("money", `the meter of ${spec.id} says ${spent}, the ledger ${billed}`)
    }
    const { maxCost } = spec.policy
    const isOver = maxCost !== null && phase._tag === "Live" && !isBlind && !isOfOld && billed > maxCost + slack &&
      isNoticing(member)
    if (lasting(overSince, process, spec.id, isOver) > notice) {
      world.broken("money", `${spec.id} has cost ${billed} of ${maxCost} and lives on`)
    }
    const isDone = phase._tag === "Ended" && pendingTerminations.length === 0 && machinesOf.has(state)
    if (isDone && machines.every(({ goneAt }) => goneAt !== null && goneAt <= now())) paid.add(state)
  }

  const faultFreeFor = (): number => {
    const since = world.faultFreeSince()
    if (since === null) return 0
    // while a host sleeps, its process cannot do its part
    const awake = fleet.places.map(({ host }) => host.isAsleep() ? now() : host.awakeSince())
    return now() - Math.max(since, ...awake)
  }

  /**
   * Whether a row says what is so: it can be read, and is not one of old, of a session that its process knows to be over or to have
   * another machine. Nothing writes such a row again before the session changes.
   */
  const isTrue = ({ phase, spec: { id, owner } }: SessionState): boolean => {
    if (!database.isReadable(id)) return false
    if (!database.wasRestored(id)) return true
    const engine = fleet.places.find((place) => place.owner === owner)?.member?.services?.engine
    const known = engine?.get(id)?.state
    if (engine === undefined) return true
    if (known === undefined || known.phase._tag === "Ended") return false
    return phase._tag !== "Live" || (known.phase._tag === "Live" && isSame(known.phase, phase))
  }

  const row = (state: SessionState, faultFree: number): void => {
    const { phase, spec } = state
    const since = rows.endingSince.get(spec.id)
    if (since !== undefined && Math.min(faultFree, now() - since) > longestEnd) {
      world.broken("ends", `${spec.id} has been ending since ${since}: ${JSON.stringify(state.pendingTerminations)}`)
    }
    if (phase._tag !== "Live") {
      lasting(goneSince, null, spec.id, false)
      lasting(unpricedSince, null, spec.id, false)
      return
    }
    const machine = ledger.find(phase.provider, phase.computeId)
    const isGone = machine === undefined || !ledger.bills(machine)
    if (lasting(goneSince, null, spec.id, isGone) > longestDoubt) {
      world.broken("ends", `${spec.id} lives on ${phase.computeId}, which is gone`)
    }
    if (machine === undefined) return
    const isUnpriced = machine.isPriced && ledger.toldRate(machine) !== machine.rate
    if (lasting(unpricedSince, null, spec.id, isUnpriced) > longestDoubt) {
      world.broken("money", `${spec.id} does not know that ${machine.id} costs ${machine.rate}`)
    }
  }

  const checkOrphan = (machine: Machine): void => {
    if (!ledger.bills(machine) || machine.owner === null || machine.attempt === null) return
    const place = fleet.places.find(({ owner }) => owner === machine.owner)
    if (place === undefined) return
    const state = database.byAttempt(machine.attempt)
    const inMind = database.wasNamed(machine.attempt)
      ? place.member?.services?.engine.byAttempt(AttemptId.make(machine.attempt))?.state
      : undefined
    const isKnown = [state, inMind].some((one) => one !== undefined && known(one).includes(machine))
    // where the wall clock is behind, everything looks young
    const isAllowed = isKnown || (state !== undefined && !isTrue(state)) ||
      (state === undefined && place.host.wentBack()) || !ledger.isVisible(machine)
    if (lasting(orphanSince, null, machine.id, !isAllowed) > longestDoubt) {
      world.broken(
        state === undefined ? "known" : state.phase._tag === "Ended" ? "ends" : "one",
        `${machine.id} (${machine.origin}) of ${state?.spec.id ?? "no session"} lives and is not being ended`
      )
    }
  }

  const quiet = (): void => {
    if (now() - lookedAt < pause) return
    lookedAt = now()
    noteBeginnings()
    database.quiet()
    ends.quiet()
    for (const member of fleet.running()) {
      const { process, services } = member
      if (services === null || process.host.isAsleep() || member.isZombie || !services.engine.isQuiet()) continue
      const read = process.host.read()
      for (const { state } of services.engine.all()) {
        if (paid.has(state)) continue
        rests(member, services, state, read)
        stops(member, state)
        notices(member, services, state)
        pays(member, state, read)
      }
    }
    for (const [id, { at, member }] of rows.untold) {
      if (!member.process.isAlive() || member.isZombie) rows.untold.delete(id)
      else if (database.isBehind(member.process)) continue
      else if (!member.process.host.isAsleep() && now() - Math.max(at, member.process.host.awakeSince()) > minute) {
        world.broken("order", `${id} is over and no event told so`)
      }
    }
    const faultFree = faultFreeFor()
    if (faultFree === 0) return
    for (const state of database.open()) if (isTrue(state)) row(state, faultFree)
    for (const machine of ledger.billing()) checkOrphan(machine)
  }

  const isPast = (member: Member, state: SessionState): string | null => {
    const { phase, spec } = state
    if (!isTrue(state)) return null
    const { idleTtl, maxRuntime } = spec.policy
    const { host } = member.process
    if (phase._tag === "Ended") return null
    const stop = member.stops.get(spec.id)
    if (stop !== undefined && now() - stop > longestEnd) return "its end was asked for"
    const wall = host.leastWall(member.services?.engine.get(spec.id)?.state.clock ?? state.clock)
    if (maxRuntime !== null && wall - state.createdAt > maxRuntime + 5 * minute) return "its time is over"
    const touched = member.touches.get(spec.id)?.at(-1) ?? 0
    const isIdle = idleTtl !== null && spec.mode === "interactive" && phase._tag === "Live" &&
      host.mono() - touched > idleTtl + 10 * minute && now() - member.startedAt > idleTtl + 10 * minute &&
      now() - (begun.get(spec.id) ?? 0) > idleTtl + 20 * minute
    return isIdle ? "it is not used" : null
  }

  /** Until when each session had no machine yet. */
  const begun = new Map<string, number>()
  const noteBeginnings = (): void => {
    for (const { phase, spec: { id } } of database.open()) {
      if (phase._tag !== "Live" || !begun.has(id)) begun.set(id, now())
    }
  }

  let settledAt = 0
  let settledSince: number | null = null

  const rest = (): void => {
    for (const state of database.rows.values()) {
      const { phase, spec } = state
      // a session that has just begun to end was checked until now
      const isEnding = phase._tag === "Ending" && now() - (rows.endingSince.get(spec.id) ?? 0) < longestEnd
      if (!isTrue(state)) continue
      if (phase._tag !== "Live" && phase._tag !== "Ended" && !isEnding) {
        world.broken("ends", `${spec.id} is still ${phase._tag} after an hour without faults: ${JSON.stringify(state)}`)
      }
      const member = fleet.places.find(({ owner }) => owner === spec.owner)?.member
      if (member === null || member === undefined) continue
      const why = isPast(member, state)
      if (why !== null) world.broken("ends", `${spec.id} is ${phase._tag}, though ${why}`)
    }
    for (const member of fleet.running()) {
      if (member.heard === null || member.isZombie) continue
      const [heard, told] = [member.heard.map(facts), member.told.map(facts)]
      const other = told.findIndex((one, index) => one !== heard[index])
      if (other === -1 && heard.length === told.length) continue
      world.broken("order", `${member.process.name} told its subscribers ${heard[other]} and the bus ${told[other]}`)
    }
  }

  /** Whether no session and no machine of an owner is left that could still do something. */
  const isSettled = (): boolean => {
    if (rows.untold.size > 0 || fleet.places.some(({ member }) => member?.services === null)) return false
    for (const { pendingTerminations, phase } of database.rows.values()) {
      if (phase._tag !== "Ended" || pendingTerminations.length > 0) return false
    }
    return ledger.billing().every(({ owner }) => fleet.places.every((place) => place.owner !== owner))
  }

  const isOver = (): boolean => {
    if (now() - settledAt < pause) return false
    settledAt = now()
    if (!isSettled()) settledSince = null
    else settledSince ??= now()
    return settledSince !== null && now() - settledSince > longestDoubt
  }

  return { quiet, isOver, rest }
}
