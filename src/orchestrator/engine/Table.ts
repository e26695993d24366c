/**
 * Every session of the engine: its newest state, what of it is not in its row yet, and what is in memory only.
 */
import type * as Tracer from "effect/Tracer"
import type { Compute } from "../../domain/Compute.ts"
import type { Credential } from "../../domain/Credential.ts"
import type { ComputeId, ProviderId } from "../../domain/Ids.ts"
import type { AttemptId, SessionId } from "../session/Ids.ts"
import type { Phase } from "../session/Phase.ts"
import { hasMachine, placesOf, type SessionState } from "../session/State.ts"
import type { Secrets } from "../SessionSecrets.ts"
import type { Seen } from "./EngineContract.ts"
import * as Unsaved from "./Unsaved.ts"

/** What is known of a session and not stored in its row. */
export interface Memory {
  /** The secrets it rents with; null after a restart. */
  secrets: Secrets | null
  /** The credential of its last create; never stored. */
  auth: Credential | null
  /** Its machine as last seen, with ports and URLs. */
  compute: Compute | null
  /** The span of its last attempt; before the first attempt, the span of the caller. */
  span: Tracer.AnySpan | null
  /** The span of the caller; null where another process has begun the session. */
  request: Tracer.AnySpan | null
  /** The open span of what goes on in the caller's trace: its replacement, or its end. */
  part: Tracer.Span | null
}

/** One session. */
export interface Entry extends Memory {
  /** The newest decided state, with the version of its row. */
  state: SessionState
  /** Whether the row says all that matters of it. */
  recorded: boolean
  /** What the row does not say yet; null when nothing waits for it. */
  unsaved: Unsaved.Unsaved | null
  /** Whether there ever was a row; until then no caller sees the session. */
  isStored: boolean
  /** Whether the row has been deleted, so that the session is forgotten. */
  isDeleted: boolean
  /** The time its timer is set to; null when it has none. */
  wake: number | null
  /** The keys it is found under in the indexes. */
  indexed: Indexed
}

interface Indexed {
  readonly machines: ReadonlyArray<ComputeId>
  readonly phase: Phase["_tag"] | null
  readonly places: ReadonlyArray<ProviderId>
  readonly isChanging: boolean
}

/** The sessions that one account may hold machines of. */
export interface Place {
  readonly entries: ReadonlySet<Entry>
  /** How many of them are about to change, so that the account is worth listing often. */
  readonly changing: number
}

/** How many sessions are in each phase. */
export type Counts = Readonly<Record<Phase["_tag"], number>>

/** The sessions, found by id, attempt, machine and account. */
export interface Table {
  readonly get: (id: SessionId) => Entry | undefined
  readonly all: () => IterableIterator<Entry>
  readonly byAttempt: (attempt: AttemptId) => Entry | undefined
  /** The session that has this machine, live or to be terminated. */
  readonly byCompute: (provider: ProviderId, computeId: ComputeId) => Entry | undefined
  /** The sessions that have a machine with this id, or had it last: at several providers several. */
  readonly withComputeId: (computeId: ComputeId) => ReadonlyArray<Entry>
  readonly at: (provider: ProviderId) => Place
  readonly counts: Counts
  /** Adds a session, or replaces its state and memory. */
  readonly put: (state: SessionState, memory: Memory) => Entry
  readonly remove: (id: SessionId) => void
}

/** The memory of a session of which only the row is known, and of one that is over. */
export const emptyMemory: Memory = { secrets: null, auth: null, compute: null, span: null, request: null, part: null }

/** The machine a session has or had last. */
export const machineOf = ({ last, phase }: SessionState): ComputeId | null =>
  phase._tag === "Live" ? phase.computeId : last

/** A session as its row says it, or, without a row, as it is to be stored. */
export const seenOf = ({ compute, state, unsaved }: Entry): Seen => {
  if (unsaved === null || Unsaved.isRecorded(unsaved)) return { state, compute, recorded: true }
  return unsaved.recorded === null
    ? { state, compute, recorded: false }
    : { state: unsaved.recorded, compute, recorded: true }
}

const isChanging = ({ phase, pendingTerminations }: SessionState): boolean =>
  pendingTerminations.length > 0 || phase._tag === "Renting" || phase._tag === "Resolving" ||
  (phase._tag === "Live" && !phase.ready)

const noPlaces: ReadonlyArray<ProviderId> = []
const noEntries: ReadonlyArray<Entry> = []
const noMachines: ReadonlyArray<ComputeId> = []
const unindexed: Indexed = { machines: noMachines, phase: null, places: noPlaces, isChanging: false }

