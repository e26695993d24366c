/**
 * Checks every row as it is written, against the row before it and against the ledger.
 *
 * @since 0.1.0
 */
import { Meter, type SessionId, type SessionState } from "../../orchestrator/Session.ts"
import type * as Database from "./Database.ts"
import type { EarlyWatch } from "./EarlyWatch.ts"
import type { ExitWatch } from "./ExitWatch.ts"
import type { Fleet, Member } from "./Fleet.ts"
import { isSame } from "./Ledger.ts"
import type { Listings } from "./Listings.ts"
import type { Process } from "./Process.ts"
import type { World } from "./World.ts"

/**
 * What is remembered of the rows that were written.
 *
 * @category models
 * @since 0.1.0
 */
export interface RowWatch extends Database.Witness {
  /** The container of an attempt said how it ended. */
  readonly reported: (attempt: string, exitCode: number) => void
  /** When each session began to end, in true time; those that have ended are left out. */
  readonly endingSince: ReadonlyMap<SessionId, number>
  /** The process that wrote that a session is over, and when; taken out once the event was told. */
  readonly untold: Map<SessionId, { readonly member: Member; readonly at: number }>
  /** Sessions whose rows were written by two processes in turn. */
  readonly contested: ReadonlySet<SessionId>
  /** Sessions that were begun, with the owner. */
  readonly begun: ReadonlyMap<SessionId, string>
}

const rounding = 1e-6

/** What a row says of where a machine is. */
interface Place {
  readonly provider: string
  readonly computeId: string
}

/** The machines a row says must be watched. */
const machinesOf = ({ phase, pendingTerminations }: SessionState): ReadonlyArray<Place> =>
  phase._tag === "Live" ? [phase, ...pendingTerminations] : pendingTerminations

