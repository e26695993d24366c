/**
 * Remembers how the commands of machines ended whose clouds tell no exit codes, and which process must know it from a log.
 *
 * @since 0.1.0
 */
import type { Fleet } from "./Fleet.ts"
import type { Machine } from "./Ledger.ts"
import type { Process } from "./Process.ts"
import type { World } from "./World.ts"

/**
 * Ends of commands.
 *
 * @category models
 * @since 0.1.0
 */
export interface ExitWatch {
  /** A log says now how the command of this machine ended; `isSlow` where its cloud may not be asked at any time. */
  readonly exited: (machine: Machine, isSlow: boolean) => void
  /** A process has read so. */
  readonly read: (process: Process, machine: Machine) => void
  /** The log could not be read now. */
  readonly failed: (machine: Machine) => void
  /** A row says for the first time that a session lives on this machine. */
  readonly lives: (machine: Machine) => void
  /** Whether the process knows how the command ended, or could not fail to read it before the machine was gone. */
  readonly mustKnow: (process: Process, machine: Machine) => boolean
}

interface End {
  readonly at: number
  readonly readAt: Map<Process, number>
  /** A look at the log has failed, or had to wait. */
  isExcused: boolean
}

/** A log that can be read for so long is read: the pause between two looks, a connection, and the way of an answer. */
const longEnough = 40_000

/**
 * No command has ended yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ timeline: { now } }: World, fleet: () => Fleet): ExitWatch => {
  const ends = new Map<Machine, End>()
  const livesSince = new Map<Machine, number>()
  return {
    exited: (machine, isSlow) => void ends.set(machine, { at: now(), readAt: new Map(), isExcused: isSlow }),
    read: (process, machine) => void ends.get(machine)?.readAt.set(process, now()),
    failed: (machine) => {
      const end = ends.get(machine)
      if (end !== undefined) end.isExcused = true
    },
    lives: (machine) => {
      if (!livesSince.has(machine)) livesSince.set(machine, now())
    },
    mustKnow: (process, machine) => {
      const end = ends.get(machine)
      const member = fleet().memberOf(process)
      if (end === undefined || member === undefined) return false
      const until = machine.goneAt ?? now()
      const readAt = end.readAt.get(process)
      if (readAt !== undefined && readAt <= until) return true
      if (end.isExcused || member.services === null) return false
      const since = [end.at, process.host.awakeSince(), member.startedAt, livesSince.get(machine) ?? until]
      return until - Math.max(...since) > longEnough
    }
  }
}
