/**
 * Checks that what is told to be over is gone from the ledger, and that what must end is being ended whatever else fails.
 *
 * @since 0.1.0
 */
import { AttemptId, type SessionId, type SessionState } from "../../orchestrator/Session.ts"
import type { Database } from "./Database.ts"
import type { Fleet, Member } from "./Fleet.ts"
import type { Machine } from "./Ledger.ts"
import type { Process } from "./Process.ts"
import type { World } from "./World.ts"

/**
 * Checks of ends.
 *
 * @category models
 * @since 0.1.0
 */
export interface EndWatch {
  /** Every attempt of a session, as far as its process knows. */
  readonly attemptsOf: (member: Member, id: SessionId) => ReadonlyArray<string>
  /** A caller of a process is told that what these attempts have made is gone. */
  readonly succeeded: (member: Member, what: string, attempts: ReadonlyArray<string>) => void
  /** A whole listing with this machine has reached a process. */
  readonly listed: (process: Process, machine: Machine) => void
  /** A process has closed in good order. */
  readonly closed: (member: Member) => void
  /** A process sends a delete. */
  readonly asked: (process: Process, machine: Machine) => void
  /** No process can go on at this moment. */
  readonly quiet: () => void
}

const second = 1_000
const minute = 60 * second
/** What a listing says is decided upon at once, and written soon. */
const unnoticed = 10 * second
/** The longest back-off between two terminates, one that is not answered, a look, and ten seconds. */
const mostWithheld = 60 * second + 20 * second + 10 * second + 10 * second
/** How late a limit is noticed: wall clocks are looked at once a minute, and a machine may be renting when it is reached. */
const mostLate = 3 * minute

/**
 * Checks of ends.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly world: World
  readonly database: () => Database
  readonly fleet: () => Fleet
}): EndWatch => {
  const { database, fleet, world } = options
  const { ledger, timeline: { now } } = world
  const askedAt = new Map<Process, Map<Machine, number>>()
  const listedAt = new Map<Process, Map<Machine, number>>()

  const attemptsOf = (member: Member, id: SessionId): ReadonlyArray<string> => {
    const state = member.services?.engine.get(id)?.state ?? database().rows.get(id)
    return state?.attempts.map((attempt) => attempt.id) ?? []
  }

  /** Whether a process cannot have noticed the machine, or its cloud has denied it. */
  const isUnknown = ({ process }: Member, machine: Machine): boolean =>
    (machine.origin !== "rent" && !(now() - (listedAt.get(process)?.get(machine) ?? now()) > unnoticed)) ||
    ledger.isDenied(machine)

  const succeeded = (member: Member, what: string, attempts: ReadonlyArray<string>): void => {
    const machine = attempts.flatMap(ledger.ofAttempt).find((one) => ledger.bills(one) && !isUnknown(member, one))
    if (machine !== undefined) world.broken("proven", `${what} succeeds, and ${machine.id} (${machine.origin}) lives`)
  }

  /** The machines of a row that must be gone: what is pending, and the current one when the session is to end. */
  const mustEnd = (member: Member, row: SessionState): ReadonlyArray<Machine> => {
    const isToEnd = isPast(member, row) || row.phase._tag === "Ending"
    const places = row.phase._tag === "Live" && isToEnd
      ? [row.phase, ...row.pendingTerminations.filter(({ step }) => step === "due" || step === "terminating")]
      : row.pendingTerminations.filter(({ step }) => step === "due" || step === "terminating")
    return places.flatMap(({ computeId, provider }) => ledger.find(provider, computeId) ?? [])
  }

  /** Whether a limit of a session was reached, or its end asked for, so long ago that its process must have begun to end it. */
  const isPast = (member: Member, { createdAt, phase, spec, ...row }: SessionState): boolean => {
    if (phase._tag !== "Live") return false
    // a process counts from what it has read, and writes that only with the next change
    const clock = member.services?.engine.get(spec.id)?.state.clock ?? row.clock
    const stop = member.stops.get(spec.id)
    if (stop !== undefined && now() - stop > 10 * second) return true
    const { host } = member.process
    const { idleTtl, maxRuntime } = spec.policy
    const wall = host.leastWall(clock)
    if (maxRuntime !== null && wall - createdAt > maxRuntime + mostLate) return true
    const machine = ledger.find(phase.provider, phase.computeId)
    const isUnready = machine !== undefined && machine.mapsAt > now() && phase.readyArmed
    const { readyTimeout } = spec.policy
    if (isUnready && readyTimeout !== null && wall - phase.rentedAt > readyTimeout + mostLate) return true
    const used = Math.max(member.touches.get(spec.id)?.at(-1) ?? 0, clock.mono)
    return idleTtl !== null && spec.mode === "interactive" && host.mono() - used > idleTtl + mostLate &&
      now() - member.startedAt > idleTtl + mostLate
  }

  const wantedSince = new Map<Process, Map<Machine, number>>()

  const check = (member: Member, row: SessionState, mine: Map<Machine, number>, seen: Set<Machine>): void => {
    const { process } = member
    for (const machine of mustEnd(member, row)) {
      if (!ledger.bills(machine) || !ledger.isVisible(machine)) continue
      seen.add(machine)
      const since = mine.get(machine) ?? now()
      mine.set(machine, since)
      const last = askedAt.get(process)?.get(machine) ?? 0
      const free = Math.max(since, last, process.host.awakeSince(), member.startedAt)
      if (now() - free <= mostWithheld) continue
      world.broken(
        "prompt",
        `${process.name} has not tried to end ${machine.id} of ${row.spec.id} (${row.phase._tag}) for ${
          now() - free
        } ms`
      )
    }
  }

  return {
    attemptsOf,
    succeeded,
    closed: (member) => {
      for (const row of database().rows.values()) {
        const { persist, id, owner } = row.spec
        if (owner !== member.owner || (persist && row.report === null) || member.unclosed.includes(id)) continue
        // it was not the business of a process that could not read it
        if (!database().isReadable(id)) continue
        succeeded(member, `the close of ${member.process.name} with ${id}`, row.attempts.map((attempt) => attempt.id))
      }
    },
    listed: (process, machine) => {
      // a process learns nothing from one that comes before the session was loaded
      const { attempt } = machine
      const engine = fleet().memberOf(process)?.services?.engine
      if (attempt === null || engine?.byAttempt(AttemptId.make(attempt)) === undefined) return
      const mine = listedAt.get(process) ?? new Map<Machine, number>()
      if (!mine.has(machine)) listedAt.set(process, mine.set(machine, now()))
    },
    asked: (process, machine) => {
      const mine = askedAt.get(process) ?? new Map<Machine, number>()
      askedAt.set(process, mine.set(machine, now()))
    },
    quiet: () => {
      for (const member of fleet().running()) {
        const { process } = member
        if (process.host.isAsleep() || member.isZombie || member.isClosing) continue
        const mine = wantedSince.get(process) ?? new Map<Machine, number>()
        wantedSince.set(process, mine)
        const seen = new Set<Machine>()
        for (const row of database().open()) {
          if (row.spec.owner === member.owner && member.services?.engine.get(row.spec.id) !== undefined) {
            check(member, row, mine, seen)
          }
        }
        for (const machine of mine.keys()) if (!seen.has(machine)) mine.delete(machine)
      }
    }
  }
}
