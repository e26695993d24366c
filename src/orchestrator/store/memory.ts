/**
 * Sessions in memory: everything a durable store promises, until the process ends.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Owner } from "../../provider/NameStamp.ts"
import type { SessionId } from "../session/Ids.ts"
import type { SessionState } from "../session/State.ts"
import type { SessionStore } from "../SessionStore.ts"
import { occupied } from "./faults.ts"

/** A store in memory. */
export const makeMemory: Effect.Effect<SessionStore["Service"]> = Effect.sync(() => {
  const rows = new Map<SessionId, SessionState>()
  const seats = new Set<Owner>()
  const of = (owner: Owner) => [...rows.values()].filter(({ spec }) => spec.owner === owner)
  return {
    lock: (owner) =>
      Effect.acquireRelease(
        Effect.suspend(() => {
          if (seats.has(owner)) return Effect.fail(occupied(owner, "this process"))
          seats.add(owner)
          return Effect.void
        }),
        () => Effect.sync(() => void seats.delete(owner))
      ),
    load: (owner) => Effect.sync(() => ({ sessions: of(owner), unreadable: [] })),
    commit: (owner, writes) =>
      Effect.sync(() =>
        writes.flatMap(({ id, state, version }) => {
          const row = rows.get(id)
          if ((row?.version ?? 0) !== version || (row !== undefined && row.spec.owner !== owner)) return [id]
          if (state === null) rows.delete(id)
          else rows.set(id, { ...state, version: version + 1 })
          return []
        })
      ),
    attempt: (owner, attempt) =>
      Effect.sync(() =>
        Option.map(
          Option.fromUndefinedOr(of(owner).find(({ attempts }) => attempts.some(({ id }) => id === attempt))),
          ({ spec }) => spec.id
        )
      )
  }
})
