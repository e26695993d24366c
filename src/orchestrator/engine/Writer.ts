/**
 * Commits what a turn decided: again and again until the store has answered, because nothing may happen before it has.
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

const broke = <E>(cause: Cause.Cause<E>): boolean => Cause.hasDies(cause) && !Cause.hasInterrupts(cause)

const failDefects = <A>(operation: string, self: Effect.Effect<A, AtlasError>): Effect.Effect<A, AtlasError> =>
  // what a bug says may hold anything
  Effect.catchCauseIf(self, broke, () => Effect.fail(storageFault(operation, "the store broke")))

/** The same store. */
export const defectsAsFailures = (store: Store): Store => ({
  lock: (owner) => Effect.map(store.lock(owner), ({ lostTo }) => ({ lostTo: failDefects("lock", lostTo) })),
  load: (owner) => failDefects("load", store.load(owner)),
  commit: (owner, writes) => failDefects("commit", store.commit(owner, writes)),
  attempt: (owner, attempt) => failDefects("attempt", store.attempt(owner, attempt))
})

const firstPause = 100
const longestPause = 10_000
/** Tries before the beginning of a session is given up. */
const patience = 2

/** How an engine writes. */
export interface Writer {
  /**
   * Writes until the store has answered. What begins a session is tried twice and then given up: nothing of it has happened
   * yet, and its caller is waiting.
   */
  readonly commit: (writes: ReadonlyArray<Write>) => Effect.Effect<Committed>
  /** Takes out, for as long as it runs, what was given up and may be stored all the same, also while nobody writes. */
  readonly withdraw: Effect.Effect<never>
}

/** What became of the writes that did not simply succeed. */
export interface Committed {
  /** Somebody else has written these rows. */
  readonly lost: ReadonlySet<SessionId>
  /** These beginnings could not be stored. */
  readonly refused: ReadonlyMap<SessionId, AtlasError>
}

const begins = ({ state, version }: Write): boolean => version === 0 && state !== null

/** A writer for one owner; `whileFailing` runs after each failed try. */
export const make = ({ owner, store, whileFailing }: {
  readonly owner: Owner
  readonly store: Pick<SessionStore["Service"], "commit">
  readonly whileFailing: (error: AtlasError) => Effect.Effect<void>
}): Writer => {
  /** Beginnings that were refused may have been stored all the same, with their answer lost; they are taken out again. */
  const withdrawn = new Set<SessionId>()
  const isOwing = Latch.makeUnsafe()

  // a try that failed may have been done all the same: a store counts the very same write again as written
  const attempt = Effect.fnUntraced(function*(writes: ReadonlyArray<Write>) {
    const withdrawals = [...withdrawn].map((id): Write => ({ id, version: 1, state: null }))
    const answer = new Set(yield* store.commit(owner, [...withdrawals, ...writes]))
    for (const { id } of withdrawals) withdrawn.delete(id)
    return new Set(writes.flatMap(({ id }) => answer.has(id) ? [id] : []))
  })

  const withdraw: Writer["withdraw"] = Effect.forever(
    Effect.gen(function*() {
      yield* isOwing.await
      yield* Effect.sleep(Duration.millis(longestPause))
      yield* Effect.ignore(attempt([]))
      if (withdrawn.size === 0) isOwing.closeUnsafe()
    })
  )

  const commit: Writer["commit"] = Effect.fnUntraced(function*(writes) {
    const refused = new Map<SessionId, AtlasError>()
    let left = writes
    for (let tries = 1, pause = firstPause; left.length > 0; tries++, pause = Math.min(pause * 2, longestPause)) {
      const answer = yield* Effect.result(attempt(left))
      if (Result.isSuccess(answer)) return { lost: answer.success, refused }
      const error = answer.failure
      yield* Effect.logError(`sessions could not be stored, nothing is done until they are: ${error.reason.message}`)
      if (tries >= patience) {
        for (const { id } of left.filter(begins)) {
          refused.set(id, error)
          withdrawn.add(id)
          isOwing.openUnsafe()
        }
        left = left.filter((write) => !begins(write))
      }
      yield* whileFailing(error)
      if (left.length > 0) yield* Effect.sleep(Duration.millis(pause))
    }
    return { lost: new Set<SessionId>(), refused }
  })
  return { commit, withdraw }
}
