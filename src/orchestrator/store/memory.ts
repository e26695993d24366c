/**
 * Sessions in memory: everything a durable store promises, until the process ends.
 */
import * as Effect from "effect/Effect"
import type { Owner } from "../../provider/NameStamp.ts"
import type { AttemptId, SessionId } from "../session/Ids.ts"
import type { SessionState } from "../session/State.ts"
import { alreadyLocked } from "./faults.ts"
import { describeHolder, host, self } from "./holder.ts"
import * as Rows from "./rows.ts"
import type { SessionStore, Write } from "./StoreContract.ts"

interface Row {
  readonly owner: Owner
  readonly version: number
  readonly state: SessionState
  /** The lock it was written under, or `noLock`. */
  readonly writer: object
}

const toSession = ({ state, version }: Row): SessionState => ({ ...state, version })

interface HeldLock {
  readonly holder: string
}

/** Rows of a page, as of a durable store. */
const page = 500

const byId = (a: Row, b: Row): number => a.state.spec.id < b.state.spec.id ? -1 : 1

/** A store in memory. */
export const makeMemory: Effect.Effect<SessionStore["Service"]> = Effect.sync(() => {
  const rows = new Map<SessionId, Row>()
  const locks = new Map<Owner, HeldLock>()
  const noLock = {}
  const of = (owner: Owner) => [...rows.values()].filter((row) => row.owner === owner)

  /** Applies a write; false when its row has another version or owner. The same write again counts as applied. */
  const apply = (owner: Owner, { id, state, version }: Write): boolean => {
    const row = rows.get(id)
    const writer = locks.get(owner) ?? noLock
    if (row !== undefined && row.owner !== owner) return false
    if (row?.version === version + 1 && row.writer === writer && row.state === state) return true
    if (state === null) {
      if (row !== undefined && row.version !== version) return false
      rows.delete(id)
      return true
    }
    if ((row?.version ?? 0) !== version) return false
    rows.set(id, { owner, version: version + 1, state, writer })
    return true
  }

  return {
    // what a process on this host has rented and forgotten is for the next one to end, and for no other host's
    identity: `memory of ${host()}`,
    lock: (owner) =>
      Effect.acquireRelease(
        Effect.flatMap(self, (me) => {
          const lock = locks.get(owner)
          if (lock !== undefined) return Effect.fail(alreadyLocked(owner, lock.holder))
          return Effect.sync(() => locks.set(owner, { holder: describeHolder(me) }))
        }),
        () => Effect.sync(() => locks.delete(owner))
      ).pipe(Effect.as({ lostTo: Effect.succeed(null) })),
    load: (owner, after = "") =>
      Effect.sync(() => {
        const left = of(owner).filter(({ state: { spec } }) => spec.id > after).toSorted(byId)
        const rows = left.slice(0, page)
        const next = rows.length < left.length ? rows.at(-1)?.state.spec.id ?? null : null
        return { sessions: rows.map(toSession), unreadable: [], next }
      }),
    read: (owner, ids) =>
      Effect.sync(() => {
        const wanted = new Set<string>(ids)
        const found = [...rows].filter(([id]) => wanted.has(id))
        return {
          sessions: found.flatMap(([, row]) => row.owner === owner ? [toSession(row)] : []),
          unreadable: found.flatMap(([id, { owner: holder, version }]) =>
            holder === owner ? [] : [{ id, message: "it is another owner's", version, createdAt: null }]
          )
        }
      }),
    commit: (owner, writes) =>
      Effect.flatMap(
        Effect.forEach(writes, (write) => Effect.fromResult(Rows.check(owner, write)), { discard: true }),
        () => Effect.sync(() => writes.filter((write) => !apply(owner, write)).map(({ id }) => id))
      ),
    attempts: (owner, attempts) =>
      Effect.sync(() => {
        const wanted = new Set(attempts)
        const sessions = new Map<AttemptId, SessionId>()
        for (const { state } of of(owner)) {
          for (const { id } of state.attempts) if (wanted.has(id)) sessions.set(id, state.spec.id)
        }
        return { sessions, unknown: [] }
      })
  }
})
