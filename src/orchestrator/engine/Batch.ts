/**
 * One turn of the engine before anything has happened: letters in, new states, news and commands out. Pure.
 */
import { type AuthHandle, Compute } from "../../domain/Compute.ts"
import type { Now } from "../session/Clock.ts"
import type { DecideConfig } from "../session/Config.ts"
import { decide } from "../session/Decide.ts"
import type { Command, SessionEvent } from "../session/Event.ts"
import type { SessionId } from "../session/Ids.ts"
import { needsCommit, type SessionState } from "../session/State.ts"
import type { Write } from "../store/StoreContract.ts"
import type { Message } from "./Mailbox.ts"
import { emptyMemory, type Entry, type Memory, type Table } from "./Table.ts"

/** What a turn makes of one session. */
export interface SessionUpdate extends Memory {
  readonly id: SessionId
  readonly before: SessionState | null
  after: SessionState
  readonly events: Array<SessionEvent>
  readonly commands: Array<Command>
}

/** The sessions that heard something, in the order in which they first did. */
export type SessionUpdates = ReadonlyMap<SessionId, SessionUpdate>

const begin = (id: SessionId, entry: Entry | undefined, state: SessionState): SessionUpdate => {
  const { auth, compute, secrets, span } = entry ?? emptyMemory
  return { id, before: entry?.state ?? null, after: state, secrets, auth, compute, span, events: [], commands: [] }
}

/** Whether this compute is the session's current machine. */
const isCurrent = ({ phase }: SessionState, { id, provider }: Compute): boolean =>
  phase._tag === "Live" && phase.computeId === id && phase.provider === provider

/** Whether a look shows what is known; most do, and then the old object is kept. */
const isSame = (known: Compute | null, seen: Compute): boolean =>
  known !== null && known.id === seen.id && known.status === seen.status && known.publicIp === seen.publicIp &&
  known.costPerHour === seen.costPerHour && known.exitCode === seen.exitCode && known.failure === seen.failure &&
  known.ports.length === seen.ports.length &&
  known.ports.every(({ external, url }, index) =>
    external === seen.ports[index]?.external && url === seen.ports[index]?.url
  )

/** As it is kept: with the credential that only we have, without the provider's own words. */
const kept = (compute: Compute, auth: AuthHandle | null): Compute =>
  new Compute({ ...compute, auth: compute.auth ?? auth, raw: null })

const keep = (decideAll: SessionUpdate, { auth, caller, computes, secrets }: Message): void => {
  if (secrets !== undefined) decideAll.secrets = secrets
  if (caller !== undefined) decideAll.span = caller
  if (auth !== undefined) decideAll.auth = auth
  const current = computes?.find((compute) => isCurrent(decideAll.after, compute))
  if (current !== undefined && !isSame(decideAll.compute, current)) decideAll.compute = kept(current, decideAll.auth)
}

/** Use that came in while an earlier turn was written is older than the present moment: it counts before any clock does. */
const touchesFirst = (letters: ReadonlyArray<Message>): ReadonlyArray<Message> => {
  const isTouch = ({ event }: Message): boolean => event._tag === "Touched"
  return letters.some(isTouch) ? [...letters.filter(isTouch), ...letters.filter((letter) => !isTouch(letter))] : letters
}

/** Decides every letter, touches first and the others in order; a letter to nobody is dropped. */
export const draft = (
  letters: ReadonlyArray<Message>,
  table: Pick<Table, "get">,
  now: Now,
  config: DecideConfig
): SessionUpdates => {
  const drafts = new Map<SessionId, SessionUpdate>()
  for (const letter of touchesFirst(letters)) {
    const { event, id } = letter
    const known = drafts.get(id)
    const entry = known === undefined ? table.get(id) : undefined
    const { commands, events, state } = decide(known?.after ?? entry?.state ?? null, event, now, config)
    if (state === null) continue
    const draft = known ?? begin(id, entry, state)
    draft.after = state
    draft.events.push(...events)
    draft.commands.push(...commands)
    keep(draft, letter)
    drafts.set(id, draft)
  }
  return drafts
}

/** Whether its row is to be deleted. */
export const isForgotten = ({ commands }: SessionUpdate): boolean => commands.some(({ _tag }) => _tag === "Forget")

/** What must be written before anything of the turn happens. */
export const writes = (drafts: SessionUpdates): ReadonlyArray<Write> => {
  const all: Array<Write> = []
  for (const draft of drafts.values()) {
    const { after, before, id } = draft
    if (!needsCommit(before, after)) continue
    all.push({ id, version: after.version, state: isForgotten(draft) ? null : after })
  }
  return all
}
