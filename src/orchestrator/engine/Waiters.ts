/**
 * Callers that wait until a session passes a test.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { AtlasError, NotTracked } from "../../domain/AtlasError.ts"
import type { SessionId } from "../session/Ids.ts"
import type { Seen } from "./EngineContract.ts"

type Test = (seen: Seen) => boolean

interface Waiter {
  readonly test: Test
  readonly done: Deferred.Deferred<Seen, AtlasError>
  readonly operation: string
  /** Whether this caller began the session. */
  readonly isBeginner: boolean
}

/** The waiting callers, by session. */
export interface Waiters {
  /** The row of a session says something new: answers the callers whose test it passes. */
  readonly changed: (id: SessionId, seen: () => Seen) => void
  /** A session is forgotten, or (with an error) could not begin: fails its callers. */
  readonly gone: (id: SessionId, error?: AtlasError) => void
  /** A session that began cannot be stored: fails the callers that began it, since they may wait without a limit. */
  readonly refused: (id: SessionId, error: AtlasError) => void
  /** Fails all callers, each with the error of the operation it called. */
  readonly failAll: (error: (operation: string) => AtlasError) => void
  /** Waits for a known session, seen as `now`; fails at once when there is none. */
  readonly wait: (
    id: SessionId,
    now: Seen | undefined,
    test: Test,
    operation: string
  ) => Effect.Effect<Seen, AtlasError>
  /** Waits for a session that `begin` starts, from before it starts, so that no state is missed. */
  readonly startAndWait: (
    id: SessionId,
    begin: Effect.Effect<void, AtlasError>,
    test: Test,
    operation: string
  ) => Effect.Effect<Seen, AtlasError>
  /** How many callers wait. */
  readonly size: () => number
}

/** The failure of an operation on a session that this engine does not have. */
export const notTracked = (operation: string, message = "no session of this id is tracked here"): AtlasError =>
  new AtlasError({ provider: null, operation, reason: new NotTracked({ message }) })

/** No caller waits yet. */
export const make = (): Waiters => {
  const waiters = new Map<SessionId, Set<Waiter>>()

  const fail = (id: SessionId, error: (operation: string) => AtlasError): void => {
    for (const { done, operation } of waiters.get(id) ?? []) Deferred.doneUnsafe(done, Effect.fail(error(operation)))
  }

  const register = (
    id: SessionId,
    begin: Effect.Effect<void, AtlasError>,
    facts: Omit<Waiter, "done">
  ): Effect.Effect<Seen, AtlasError> =>
    Effect.suspend(() => {
      const waiter: Waiter = { ...facts, done: Deferred.makeUnsafe() }
      const all = waiters.get(id) ?? new Set<Waiter>()
      waiters.set(id, all.add(waiter))
      return Effect.ensuring(
        Effect.andThen(begin, Deferred.await(waiter.done)),
        Effect.sync(() => {
          all.delete(waiter)
          if (all.size === 0 && waiters.get(id) === all) waiters.delete(id)
        })
      )
    })

  return {
    changed: (id, seen) => {
      const all = waiters.get(id)
      if (all === undefined) return
      const now = seen()
      if (!now.recorded) return
      for (const waiter of all) {
        if (waiter.test(now)) Deferred.doneUnsafe(waiter.done, Effect.succeed(now))
      }
    },
    gone: (id, error) => fail(id, error === undefined ? notTracked : () => error),
    refused: (id, error) => {
      for (const { done, isBeginner } of waiters.get(id) ?? []) {
        if (isBeginner) Deferred.doneUnsafe(done, Effect.fail(error))
      }
    },
    failAll: (error) => {
      for (const id of waiters.keys()) fail(id, error)
    },
    wait: (id, now, test, operation) => {
      if (now === undefined) return Effect.fail(notTracked(operation))
      return now.recorded && test(now)
        ? Effect.succeed(now)
        : register(id, Effect.void, { test, operation, isBeginner: false })
    },
    startAndWait: (id, begin, test, operation) => register(id, begin, { test, operation, isBeginner: true }),
    size: () => [...waiters.values()].reduce((sum, all) => sum + all.size, 0)
  }
}
