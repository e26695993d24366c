/**
 * One batch of the engine, decided and not yet kept: messages in; new states, events and commands out. Pure.
 */
import * as Result from "effect/Result"
import type * as Tracer from "effect/Tracer"
import { Compute } from "../../domain/Compute.ts"
import { Usd } from "../../domain/Money.ts"
import type { Now } from "../session/Clock.ts"
import type { DecideConfig } from "../session/Config.ts"
import { decide } from "../session/Decide.ts"
import type { Command, SessionEvent, SessionInput } from "../session/Event.ts"
import * as Fault from "../session/Fault.ts"
import type { SessionId } from "../session/Ids.ts"
import * as Observation from "../session/Observation.ts"
import { isLiveOn, type SessionState } from "../session/State.ts"
import type { Message } from "./Mailbox.ts"
import { emptyMemory, type Entry, type Memory, type Table } from "./Table.ts"

/** What a batch changes of one session. */
export interface SessionUpdate extends Memory {
  readonly id: SessionId
  readonly before: SessionState | null
  after: SessionState
  readonly events: Array<SessionEvent>
  readonly commands: Array<Command>
  /** The span of a caller that asked for its end in this batch. */
  stoppedBy: Tracer.AnySpan | null
}

/** The sessions with messages in the batch, in the order of their first message. */
export type SessionUpdates = ReadonlyMap<SessionId, SessionUpdate>

const begin = (id: SessionId, entry: Entry | undefined, state: SessionState): SessionUpdate => {
  const { auth, compute, part, request, secrets, span } = entry ?? emptyMemory
  const before = entry?.state ?? null
  return {
    id,
    before,
    after: state,
    secrets,
    auth,
    compute,
    span,
    request,
    part,
    events: [],
    commands: [],
    stoppedBy: null
  }
}

/** Whether an observation shows what is known already; most do, and then the old object stays in memory. */
const isSame = (known: Compute | null, seen: Compute): boolean =>
  known !== null && known.id === seen.id && known.status === seen.status && known.publicIp === seen.publicIp &&
  known.costPerHour === seen.costPerHour && known.exitCode === seen.exitCode && known.failure === seen.failure &&
  known.ports.length === seen.ports.length &&
  known.ports.every(({ external, url }, index) =>
    external === seen.ports[index]?.external && url === seen.ports[index]?.url
  )

/**
 * A compute as it stays in memory: without the credential, which stands beside it, without the provider's raw answer, and with
 * numbers that are none left out, since adapters say anything.
 */
const remembered = (compute: Compute): Compute => {
  const { costPerHour, exitCode } = Observation.fromCompute(compute)
  return new Compute({
    ...compute,
    costPerHour: costPerHour === null ? null : Usd.make(costPerHour),
    exitCode,
    auth: null,
    raw: null
  })
}

/** Takes over what a message carries for memory only. */
const remember = (update: SessionUpdate, { auth, caller, computes, event, secrets }: Message): void => {
  if (secrets !== undefined) update.secrets = secrets
  if (caller !== undefined && event._tag === "StopRequested") update.stoppedBy = caller
  if (caller !== undefined && event._tag === "Started") {
    update.span = caller
    update.request = caller
  }
  if (auth !== undefined) update.auth = auth
  const current = computes?.find(({ id, provider }) => isLiveOn(update.after, { provider, computeId: id }))
  if (current !== undefined && !isSame(update.compute, current)) update.compute = remembered(current)
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
 * What stands for a message whose decision threw. The result of a create is all that says how it went, so without it the
 * machine is looked for by its name; null where the message can be left out.
 */
const insteadOf = (event: SessionInput): SessionInput | null =>
  event._tag === "Rented" || event._tag === "Refused" || event._tag === "Unanswered"
    ? {
      _tag: "Unanswered",
      attempt: event.attempt,
      fault: Fault.make("Unknown", "the answer of the create could not be taken in (a defect)", null),
      authHash: "authHash" in event ? event.authHash : null
    }
    : null

/**
 * Decides every message, touches first and the others in order. A message for an unknown session is dropped. One whose decision
 * throws is skipped alone, and one whose compute cannot be remembered is decided all the same.
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
    const decideOn = (input: SessionInput) =>
      Result.try(() => decide(known?.after ?? entry?.state ?? null, input, now, config))
    let decided = decideOn(event)
    if (Result.isFailure(decided)) {
      failed.push({ id, defect: decided.failure })
      const other = insteadOf(event)
      if (other !== null) decided = decideOn(other)
    }
    if (Result.isFailure(decided)) continue
    const { commands, events, state } = decided.success
    if (state === null) continue
    const update = known ?? begin(id, entry, state)
    update.after = state
    update.events.push(...events)
    update.commands.push(...commands)
    const memory = Result.try(() => remember(update, message))
    if (Result.isFailure(memory)) failed.push({ id, defect: memory.failure })
    updates.set(id, update)
  }
  return { updates, failed }
}
