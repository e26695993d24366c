/**
 * Sessions and their events, as commands print them.
 */
import * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import { EventJson } from "../orchestrator/Session.ts"
import type { EventEnvelope } from "../orchestrator/SessionEngine.ts"
import { SessionInfo } from "../orchestrator/SessionInfo.ts"
import * as Table from "./Table.ts"

/** A session in JSON. */
export const toJson = Schema.encodeSync(SessionInfo)

const encode = Schema.encodeSync(EventJson)

/** One thing a session told, in JSON. */
export const eventToJson = ({ at, computeId, event, id }: EventEnvelope) => ({
  type: "event" as const,
  at: DateTime.formatIso(DateTime.makeUnsafe(at)),
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

/** Sessions for people, a line each. */
export const table = (sessions: ReadonlyArray<SessionInfo>, options: { readonly color: boolean }): string =>
  Table.render(
    ["ID", "STATE", "MODE", "PROVIDER", "COMPUTE", "USER", "STARTED", "SPENT", "OUTCOME"],
    sessions.map((session) => [
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
    options
  )