/**
 * Checks of rows.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (world: World, fleet: () => Fleet, { early, exits, listings }: {
  readonly early: EarlyWatch
  readonly exits: ExitWatch
  readonly listings: Listings
}): RowWatch => {
  const { ledger, timeline } = world
  const reports = new Map<string, Set<number>>()
  const endingSince = new Map<SessionId, number>()
  const untold = new Map<SessionId, { member: Member; at: number }>()
  const contested = new Set<SessionId>()
  const begun = new Map<SessionId, string>()
  const writers = new Map<SessionId, Process>()
  const old = new Set<SessionId>()
  /** Whether its row was one of old once, or written by two processes in turn. */
  const isBegunAgain = (id: SessionId): boolean => contested.has(id) || old.has(id)

  /** The prices a row knows are those its session has heard; a price that was never named is none. */
  const hears = ({ meter }: SessionState): void => {
    for (const { computeId, provider, rate } of meter.running) {
      const machine = ledger.find(provider, computeId)
      if (machine !== undefined && machine.named.has(rate)) ledger.told(machine, rate)
    }
  }
  /** Whether a machine that a row does not name any more still costs money. */
  const isLeft = ({ computeId, provider }: Place, after: SessionState): boolean => {
    const machine = ledger.find(provider, computeId)
    // a cloud that says of a machine that it is not there is believed, until a listing shows it
    if (machine === undefined || !ledger.bills(machine) || ledger.isDenied(machine)) return false
    return !machinesOf(after).some((one) => isSame(one, machine))
  }

  const keepsMachines = (before: SessionState, after: SessionState): void => {
    for (const one of before.pendingTerminations) {
      if (isLeft(one, after)) world.broken("ends", `${one.computeId} of ${after.spec.id} counts as gone and lives`)
    }
    const { phase } = before
    if (phase._tag === "Live" && isLeft(phase, after)) {
      world.broken("one", `${phase.computeId} of ${after.spec.id} was given up and lives`)
    }
  }

  const pays = (before: SessionState, after: SessionState): void => {
    const [was, is] = [Meter.spent(before.meter, before.clock.wall), Meter.spent(after.meter, after.clock.wall)]
    if (is < was - rounding) world.broken("money", `the meter of ${after.spec.id} went from ${was} to ${is}`)
    const { phase, spec } = after
    if (phase._tag !== "Live" || spec.policy.maxCost === null) return
    const machine = ledger.find(phase.provider, phase.computeId)
    if (machine !== undefined && ledger.toldRate(machine) === null) {
      world.broken("money", `${spec.id} has a cap and lives on ${machine.id}, whose price is unknown`)
    }
  }

  const reportsOf = ({ report, spec }: SessionState): void => {
    if (report === null) return
    const said = reports.get(report.attempt)?.has(report.exitCode) ?? false
    const ended = ledger.ofAttempt(report.attempt).some(({ exitCode }) => exitCode === report.exitCode)
    if (!said && !ended) {
      world.broken("outcome", `${spec.id} believes in ${report.exitCode} for ${report.attempt}, which never said so`)
    }
  }

  /** A session ends because it lost its machine, though it was to replace one that was never ready. */
  const replaces = ({ phase, report, respawns, spec }: SessionState, reason: string): void => {
    const { onFailure } = spec.policy
    if (phase._tag !== "Live" || phase.ready || report !== null || onFailure._tag !== "Respawn") return
    // the end of a command is no loss
    const machine = ledger.find(phase.provider, phase.computeId)
    const hasExited = (machine?.exitCode ?? null) !== null
    // its process knew it as ready, and could not write that
    if (machine?.wasShownRunning === true) return
    if (reason === "died" && hasExited) return
    if (respawns < onFailure.max) {
      world.broken("replaced", `${spec.id} ends as ${reason}, after ${respawns} of ${onFailure.max} respawns`)
    }
  }

  /** A session is over or goes on elsewhere, since its cloud says that its machine is not there: a listing must have said so first. */
  const doubts = (process: Process, before: SessionState, after: SessionState): void => {
    const { phase } = before
    const isOver = after.phase._tag === "Ending" || after.phase._tag === "Ended"
    const isLost = after.respawns > before.respawns ||
      (after.phase._tag !== "Live" && isOver && after.phase.reason === "died")
    if (phase._tag !== "Live" || !isLost || isBegunAgain(before.spec.id)) return
    const machine = ledger.find(phase.provider, phase.computeId)
    if (machine === undefined || !ledger.isDenied(machine) || !ledger.bills(machine)) return
    if (machine.status !== "running" && machine.status !== "provisioning") return
    if (listings.wasMissing(process, machine)) return
    world.broken(
      "one",
      `${machine.id} of ${after.spec.id} was given up since a look denied it, and no listing was without it`
    )
  }

  /** A session counts as ready before each port it asked for has an address. */
  const checkReady = ({ phase, spec: { id } }: SessionState): void => {
    if (phase._tag !== "Live" || !(phase.ready || phase.status === "running")) return
    const machine = ledger.find(phase.provider, phase.computeId)
    if (machine !== undefined && machine.mapsAt > timeline.now()) {
      world.broken("ready", `${id} is ready on ${machine.id}, whose ports have no address before ${machine.mapsAt}`)
    }
  }

  /** A machine is given up as lost, though its process knows how the command there has ended. */
  const heeds = (process: Process, before: SessionState, after: SessionState): void => {
    const { phase } = before
    if (phase._tag !== "Live" || isBegunAgain(before.spec.id)) return
    const machine = ledger.find(phase.provider, phase.computeId)
    if (machine === undefined) return
    if (after.report?.attempt === phase.attempt.id || !exits.mustKnow(process, machine)) return
    const facts =
      `${phase.computeId} of ${after.spec.id} was lost, though its log said that its command ended with ${machine.exitCode}`
    if (after.respawns > before.respawns) world.broken("one", `${facts}, and is replaced`)
    if (after.phase._tag === "Ending" || after.phase._tag === "Ended") {
      if (after.phase.reason === "died") world.broken("outcome", facts)
    }
  }

  const ends = (
    member: Member | undefined,
    before: SessionState | undefined,
    { clock, phase, spec, report }: SessionState
  ): void => {
    if (phase._tag !== "Ending" && phase._tag !== "Ended") return
    if (before?.phase._tag === "Ending" || before?.phase._tag === "Ended") return
    const { outcome, reason } = phase
    if (outcome._tag === "Completed" && report === null) {
      world.broken("outcome", `${spec.id} has completed, and nothing said so`)
    }
    if (spec.persist && report === null && (reason === "node_shutdown" || reason === "node_restart")) {
      world.broken("adoption", `${spec.id} persists and ended for ${reason}`)
    }
    // a row of old does not say how far its session had come
    const isOld = !writers.has(spec.id)
    if (before !== undefined && !isOld && (reason === "died" || reason === "never_ready")) replaces(before, reason)
    if (reason !== "idle_timeout" || member === undefined || spec.policy.idleTtl === null) return
    const touched = (member.touches.get(spec.id) ?? []).filter((mono) => mono <= clock.mono - 100).at(-1)
    if (touched !== undefined && clock.mono - touched < spec.policy.idleTtl - 1_000) {
      world.broken("use", `${spec.id} was touched ${clock.mono - touched} ms ago and ended as idle`)
    }
  }

  return {
    endingSince,
    untold,
    contested,
    begun,
    reported: (attempt, exitCode) => void reports.set(attempt, (reports.get(attempt) ?? new Set()).add(exitCode)),
    lost: (process, id) => {
      // a process that repeats its own write has not met another process
      if (writers.get(id) === process) return
      contested.add(id)
      fleet().memberOf(process)?.lost.add(id)
    },
    restored: (id, state) => {
      untold.delete(id)
      writers.delete(id)
      old.add(id)
      early.restored(id)
      if (state?.phase._tag === "Ending") endingSince.set(id, timeline.now())
      else endingSince.delete(id)
    },
    written: (process, before, after, id) => {
      const member = fleet().memberOf(process)
      if (after === null) {
        endingSince.delete(id)
        const made = (before?.attempts ?? []).flatMap((attempt) => ledger.ofAttempt(attempt.id))
        // a start that was given up before anything was made: its caller has left, and nothing was ever told of it
        if (made.length === 0) untold.delete(id)
        // one that its cloud has denied is found again by a listing, which an account that cannot be listed gives later
        const left = made.find((machine) =>
          ledger.bills(machine) && ledger.isVisible(machine) && machine.origin !== "late" && !ledger.isDenied(machine)
        )
        if (left !== undefined) world.broken("known", `the row of ${id} is deleted, and ${left.id} lives`)
        return
      }
      // it has read the row again that another process had written
      member?.lost.delete(id)
      begun.set(id, after.spec.owner)
      if (before?.meter !== after.meter) hears(after)
      if (after.phase._tag === "Live") {
        const machine = ledger.find(after.phase.provider, after.phase.computeId)
        if (machine !== undefined) exits.lives(machine)
      }
      const leaked = world.secrets.find(() => JSON.stringify(after))
      if (leaked !== undefined) world.broken("secrets", `the row of ${id} holds ${leaked}`)
      reportsOf(after)
      checkReady(after)
      ends(member, before, after)
      early.written(process, before, after)
      writers.set(id, process)
      if (before !== undefined) {
        keepsMachines(before, after)
        heeds(process, before, after)
        doubts(process, before, after)
        pays(before, after)
      }
      if (after.phase._tag === "Ending") {
        if (!endingSince.has(id)) endingSince.set(id, timeline.now())
      } else endingSince.delete(id)
      if (after.phase._tag === "Ended" && before?.phase._tag !== "Ended" && member !== undefined) {
        untold.set(id, { member, at: timeline.now() })
      }
    }
  }
}
