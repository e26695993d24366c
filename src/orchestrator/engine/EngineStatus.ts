/**
 * Whether an engine still works: it stops when it closes, and when somebody else has taken its owner's seat. Who comes later,
 * or still waits, is told so.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { AtlasError, NotTracked, StorageFault, Uncertain, Validation } from "../../domain/AtlasError.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import type { OwnerLock } from "../store/StoreContract.ts"

/** How often an engine that does nothing else looks whether its seat is still its own. */
const lookEvery = "15 seconds"
/** How soon a store that did not say whose the seat is is asked again. */
const askAgain = Schedule.min([Schedule.exponential("1 second"), Schedule.spaced("10 seconds")])

const closed = "the orchestrator has closed: what was not over is on record, for the next start to take up"

type State = "working" | "closing" | "closed" | { readonly lostTo: string }

/** Where an engine stands. */
export interface EngineStatus {
  readonly isClosing: () => boolean
  /** No session begins any more. */
  readonly close: () => void
  /** Nobody is waited for any more. */
  readonly closed: () => void
  /** Why a session cannot begin; null when it can. */
  readonly refusal: (operation: string) => AtlasError | null
  /** Why nothing is done any more; null while it is. */
  readonly stopped: (operation: string) => AtlasError | null
  /** What is told to who waits when nothing is waited for any more. */
  readonly unanswered: (operation: string) => AtlasError
  /** Fails once the seat is known to be lost. */
  readonly loss: Effect.Effect<never, AtlasError>
  /** Asks the store; who gets no answer does not know of a loss. */
  readonly isLost: Effect.Effect<boolean>
  /** Waits until the store has said whether the seat is still ours. */
  readonly isOurs: Effect.Effect<boolean>
  /** Looks from time to time. */
  readonly watch: Effect.Effect<never>
}

/** An engine that has just sat down. */
export const make = (owner: Owner, seat: OwnerLock): EngineStatus => {
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
      `this orchestrator has lost the seat of the owner ${owner} (now: ${state.lostTo}) and does nothing ` +
      "any more: the one that sits there has taken up its sessions; stop this one, or start it again under an owner of its own"
    return new AtlasError({ provider: null, operation, reason: new StorageFault({ message }) })
  }

  /** Whether it is lost. Told once, however many ask at a time. */
  const look = Effect.gen(function*() {
    if (typeof state === "object") return true
    const lostTo = yield* seat.lostTo
    if (lostTo === null) return false
    if (typeof state === "object") return true
    state = { lostTo }
    const error = errorOf(state, "events")
    yield* Effect.logError(error.reason.message)
    Deferred.doneUnsafe(loss, Effect.fail(error))
    return true
  })
  const isLost = Effect.orElseSucceed(look, () => false)

  return {
    isClosing: () => state !== "working",
    close: () => {
      if (state === "working") state = "closing"
    },
    closed: () => {
      if (typeof state !== "object") state = "closed"
    },
    refusal: (operation) => state === "working" ? null : errorOf(state === "closed" ? "closing" : state, operation),
    stopped: (operation) => state === "working" || state === "closing" ? null : errorOf(state, operation),
    unanswered: (operation) =>
      typeof state === "object"
        ? errorOf(state, operation)
        : new AtlasError({ provider: null, operation, reason: new Uncertain({ message: closed }) }),
    loss: Deferred.await(loss),
    isLost,
    // asked for ever, so there is no failure left
    isOurs: Effect.map(Effect.orDie(Effect.retry(look, askAgain)), (isLost) => !isLost),
    watch: Effect.forever(Effect.delay(isLost, lookEvery))
  }
}
