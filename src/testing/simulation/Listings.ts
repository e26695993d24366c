/**
 * Remembers which machines were missing from the whole listings that a process has had: only that may lead to giving one up.
 *
 * @since 0.1.0
 */
import type { Machine } from "./Ledger.ts"
import type { Process } from "./Process.ts"
import type { World } from "./World.ts"

/**
 * What listings were without.
 *
 * @category models
 * @since 0.1.0
 */
export interface Listings {
  /** A whole listing has reached a process. */
  readonly heard: (process: Process, provider: string, ids: ReadonlyArray<string>) => void
  /** Whether one that the process has had lately was without the machine. */
  readonly wasMissing: (process: Process, machine: Machine) => boolean
}

/** A look that a listing leads to may fail a few times before it is answered, in milliseconds. */
const lately = 600_000

/**
 * No listing was had yet; where no cloud denies a machine nothing is remembered.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ ledger, timeline }: World, isNeeded: boolean): Listings => {
  const missing = new Map<Process, Map<Machine, number>>()
  return {
    heard: (process, provider, ids) => {
      if (!isNeeded) return
      const listed = new Set(ids)
      const mine = missing.get(process) ?? new Map<Machine, number>()
      missing.set(process, mine)
      for (const machine of ledger.billing()) {
        if (machine.provider === provider && !listed.has(machine.id)) mine.set(machine, timeline.now())
      }
    },
    wasMissing: (process, machine) => {
      const at = missing.get(process)?.get(machine)
      return !isNeeded || (at !== undefined && timeline.now() - at < lately)
    }
  }
}
