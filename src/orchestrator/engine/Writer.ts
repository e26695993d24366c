/**
 * Commits the rows of a batch: again and again until the store has answered, because nothing of the batch may be carried out
 * before.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import type { SessionId } from "../session/Ids.ts"
import { storageFault } from "../store/faults.ts"
import type { SessionStore, Write } from "../store/StoreContract.ts"

type Store = SessionStore["Service"]

const isDefect = <E>(cause: Cause.Cause<E>): boolean => Cause.hasDies(cause) && !Cause.hasInterrupts(cause)

const failDefects = <A>(operation: string, self: Effect.Effect<A, AtlasError>): Effect.Effect<A, AtlasError> =>
  // the text of a defect may hold anything, a key included
  Effect.catchCauseIf(self, isDefect, () =>
    Effect.fail(storageFault(operation, "the session store failed unexpectedly (a defect)")))

/** The same store; what it throws is answered as `StorageFault`. */
export const defectsAsFailures = (store: Store): Store => ({
  lock: (owner) => Effect.map(store.lock(owner), ({ lostTo }) => ({ lostTo: failDefects("lock", lostTo) })),
  load: (owner) => failDefects("load", store.load(owner)),
  read: (owner, ids) => failDefects("read", store.read(owner, ids)),
  commit: (owner, writes) => failDefects("commit", store.commit(owner, writes)),
  attempt: (owner, attempt) => failDefects("attempt", store.attempt(owner, attempt))
})

/** Milliseconds between two tries. */
const firstPause = 100
const longestPause = 10_000
/** Tries before a new session is given up. */
const maxStartTries = 2

/** Writes the rows of an engine. */
export interface Writer {
  /**
   * Writes until the store has answered. A new session is tried twice and then given up: nothing has been rented for it yet,
   * and its caller is waiting.
   */
  readonly commit: (writes: ReadonlyArray<Write>) => Effect.Effect<Committed>
  /** Deletes new sessions that were given up and may be stored all the same; runs beside the commits. */
  readonly withdraw: Effect.Effect<never>
}

/** The writes that did not succeed. */
export interface Committed {
  /** Another process has written these rows. */
  readonly lost: ReadonlySet<SessionId>
  /** These new sessions could not be stored. */
  readonly refused: ReadonlyMap<SessionId, AtlasError>
}

const isStart = ({ state, version }: Write): boolean => version === 0 && state !== null

/** A writer for one owner; `whileFailing` runs after each failed try. */
export const make = ({ owner, store, whileFailing }: {
  readonly owner: Owner
  readonly store: Pick<SessionStore["Service"], "commit">
  readonly whileFailing: (error: AtlasError) => Effect.Effect<void>
}): Writer => {
  /** New sessions that were refused, and may have been stored all the same because an answer was lost; to be deleted. */
  const withdrawn = new Set<SessionId>()
  const hasWithdrawn = Latch.makeUnsafe()

  // a failed try may have been stored all the same; the store then answers the same write as written
  const attempt = Effect.fnUntraced(function*(writes: ReadonlyArray<Write>) {
    const withdrawals = [...withdrawn].map((id): Write => ({ id, version: 1, state: null }))
    const answer = new Set(yield* store.commit(owner, [...withdrawals, ...writes]))
    for (const { id } of withdrawals) withdrawn.delete(id)
    return new Set(writes.flatMap(({ id }) => answer.has(id) ? [id] : []))
  })

  const withdraw: Writer["withdraw"] = Effect.forever(
    Effect.gen(function*() {
      yield* hasWithdrawn.await
      yield* Effect.sleep(Duration.millis(longestPause))
      yield* Effect.ignore(attempt([]))
      if (withdrawn.size === 0) hasWithdrawn.closeUnsafe()
    })
  )

  const commit: Writer["commit"] = Effect.fnUntraced(function*(writes) {
    const refused = new Map<SessionId, AtlasError>()
    let left = writes
    for (let tries = 1, pause = firstPause; left.length > 0; tries++, pause = Math.min(pause * 2, longestPause)) {
      const answer = yield* Effect.result(attempt(left))
      if (Result.isSuccess(answer)) return { lost: answer.success, refused }
      const error = answer.failure
      yield* Effect.logError(
        `sessions could not be stored, and nothing is done for them until they are: ${error.reason.message}`
      )
      if (tries >= maxStartTries) {
        for (const { id } of left.filter(isStart)) {
          refused.set(id, error)
          withdrawn.add(id)
          hasWithdrawn.openUnsafe()
        }
        left = left.filter((write) => !isStart(write))
      }
      yield* whileFailing(error)
      if (left.length > 0) yield* Effect.sleep(Duration.millis(pause))
    }
    return { lost: new Set<SessionId>(), refused }
  })
  return { commit, withdraw }
}
