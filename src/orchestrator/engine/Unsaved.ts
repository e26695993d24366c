/**
 * What a session has decided and its row does not say yet: the events and commands that wait for it, in order. Pure.
 */
import type { EventEnvelope } from "../OrchestratorTopics.ts"
import type { Command, SessionEvent } from "../session/Event.ts"
import type { SessionState } from "../session/State.ts"
import { isWanted } from "../session/Wanted.ts"

/** One thing to be carried out, and the change of the session that it belongs to. */
export type Item =
  & { readonly revision: number }
  & (
    | { readonly _tag: "Tell"; readonly envelope: EventEnvelope }
    | { readonly _tag: "Run"; readonly command: Command }
  )

/** A session and its row, as far as they differ. */
export interface Unsaved {
  /** Monotonic clock: since when the row is behind. */
  since: number
  /** What the row says; null while there is none. */
  recorded: SessionState | null
  /** Counts the changes of the session. */
  revision: number
  /** The last change that the row must have, and the last that it has. */
  needed: number
  written: number
  /** What waits, the oldest first. */
  items: ReadonlyArray<Item>
  /** Why the row could not be written last; null when nothing is known against it. */
  fault: string | null
  /** Tries in a row that failed, and commits in a row that found another row than was written last. */
  tries: number
  losses: number
}

/** Nothing of the session waits. */
export const make = (recorded: SessionState | null, since: number): Unsaved => ({
  since,
  recorded,
  revision: 0,
  needed: 0,
  written: 0,
  items: [],
  fault: null,
  tries: 0,
  losses: 0
})

/** Whether the row says all that matters of the newest state. */
export const isRecorded = ({ needed, written }: Unsaved): boolean => written >= needed

/** Events of which the last one says it all; while a store is out for hours there would be one a minute of each. */
const repeating: ReadonlySet<SessionEvent["_tag"]> = new Set<SessionEvent["_tag"]>([
  "Heartbeat",
  "PollFailed",
  "SpendReconciled",
  "SpendReconcileFailed",
  "StaleReport",
  "TerminateFailed",
  "TerminateStuck"
])

/** Events that wait of one session; beyond that the oldest changes of status are left out. */
const mostEvents = 200

const machineOf = ({ event }: EventEnvelope): string | null => "computeId" in event ? event.computeId : null

const isRepeated = (item: Item, later: EventEnvelope): boolean =>
  item._tag === "Tell" && item.envelope.event._tag === later.event._tag &&
  machineOf(item.envelope) === machineOf(later)

const withEvent = (items: ReadonlyArray<Item>, revision: number, envelope: EventEnvelope): ReadonlyArray<Item> => {
  const kept = repeating.has(envelope.event._tag) ? items.filter((item) => !isRepeated(item, envelope)) : items
  const oldest = kept.length < mostEvents
    ? -1
    : kept.findIndex((item) => item._tag === "Tell" && item.envelope.event._tag === "Status")
  return [...(oldest === -1 ? kept : kept.toSpliced(oldest, 1)), { _tag: "Tell", revision, envelope }]
}

/** Adds one change of the session; `isNeeded` when its row must be written before it is carried out. */
export const add = (
  unsaved: Unsaved,
  { commands, envelopes, isNeeded }: {
    readonly envelopes: ReadonlyArray<EventEnvelope>
    readonly commands: ReadonlyArray<Command>
    readonly isNeeded: boolean
  }
): void => {
  const revision = unsaved.revision + 1
  unsaved.revision = revision
  if (isNeeded) unsaved.needed = revision
  for (const envelope of envelopes) unsaved.items = withEvent(unsaved.items, revision, envelope)
  // a deleted row is written like any other; there is nothing else to do
  const runs = commands.flatMap((command): ReadonlyArray<Item> =>
    command._tag === "Forget" ? [] : [{ _tag: "Run", revision, command }]
  )
  if (runs.length > 0) unsaved.items = [...unsaved.items, ...runs]
}

/**
 * Takes out what may be carried out: all that the row says, and where the record is `late` also every command but a create.
 *
 * A create waits for the record of its attempt, so every machine of a session was made by an attempt that its row names, and
 * the next process finds it by that name whatever became of the command.
 */
export const take = (unsaved: Unsaved, isLate: boolean): ReadonlyArray<Item> => {
  const isAll = isRecorded(unsaved)
  const isReady = (item: Item): boolean =>
    isAll || item.revision <= unsaved.written ||
    (isLate && item._tag === "Run" && item.command._tag !== "Rent")
  const ready = unsaved.items.filter(isReady)
  if (ready.length > 0) unsaved.items = unsaved.items.filter((item) => !isReady(item))
  return ready
}

type CreateCommand = Extract<Command, { readonly _tag: "Rent" }>

/** Takes out the creates that the session does not want any more: they were not sent, and are not sent. */
export const callOff = (unsaved: Unsaved, state: SessionState): ReadonlyArray<CreateCommand> => {
  const off: Array<CreateCommand> = []
  for (const item of unsaved.items) {
    if (item._tag !== "Run" || item.command._tag !== "Rent") continue
    const { command } = item
    if (!isWanted(state, command)) off.push(command)
  }
  if (off.length > 0) {
    unsaved.items = unsaved.items.filter((item) => item._tag !== "Run" || !off.some((rent) => rent === item.command))
  }
  return off
}
