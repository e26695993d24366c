/**
 * A connection to Redis for messages alone.
 *
 * The connection that all users of a client share waits at its end for every answer, also for those that a Redis that hangs never
 * gives. A reserved one is cut instead, and what waits for an answer on it fails.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Redis from "effect/persistence/Redis"
import type * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"

interface Reserved {
  readonly send: Redis.Connection["send"]
  readonly scope: Scope.Closeable
}

/** One connection at a time: made when it is first needed, and made again after it has failed. */
export interface Connection {
  /** Waits for a connection, however often it takes. */
  readonly get: Effect.Effect<Reserved>
  /** Gives up a connection; without one, the current one. */
  readonly release: (which?: Reserved) => Effect.Effect<void>
}

/** Not for concurrent use: `get` is for the one fiber that sends. */
export const make = (
  redis: Redis.Redis["Service"],
  { again, probe }: { readonly again: Schedule.Schedule<unknown>; readonly probe: string }
): Connection => {
  let current: Reserved | null = null

  /** The pool waits for a connection that it makes, also at its end; so none is asked of a Redis that does not answer. */
  const answers = Effect.scoped(redis.subscribe(probe))

  const reserve = Effect.gen(function*() {
    yield* answers
    const scope = yield* Scope.make()
    const { send } = yield* Scope.provide(redis.reserve, scope).pipe(
      Effect.onExit((exit) => Exit.isFailure(exit) ? Scope.close(scope, exit) : Effect.void)
    )
    current = { send, scope }
    return current
  })

  return {
    get: Effect.suspend(() => current === null ? Effect.orDie(Effect.retry(reserve, again)) : Effect.succeed(current)),
    release: (which) =>
      Effect.suspend(() => {
        const old = current
        if (old === null || (which !== undefined && which !== old)) return Effect.void
        current = null
        return Scope.close(old.scope, Exit.void)
      })
  }
}
