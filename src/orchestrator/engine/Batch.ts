/**
 * One batch of the engine, decided and not yet kept: messages in; new states, events and commands out. Pure.
 */
import * as Result from "effect/Result"
import { type AuthHandle, Compute } from "../../domain/Compute.ts"
import type { Now } from "../session/Clock.ts"
import type { DecideConfig } from "../session/Config.ts"
import { decide } from "../session/Decide.ts"
import type { Command, SessionEvent } from "../session/Event.ts"
import type { SessionId } from "../session/Ids.ts"
import type { SessionState } from "../session/State.ts"
import type { Message } from "./Mailbox.ts"
import { emptyMemory, type Entry, type Memory, type Table } from "./Table.ts"

/** What a batch changes of one session. */
export interface SessionUpdate extends Memory {
  readonly id: SessionId
  readonly before: SessionState | null
  after: SessionState
  readonly events: Array<SessionEvent>
  readonly commands: Array<Command>
}

/** The sessions with messages in the batch, in the order of their first message. */
export type SessionUpdates = ReadonlyMap<SessionId, SessionUpdate>

const begin = (id: SessionId, entry: Entry | undefined, state: SessionState): SessionUpdate => {
  const { auth, compute, secrets, span } = entry ?? emptyMemory
  return { id, before: entry?.state ?? null, after: state, secrets, auth, compute, span, events: [], commands: [] }
}

/** Whether this compute is the session's current machine. */
const isCurrent = ({ phase }: SessionState, { id, provider }: Compute): boolean =>
  phase._tag === "Live" && phase.computeId === id && phase.provider === provider

/** Whether an observation shows what is known already; most do, and then the old object stays in memory. */
const isSame = (known: Compute | null, seen: Compute): boolean =>
  known !== null && known.id === seen.id && known.status === seen.status && known.publicIp === seen.publicIp &&
  known.costPerHour === seen.costPerHour && known.exitCode === seen.exitCode && known.failure === seen.failure &&
  known.ports.length === seen.ports.length &&
  known.ports.every(({ external, url }, index) =>
    external === seen.ports[index]?.external && url === seen.ports[index]?.url
  )

/** A compute as it stays in memory: with the credential that only this process has, without the provider's raw answer. */
const remembered = (compute: Compute, auth: AuthHandle | null): Compute =>
  new Compute({ ...compute, auth: compute.auth ?? auth, raw: null })

/** Takes over what a message carries for memory only. */
const remember = (update: SessionUpdate, { auth, caller, computes, secrets }: Message): void => {
  if (secrets !== undefined) update.secrets = secrets
  if (caller !== undefined) update.span = caller
  if (auth !== undefined) update.auth = auth
  const current = computes?.find((compute) => isCurrent(update.after, compute))
  if (current !== undefined && !isSame(update.compute, current)) update.compute = remembered(current, update.auth)
}

/** A touch that came in while the previous batch was written is older than this batch's clock, so it is decided first. */
const touchesFirst = (messages: ReadonlyArray<Message>): ReadonlyArray<Message> => {
  const isTouch = ({ event }: Message): boolean => event._tag === "Touched"
  return messages.some(isTouch)
    ? [...messages.filter(isTouch), ...messages.filter((message) => !isTouch(message))]
    : messages
}

/** A decision that threw. */
export interface Failed {
  readonly id: SessionId
  readonly defect: unknown
}

/**
 * Decides every message, touches first and the others in order; a message for an unknown session is dropped, and one whose
 * decision throws is skipped alone.
 */
export const decideAll = (
  messages: ReadonlyArray<Message>,
  table: Pick<Table, "get">,
  now: Now,
  config: DecideConfig
): { readonly updates: SessionUpdates; readonly failed: ReadonlyArray<Failed> } => {
  const updates = new Map<SessionId, SessionUpdate>()
  const failed: Array<Failed> = []
  for (const message of touchesFirst(messages)) {
    const { event, id } = message
    const known = updates.get(id)
    const entry = known === undefined ? table.get(id) : undefined
    const decided = Result.try(() => decide(known?.after ?? entry?.state ?? null, event, now, config))
    if (Result.isFailure(decided)) {
      failed.push({ id, defect: decided.failure })
      continue
    }
    const { commands, events, state } = decided.success
    if (state === null) continue
    const update = known ?? begin(id, entry, state)
    update.after = state
    update.events.push(...events)
    update.commands.push(...commands)
    remember(update, message)
    updates.set(id, update)
  }
  return { updates, failed }
}
