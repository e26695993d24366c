/**
 * Checks every create and delete before it is sent, and every event when it is told, against the rows of that moment.
 *
 * @since 0.1.0
 */
import type { EventEnvelope } from "../../orchestrator/OrchestratorTopics.ts"
import { AttemptId, type SessionState } from "../../orchestrator/Session.ts"
import * as NameStamp from "../../provider/NameStamp.ts"
import type * as Cloud from "./Cloud.ts"
import type { CreateWatch } from "./CreateWatch.ts"
import type { Database } from "./Database.ts"
import type { EndWatch } from "./EndWatch.ts"
import type { ExitWatch } from "./ExitWatch.ts"
import type { Fleet, Member } from "./Fleet.ts"
import { isAmong, isSame, type Machine } from "./Ledger.ts"
import type { Listings as Missing } from "./Listings.ts"
import type { Process } from "./Process.ts"
import type { RowWatch } from "./RowWatch.ts"
import type { Stateless } from "./Stateless.ts"
import type { World } from "./World.ts"

/**
 * Checks calls and what sessions tell.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallWatch extends Cloud.Witness {
  readonly told: (member: Member, published: EventEnvelope) => void
}

interface Listings {
  readonly since: number
  readonly count: number
}

/** Whether a row says what an event says. */
const isWritten = (row: SessionState | undefined, { computeId, event, id }: EventEnvelope): boolean => {
  if (event._tag === "Released") return true
  // the row of a session that is over may have been deleted
  if (row === undefined) return event._tag === "Ended" || event._tag === "OrphanFound"
  const { last, phase, refusals, report, pendingTerminations } = row
  const isEnding = phase._tag === "Ending" || phase._tag === "Ended"
  const hasMachine = (machine: string | null): boolean =>
    machine === null || machine === last || (phase._tag === "Live" && phase.computeId === machine) ||
    pendingTerminations.some((one) => one.computeId === machine) ||
    row.terminatedIds.some((one) => (typeof one === "string" ? one : one.computeId) === machine)
  switch (event._tag) {
    case "Status":
      return event.status === "terminated" && event.computeId === null ? isEnding : hasMachine(event.computeId)
    case "Ended":
      return phase._tag === "Ended"
    case "Terminating":
    case "Task":
      return isEnding
    case "Refused":
      return refusals.length > 0
    case "TaskReport":
      return report !== null
    case "OrphanFound":
      return hasMachine(event.computeId)
    case "Respawned":
      return hasMachine(event.newId)
    default:
      return row.spec.id === id && (computeId === null || hasMachine(computeId))
  }
}

/** The first of these listings may have been read before it was under way, the next while it was written. */
const mostOverlooked = 4

/** Whether a session is ending the machine, or has ended it. */
const isEndedBy = ({ pendingTerminations, terminatedIds }: SessionState, machine: Machine): boolean =>
  isAmong(pendingTerminations, machine) || isAmong(terminatedIds, machine)

/** What may still be told of a session after its end. */
const afterwards: ReadonlySet<string> = new Set(["OrphanFound", "TerminateFailed", "TerminateStuck", "Released"])

