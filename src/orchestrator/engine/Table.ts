/**
 * Every session of the engine as it was last committed, and what is kept of it in memory only.
 */
import type { AuthHandle, Compute } from "../../domain/Compute.ts"
import type { ComputeId } from "../../domain/Ids.ts"
import type { AttemptId, SessionId } from "../session/Ids.ts"
import type { SessionState } from "../session/State.ts"
import type { Secrets } from "../SessionSecrets.ts"

/** One session. Only the engine's own fiber writes to it. */
export interface Entry {
  state: SessionState
  /** What it rents with; null after a restart. */
  secrets: Secrets | null
  /** The credential of the last rent; never stored. */
  auth: AuthHandle | null
  /** Its machine as last seen, with ports and URLs. */
  compute: Compute | null
  /** The time it stands in the heap with; null when it does not. */
  wake: number | null
}

/** The sessions by id, by attempt and by machine. */
export interface Table {
  readonly get: (id: SessionId) => Entry | undefined
  readonly all: () => IterableIterator<Entry>
  readonly size: () => number
  readonly byAttempt: (attempt: AttemptId) => Entry | undefined
  /** The session whose machine this is or was. */
  readonly byCompute: (computeId: ComputeId) => Entry | undefined
  /** Puts an entry in, or what has changed of it. */
  readonly put: (entry: Entry) => void
  readonly remove: (id: SessionId) => void
}

/** The machine a session has or had last. */
export const machineOf = ({ last, phase }: SessionState): ComputeId | null =>
  phase._tag === "Live" ? phase.computeId : last

/** An empty table. */
export const make = (): Table => {
  const entries = new Map<SessionId, Entry>()
  const attempts = new Map<AttemptId, Entry>()
  const machines = new Map<ComputeId, Entry>()
  return {
    get: (id) => entries.get(id),
    all: () => entries.values(),
    size: () => entries.size,
    byAttempt: (attempt) => attempts.get(attempt),
    byCompute: (computeId) => machines.get(computeId),
    put: (entry) => {
      const { state } = entry
      entries.set(state.spec.id, entry)
      const newest = state.attempts.at(-1)
      if (newest !== undefined && attempts.get(newest.id) !== entry) {
        for (const { id } of state.attempts) attempts.set(id, entry)
      }
      const machine = machineOf(state)
      if (machine !== null) machines.set(machine, entry)
    },
    remove: (id) => {
      const entry = entries.get(id)
      if (entry === undefined) return
      entries.delete(id)
      for (const attempt of entry.state.attempts) attempts.delete(attempt.id)
      for (const computeId of [machineOf(entry.state), ...entry.state.buried]) {
        if (computeId !== null && machines.get(computeId) === entry) machines.delete(computeId)
      }
    }
  }
}
