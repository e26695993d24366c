/**
 * Whether an engine still works. It stops when it closes, and when another orchestrator has taken its owner lock; callers that
 * come later or still wait fail with the reason.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { AtlasError, NotTracked, StorageFault, Uncertain, Validation } from "../../domain/AtlasError.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import type { OwnerLock } from "../store/StoreContract.ts"

/** How often an idle engine checks whether it still holds its owner lock. */
const checkEvery = "15 seconds"
/** When a store that did not answer whether the lock is held is asked again. */
const retryCheck = Schedule.min([Schedule.exponential("1 second"), Schedule.spaced("10 seconds")])

const closed =
  "the orchestrator has closed: sessions that were not over are in the store and will be taken up at the next start"

type State = "working" | "closing" | "closed" | { readonly lostTo: string }

/** Whether an engine works, is closing, has closed, or has lost its owner lock. */
export interface EngineStatus {
  /** From now on no session begins. */
  readonly beginClosing: () => void
  /** From now on nothing is done at all. */
  readonly markClosed: () => void
  /** Why no session can begin; null when one can. */
  readonly refusal: (operation: string) => AtlasError | null
  /** Why the engine does nothing any more; null while it works. */
  readonly stopped: (operation: string) => AtlasError | null
  /** The failure of callers that still wait when the engine stops. */
  readonly errorOfWaiting: (operation: string) => AtlasError
  /** Fails once the owner lock is known to be lost. */
  readonly loss: Effect.Effect<never, AtlasError>
  /** Asks the store whether the owner lock is lost; false when the store does not answer. */
  readonly isLost: Effect.Effect<boolean>
  /** Whether the owner lock is still held; waits until the store has answered. */
  readonly holdsOwnerLock: Effect.Effect<boolean>
  /** Checks from time to time whether the owner lock is lost. */
  readonly watch: Effect.Effect<never>
}

/** The status of an engine that has just taken the owner lock. */
export const make = (owner: Owner, lock: OwnerLock): EngineStatus => {
  let state: State = "working"
  const loss = Deferred.makeUnsafe<never, AtlasError>()

  const errorOf = (state: Exclude<State, "working">, operation: string): AtlasError => {
    const refused = (message: string) =>
      new AtlasError({ provider: null, operation, reason: new Validation({ issues: [{ path: "", message }] }) })
    if (state === "closing") return refused("the orchestrator is closing or has closed: nothing is rented")
    if (state === "closed") {
      return new AtlasError({ provider: null, operation, reason: new NotTracked({ message: closed }) })
    }
    const message =
      `this orchestrator has lost the lock of the owner ${owner} to another one (${state.lostTo}) and does nothing any ` +
      "more: the other one has taken up its sessions; stop this one, or start it again under an owner of its own"
    return new AtlasError({ provider: null, operation, reason: new StorageFault({ message }) })
  }

  /** Whether the lock is lost. A loss is logged once, however many checks run at a time. */
  const check = Effect.gen(function*() {
    if (typeof state === "object") return true
    const lostTo = yield* lock.lostTo
    if (lostTo === null) return false
    if (typeof state === "object") return true
    state = { lostTo }
    const error = errorOf(state, "events")
    yield* Effect.logError(error.reason.message)
    Deferred.doneUnsafe(loss, Effect.fail(error))
    return true
  })
  const isLost = Effect.orElseSucceed(check, () => false)

  return {
    beginClosing: () => {
      if (state === "working") state = "closing"
    },
    markClosed: () => {
      if (typeof state !== "object") state = "closed"
    },
    refusal: (operation) => state === "working" ? null : errorOf(state === "closed" ? "closing" : state, operation),
    stopped: (operation) => state === "working" || state === "closing" ? null : errorOf(state, operation),
    errorOfWaiting: (operation) =>
      typeof state === "object"
        ? errorOf(state, operation)
        : new AtlasError({ provider: null, operation, reason: new Uncertain({ message: closed }) }),
    loss: Deferred.await(loss),
    isLost,
    // retried for ever, so no failure is left
    holdsOwnerLock: Effect.map(Effect.orDie(Effect.retry(check, retryCheck)), (isLost) => !isLost),
    watch: Effect.forever(Effect.delay(isLost, checkEvery))
  }
}
