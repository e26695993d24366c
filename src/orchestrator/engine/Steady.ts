/**
 * A store whose bugs are failures: whatever breaks in it, the engine knows that it has no answer.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { SessionStore } from "../SessionStore.ts"
import { storageFault } from "../store/faults.ts"

type Store = SessionStore["Service"]

const broke = <E>(cause: Cause.Cause<E>): boolean => Cause.hasDies(cause) && !Cause.hasInterrupts(cause)

const steady = <A>(operation: string, self: Effect.Effect<A, AtlasError>): Effect.Effect<A, AtlasError> =>
  // what a bug says may hold anything
  Effect.catchCauseIf(self, broke, () => Effect.fail(storageFault(operation, "the store broke")))

/** The same store. */
export const make = (store: Store): Store => ({
  lock: (owner) => Effect.map(store.lock(owner), ({ lostTo }) => ({ lostTo: steady("lock", lostTo) })),
  load: (owner) => steady("load", store.load(owner)),
  commit: (owner, writes) => steady("commit", store.commit(owner, writes)),
  attempt: (owner, attempt) => steady("attempt", store.attempt(owner, attempt))
})