/** The ids of the machine that a session has or had last and of those that it ends; the same list as long as these are the same. */
const idsOf = (state: SessionState, before: ReadonlyArray<ComputeId>): ReadonlyArray<ComputeId> => {
  const current = machineOf(state)
  if (state.pendingTerminations.length === 0) {
    const [known, more] = before
    return current === null ? noMachines : known === current && more === undefined ? before : [current]
  }
  const ids = new Set(state.pendingTerminations.map(({ computeId }) => computeId))
  if (current !== null) ids.add(current)
  return ids.size === before.length && before.every((id) => ids.has(id)) ? before : [...ids]
}

/** An empty table. */
export const make = (): Table => {
  const entries = new Map<SessionId, Entry>()
  const attempts = new Map<AttemptId, Entry>()
  /** Two providers may give out equal ids, and one the same id again. */
  const machines = new Map<ComputeId, Entry | ReadonlyArray<Entry>>()
  const places = new Map<ProviderId, { readonly entries: Set<Entry>; changing: number }>()
  const singles = new Map<ProviderId, ReadonlyArray<ProviderId>>()
  const counts = { Renting: 0, Resolving: 0, Live: 0, Waiting: 0, Ending: 0, Ended: 0 }

  const placeAt = (provider: ProviderId) => {
    const place = places.get(provider) ?? { entries: new Set<Entry>(), changing: 0 }
    places.set(provider, place)
    return place
  }
  /** Sessions at one provider share one list, since there may be a hundred thousand of them. */
  const shared = (all: ReadonlyArray<ProviderId>): ReadonlyArray<ProviderId> => {
    const [first, second] = all
    if (first === undefined) return noPlaces
    if (second !== undefined) return all
    const single = singles.get(first) ?? all
    singles.set(first, single)
    return single
  }

  /** Nearly every machine is of one session alone, which then takes no list. */
  const isOne = (held: Entry | ReadonlyArray<Entry>): held is Entry => !Array.isArray(held)
  const withId = (computeId: ComputeId): ReadonlyArray<Entry> => {
    const held = machines.get(computeId)
    return held === undefined ? noEntries : isOne(held) ? [held] : held
  }

  const index = (entry: Entry, next: Indexed): void => {
    const { indexed: old } = entry
    if (old.phase !== next.phase) {
      if (old.phase !== null) counts[old.phase] -= 1
      if (next.phase !== null) counts[next.phase] += 1
    }
    if (old.machines !== next.machines) {
      for (const id of old.machines) {
        const others = withId(id).filter((other) => other !== entry)
        const [first] = others
        if (first === undefined) machines.delete(id)
        else machines.set(id, others.length === 1 ? first : others)
      }
      for (const id of next.machines) machines.set(id, machines.has(id) ? [...withId(id), entry] : entry)
    }
    if (old.places !== next.places || old.isChanging !== next.isChanging) {
      for (const provider of old.places) {
        const place = placeAt(provider)
        place.entries.delete(entry)
        if (old.isChanging) place.changing -= 1
      }
      for (const provider of next.places) {
        const place = placeAt(provider)
        place.entries.add(entry)
        if (next.isChanging) place.changing += 1
      }
    }
    entry.indexed = next
  }

  return {
    get: (id) => entries.get(id),
    all: () => entries.values(),
    byAttempt: (attempt) => attempts.get(attempt),
    byCompute: (provider, computeId) =>
      withId(computeId).find(({ state }) => hasMachine(state, { provider, computeId })),
    withComputeId: (computeId) => withId(computeId).filter(({ state }) => machineOf(state) === computeId),
    at: placeAt,
    counts,
    put: (state, memory) => {
      const known = entries.get(state.spec.id)
      // field by field, since an object that is spread and added to takes more room
      const entry = known ?? {
        secrets: memory.secrets,
        auth: memory.auth,
        compute: memory.compute,
        span: memory.span,
        request: memory.request,
        part: memory.part,
        state,
        recorded: true,
        unsaved: null,
        isStored: state.version > 0,
        isDeleted: false,
        wake: null,
        indexed: unindexed
      }
      if (known === undefined) entries.set(state.spec.id, entry)
      else {
        entry.secrets = memory.secrets
        entry.auth = memory.auth
        entry.compute = memory.compute
        entry.span = memory.span
        entry.request = memory.request
        entry.part = memory.part
        if (entry.state === state) return entry
        entry.state = state
      }
      const newest = state.attempts.at(-1)
      if (newest !== undefined && attempts.get(newest.id) !== entry) {
        for (const { id } of state.attempts) attempts.set(id, entry)
      }
      index(entry, {
        machines: idsOf(state, entry.indexed.machines),
        phase: state.phase._tag,
        places: shared(placesOf(state)),
        isChanging: isChanging(state)
      })
      return entry
    },
    remove: (id) => {
      const entry = entries.get(id)
      if (entry === undefined) return
      entries.delete(id)
      for (const attempt of entry.state.attempts) attempts.delete(attempt.id)
      index(entry, unindexed)
    }
  }
}
