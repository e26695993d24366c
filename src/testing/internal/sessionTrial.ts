/** What a case of session stores works with, and the checks that its cases share. */
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { AttemptId, SessionId, SessionState } from "../../orchestrator/Session.ts"
import { loadAll, type SessionStore, type Write } from "../../orchestrator/SessionStore.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import { check, type ConformanceFailure } from "./trial.ts"

export type Failed = ConformanceFailure | AtlasError

/** How a stored row is spoilt. */
export type Spoilt = "not JSON" | "a newer form" | "another form"

export type Store = SessionStore["Service"]

/** What a case works with: the store, the same one opened anew, and owners, ids and attempts of its own. */
export interface Trial {
  readonly store: Store
  readonly again: (use: (store: Store) => Effect.Effect<void, Failed>) => Effect.Effect<void, Failed>
  readonly spoil: (id: SessionId, how: Spoilt) => Effect.Effect<void>
  readonly owner: Owner
  readonly other: Owner
  readonly id: (name: string) => SessionId
  readonly attempt: (name: string) => AttemptId
}

export interface Definition {
  readonly name: string
  /** Only where the options have this. */
  readonly needs?: "again" | "spoil"
  readonly run: (trial: Trial) => Effect.Effect<void, Failed>
}

/** Asks for an attempt and expects its session, or none. */
export const finds = (
  store: Store,
  owner: Owner,
  attempt: AttemptId,
  expected: SessionId | null
): Effect.Effect<void, Failed> =>
  Effect.flatMap(store.attempts(owner, [attempt]), ({ sessions }) =>
    check(
      (sessions.get(attempt) ?? null) === expected,
      expected === null ? "an attempt was found that no session has" : "an attempt was not found at its session"
    ))

/** Commits and expects these ids to be answered, in any order. */
export const commits = (
  store: Store,
  owner: Owner,
  writes: ReadonlyArray<Write>,
  lost: ReadonlyArray<SessionId> = []
): Effect.Effect<void, Failed> =>
  Effect.flatMap(store.commit(owner, writes), (answer) =>
    check(
      Equal.equals(answer.toSorted(), lost.toSorted()),
      `a commit of ${writes.length} rows answered ${answer.length} lost ids, and should have answered ${lost.length}`
    ))

/** Loads and expects these sessions, each at the version given, and no row that cannot be read. */
export const holds = (
  store: Store,
  owner: Owner,
  expected: ReadonlyArray<readonly [SessionState, number]>
): Effect.Effect<void, Failed> =>
  Effect.gen(function*() {
    const { sessions, unreadable } = yield* loadAll(store, owner)
    yield* check(unreadable.length === 0, `${unreadable.length} rows cannot be read: ${unreadable[0]?.message}`)
    const found = new Map(sessions.map((session) => [session.spec.id, session]))
    yield* check(
      found.size === expected.length && sessions.length === expected.length,
      `${sessions.length} sessions were loaded, and should be ${expected.length}`
    )
    for (const [{ spec: { id }, ...state }, version] of expected) {
      const session = found.get(id)
      yield* check(
        session?.version === version,
        `a session has the version ${session?.version}, and should have ${version}`
      )
      const wanted = { ...state, version }
      for (const [field, value] of Object.entries(wanted)) {
        const is = Object.entries(session ?? {}).find(([name]) => name === field)?.[1]
        yield* check(Equal.equals(is, value), `${field} of a session came back as something else`)
      }
    }
  })

export const begin = (state: SessionState): Write => ({ id: state.spec.id, version: 0, state })
export const over = (version: number, state: SessionState): Write => ({ id: state.spec.id, version, state })
export const remove = (version: number, id: SessionId): Write => ({ id, version, state: null })
