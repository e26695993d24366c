/**
 * Callers that wait for a session to come to something.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { AtlasError, NotTracked } from "../../domain/AtlasError.ts"
import type { SessionId } from "../session/Ids.ts"
import type { Seen } from "../SessionEngine.ts"

interface Waiter {
  readonly test: (seen: Seen) => boolean
  readonly done: Deferred.Deferred<Seen, AtlasError>
  readonly operation: string
}

/** Everybody who waits, by session. */
export interface Waiters {
  /** A session has a new committed state. */
  readonly changed: (seen: Seen) => void
  /** A session is not here any more, or (with an error) never came to be. */
  readonly gone: (id: SessionId, error?: AtlasError) => void
  readonly wait: (
    id: SessionId,
    now: () => Seen | undefined,
    test: (seen: Seen) => boolean,
    operation: string
  ) => Effect.Effect<Seen, AtlasError>
}

/** The failure of a question about a session that is not here. */
export const notTracked = (operation: string): AtlasError =>
  new AtlasError({
    provider: null,
    operation,
    reason: new NotTracked({ message: "no session of this id is tracked here" })
  })

/** Nobody waits yet. */
export const make = (): Waiters => {
  const waiters = new Map<SessionId, Set<Waiter>>()
  return {
    changed: (seen) => {
      for (const waiter of waiters.get(seen.state.spec.id) ?? []) {
        if (waiter.test(seen)) Deferred.doneUnsafe(waiter.done, Effect.succeed(seen))
      }
    },
    gone: (id, error) => {
      for (const { done, operation } of waiters.get(id) ?? []) {
        Deferred.doneUnsafe(done, Effect.fail(error ?? notTracked(operation)))
      }
    },
    wait: (id, now, test, operation) =>
      Effect.suspend(() => {
        const seen = now()
        if (seen !== undefined && test(seen)) return Effect.succeed(seen)
        const waiter: Waiter = { test, done: Deferred.makeUnsafe(), operation }
        const all = waiters.get(id) ?? new Set<Waiter>()
        waiters.set(id, all.add(waiter))
        return Effect.ensuring(
          Deferred.await(waiter.done),
          Effect.sync(() => {
            all.delete(waiter)
            if (all.size === 0 && waiters.get(id) === all) waiters.delete(id)
          })
        )
      })
  }
}
