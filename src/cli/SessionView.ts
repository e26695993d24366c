/**
 * Sessions and their events, as commands print them.
 */
import * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import type { EventEnvelope } from "../orchestrator/OrchestratorTopics.ts"
import { EventJson } from "../orchestrator/Session.ts"
import { SessionInfo } from "../orchestrator/SessionInfo.ts"
import type { Unreadable } from "../orchestrator/SessionStore.ts"
import * as Table from "./Table.ts"

const encodeSession = Schema.encodeSync(SessionInfo)

/** A session in JSON. */
export const toJson = (session: SessionInfo) => {
  const { idleTtl, ...fields } = encodeSession(session)
  return { ...fields, idleTtlMs: idleTtl }
}

const encode = Schema.encodeSync(EventJson)

/** One thing a session told, in JSON. */
export const eventToJson = ({ at, computeId, event, id }: EventEnvelope) => ({
  type: "event" as const,
  at: DateTime.formatIso(at),
  id,
  computeId,
  event: encode(event)
})

/** How a session ended, in a word or two; null while it goes on. */
export const ending = ({ outcome }: SessionInfo): string | null => {
  switch (outcome?._tag) {
    case undefined:
      return null
    case "Closed":
      return outcome.reason
    case "Failed":
      return outcome.exitCode === null ? `failed: ${outcome.cause}` : `exit code ${outcome.exitCode}`
    case "Completed":
      return outcome.exitCode === null ? "completed" : `exit code ${outcome.exitCode}`
    case "TimedOut":
      return "timed out"
  }
}

/** A session whose record cannot be read, in JSON: its id, and why; every other field is null. */
export const unreadableToJson = ({ id, message }: Unreadable) => ({
  ...Object.fromEntries(
    Object.keys(SessionInfo.fields).map((field) => [field === "idleTtl" ? "idleTtlMs" : field, null])
  ),
  id,
  state: "unreadable" as const,
  message
})

/** Sessions for people, a line each; those whose record cannot be read last. */
export const table = (
  sessions: ReadonlyArray<SessionInfo>,
  unreadable: ReadonlyArray<Unreadable>,
  options: { readonly color: boolean }
): string =>
  Table.render(
    ["ID", "STATE", "MODE", "PROVIDER", "COMPUTE", "USER", "STARTED", "SPENT", "OUTCOME"],
    [
      ...sessions.map((session) => [
        session.id,
        session.state,
        session.mode,
        session.provider,
        session.computeId,
        session.userId,
        DateTime.formatIso(session.startedAt),
        Table.dollars(session.spentUsd),
        ending(session)
      ]),
      ...unreadable.map(({ id }) => [
        id,
        "unreadable",
        ...Array.from({ length: 7 }, () => null)
      ])
    ],
    options
  )
