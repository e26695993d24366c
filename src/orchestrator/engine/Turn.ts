/**
 * One turn of the engine before anything has happened: letters in, new states, news and commands out. Pure.
 */
import type { AuthHandle, Compute } from "../../domain/Compute.ts"
import type { Now } from "../session/Clock.ts"
import type { Command } from "../session/Command.ts"
import type { DecideConfig } from "../session/Config.ts"
import { decide } from "../session/Decide.ts"
import type { SessionId } from "../session/Ids.ts"
import type { Published } from "../session/Published.ts"
import { needsCommit, type SessionState } from "../session/State.ts"
import type { Secrets } from "../SessionSecrets.ts"
import type { Letter } from "./Mailbox.ts"
import type { Entry, Table } from "./Table.ts"

/** What a turn makes of one session. */
export interface Draft {
  readonly id: SessionId
  readonly before: SessionState | null
  after: SessionState
  secrets: Secrets | null
  auth: AuthHandle | null
  compute: Compute | null
  readonly events: Array<Published>
  readonly commands: Array<Command>
}

/** The sessions that heard something, in the order in which they first did. */
export type Drafts = ReadonlyMap<SessionId, Draft>

const begin = (id: SessionId, entry: Entry | undefined, state: SessionState): Draft => ({
  id,
  before: entry?.state ?? null,
  after: state,
  secrets: entry?.secrets ?? null,
  auth: entry?.auth ?? null,
  compute: entry?.compute ?? null,
  events: [],
  commands: []
})

/** Whether this compute is the session's current machine. */
const isCurrent = ({ phase }: SessionState, { id, provider }: Compute): boolean =>
  phase._tag === "Live" && phase.computeId === id && phase.provider === provider

const keep = (draft: Draft, { auth, compute, secrets }: Letter): void => {
  if (secrets !== undefined) draft.secrets = secrets
  if (auth !== undefined) draft.auth = auth
  if (compute !== undefined && isCurrent(draft.after, compute)) draft.compute = compute
}

/** Decides every letter in order; a letter to nobody is dropped. */
export const draft = (
  letters: ReadonlyArray<Letter>,
  table: Pick<Table, "get">,
  now: Now,
  config: DecideConfig
): Drafts => {
  const drafts = new Map<SessionId, Draft>()
  for (const letter of letters) {
    const { event, id } = letter
    const known = drafts.get(id)
    const entry = table.get(id)
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

/** Those whose rows must be written before anything of them happens. */
export const unwritten = (drafts: Drafts): ReadonlyArray<Draft> =>
  [...drafts.values()].filter(({ after, before }) => needsCommit(before, after))