/**
 * Checks calls and what sessions tell; a machine younger than `grace` must not be ended by the reaper.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly world: World
  readonly database: () => Database
  readonly fleet: () => Fleet
  readonly rows: RowWatch
  readonly creates: CreateWatch
  readonly ends: EndWatch
  readonly exits: ExitWatch
  readonly listings: Missing
  readonly stateless: Stateless
  readonly grace: number
}): CallWatch => {
  const { creates, database, ends, exits, fleet, grace, rows, stateless, world } = options
  const { heard } = options.listings
  const { ledger, timeline } = world
  const created = new Set<string>()
  const listings = new Map<Process, Map<string, Listings>>()
  const overlooked = new Map<Machine, number>()
  const endsTold = new Map<string, Set<string>>()

  const attemptOf = (name: string): string => NameStamp.parse(name)?.attempt ?? ""

  const whyNotReapable = (process: Process, provider: string, id: string): string | null => {
    const machine = ledger.find(provider, id)
    const seen = listings.get(process)?.get(`${provider} ${id}`)
    if (machine === undefined || seen === undefined) return "it was never listed"
    if (seen.count < 2) return "it was listed once"
    if (timeline.now() - machine.bornAt < grace) return `it is ${timeline.now() - machine.bornAt} ms old`
    return null
  }

  /** A session must know a machine of its own that has been in several listings. */
  const noticed = (member: Member, provider: string, id: string): void => {
    const machine = ledger.find(provider, id)
    if (machine === undefined || machine.owner !== member.owner || machine.attempt === null || member.isZombie) return
    const row = database().byAttempt(machine.attempt)
    const isAwaited = row === undefined || row.phase._tag === "Renting" || row.phase._tag === "Resolving"
    const engine = member.services?.engine
    // where the row is one of old, what counts is what its process knows
    const known = database().wasNamed(machine.attempt)
      ? engine?.byAttempt(AttemptId.make(machine.attempt))?.state
      : row
    const isKnown = known !== undefined && ((known.phase._tag === "Live" && isSame(known.phase, machine)) ||
      known.pendingTerminations.some((one) => isSame(one, machine)))
    // a process that has not read its rows yet knows no machine
    const isReading = engine !== undefined && engine.isQuiet() && row !== undefined &&
      engine.get(row.spec.id) !== undefined
    if (isAwaited || isKnown || !isReading || !ledger.bills(machine)) {
      overlooked.delete(machine)
      return
    }
    const times = (overlooked.get(machine) ?? 0) + 1
    overlooked.set(machine, times)
    if (times < mostOverlooked) return
    const invariant = row.phase._tag === "Live" ? "one" : "ends"
    world.broken(
      invariant,
      `${id} (${machine.origin}) of ${row.spec.id} was listed ${times} times and is not being ended`
    )
  }

  return {
    creating: (process, name) => {
      if (stateless.creating(process, name)) return
      const attempt = attemptOf(name)
      const row = database().byAttempt(attempt)
      if (row !== undefined) creates.creating(process, name, row)
      if (row === undefined) {
        if (!database().wasNamed(attempt)) world.broken("order", `${process.name} asks for ${name}, which no row names`)
      } else if (fleet().memberOf(process)?.lost.has(row.spec.id)) {
        world.broken("one", `${process.name} asks for ${name} of a row that another process has written`)
      }
    },
    created: (name) => {
      const attempt = attemptOf(name)
      const row = database().byAttempt(attempt)
      // a row of old may not know of the create, and its machine is ended as a duplicate of the new one
      const isOfOld = row !== undefined && database().wasRestored(row.spec.id)
      if (created.has(attempt) && !isOfOld) world.broken("one", `a second create for ${name}`)
      created.add(attempt)
      if (row === undefined) {
        const isNamed = database().wasNamed(attempt) || stateless.owns(attempt)
        if (!isNamed) world.broken("known", `${name} is created and no row names it`)
        return
      }
      const isEnding = (machine: Machine) => row.pendingTerminations.some((one) => isSame(one, machine))
      const beside = row.attempts.filter(({ id }) => id !== attempt).flatMap(({ id }) => ledger.ofAttempt(id))
        .find((machine) =>
          machine.origin === "rent" && ledger.bills(machine) && !isEnding(machine) && !ledger.isDenied(machine)
        )
      if (beside !== undefined) {
        world.broken("one", `${name} is created beside ${beside.id} of the same session, which is not being ended`)
      }
    },
    refused: (name) => void created.delete(attemptOf(name)),
    ending: (process, provider, id) => {
      const machine = ledger.find(provider, id)
      const member = fleet().memberOf(process)
      if (machine !== undefined) ends.asked(process, machine)
      if (machine !== undefined && machine.attempt !== null && stateless.owns(machine.attempt)) return
      if (machine === undefined || machine.owner !== member?.owner || machine.attempt === null) {
        world.broken("ours", `${process.name} deletes ${id} (${machine?.name}), which is not its own`)
        return
      }
      const row = database().byAttempt(machine.attempt)
      const decided = member.services?.engine.byAttempt(AttemptId.make(machine.attempt))?.state
      // what an attempt of a row has made may be ended before that is written, while the store cannot be written; also by a process
      // that cannot know yet that another has its sessions, and not any more by one that was told so
      const isAhead = decided !== undefined && isEndedBy(decided, machine) && !database().hasHeardOfLoss(process) &&
        (database().isBehind(process) || database().wasNamed(machine.attempt))
      if (isAhead) return
      if (row === undefined) {
        const why = whyNotReapable(process, provider, id)
        if (why !== null) world.broken("ours", `${process.name} deletes ${id} as a machine of no session, but ${why}`)
        return
      }
      if (row.phase._tag === "Live" && isSame(row.phase, machine)) {
        world.broken("ours", `${process.name} deletes ${id}, on which ${row.spec.id} lives`)
      }
      if (!isEndedBy(row, machine)) {
        world.broken("ours", `${process.name} deletes ${id} of ${row.spec.id}, which is not being ended`)
      }
    },
    exited: exits.exited,
    readExit: exits.read,
    unreadable: exits.failed,
    listed: (process, provider, ids) => {
      heard(process, provider, ids)
      const member = fleet().memberOf(process)
      if (member !== undefined) { for (const id of ids) noticed(member, provider, id) }
      const mine = listings.get(process) ?? new Map<string, Listings>()
      listings.set(process, mine)
      for (const id of ids) {
        const key = `${provider} ${id}`
        const machine = ledger.find(provider, id)
        if (machine !== undefined) ends.listed(process, machine)
        const seen = mine.get(key)
        mine.set(key, { since: seen?.since ?? timeline.now(), count: (seen?.count ?? 0) + 1 })
      }
    },
    told: (member, published) => {
      const { event, id } = published
      const leaked = world.secrets.find(() => JSON.stringify(published))
      if (leaked !== undefined) world.broken("secrets", `an event of ${id} holds ${leaked}`)
      const row = database().rows.get(id)
      // what was told and then lost from the store is told again
      if (database().wasRestored(id)) return void rows.untold.delete(id)
      if (!isWritten(row, published) && !(row === undefined && database().wasDeleted(id))) {
        world.broken(
          "order",
          `${member.process.name} tells ${event._tag} of ${id}, and its row says ${row?.phase._tag}`
        )
      }
      // and so is what two processes have decided
      if (rows.contested.has(id)) return void rows.untold.delete(id)
      const past = endsTold.get(id) ?? new Set<string>()
      endsTold.set(id, past)
      // a process that has not noticed yet that it lost its owner lock still tells what needs no row
      if (past.has("Ended") && !member.isZombie && !afterwards.has(event._tag)) {
        world.broken("order", `${id} tells ${event._tag} after its end`)
      }
      if (event._tag === "Task" && past.has("Terminating")) {
        world.broken("order", `${id} tells its outcome after its end`)
      }
      if (event._tag === "Terminating" || event._tag === "Task" || event._tag === "Ended") {
        if (past.has(event._tag)) world.broken("order", `${id} tells ${event._tag} twice`)
        past.add(event._tag)
      }
      if (event._tag === "Ended") rows.untold.delete(id)
    }
  }
}
