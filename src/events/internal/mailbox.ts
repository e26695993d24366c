/** What waits for one reader: bounded, never waiting for it, and it says where something was dropped. */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as MutableList from "effect/MutableList"

export interface Gap {
  readonly _tag: "Gap"
  readonly lost: number
}

export interface Mailbox<A> {
  /** False when it is full and may not drop its oldest. What comes after the close is nobody's. */
  readonly offer: (element: A) => boolean
  /** Takes nothing more; what waits is still read. */
  readonly close: () => void
  /** Takes nothing more and drops what waits; `last` is still read. */
  readonly drop: (...last: ReadonlyArray<A>) => void
  /** Whether somebody waits who has not been promised a `wake` yet. */
  readonly isToBeWoken: () => boolean
  /** Lets those who wait look again. */
  readonly wake: () => void
  /** The next ones in order, a gap where some were dropped; waits for the first, is done after the last. */
  readonly pull: Effect.Effect<Arr.NonEmptyReadonlyArray<A | Gap>, Cause.Done>
}

/** What a reader holds no longer counts against the capacity, so it is bounded too. */
const largestBatch = 1024

export const make = <A>(capacity: number, overflow: "refuse" | "drop-oldest"): Mailbox<A> => {
  const waiting = MutableList.make<A>()
  // one at least, also where the capacity is not a number
  const most = capacity >= 1 ? Math.floor(capacity) : 1
  let lost = 0
  let isClosed = false
  let isPromised = false
  let readers: Array<(effect: Effect.Effect<void>) => void> = []

  const offered = Effect.callback<void>((resume) => {
    readers.push(resume)
    return Effect.sync(() => {
      readers = readers.filter((one) => one !== resume)
    })
  })

  const pull: Mailbox<A>["pull"] = Effect.suspend(() => {
    const batch: Array<A | Gap> = MutableList.takeN(waiting, largestBatch)
    if (lost > 0) {
      batch.unshift({ _tag: "Gap", lost })
      lost = 0
    }
    if (Arr.isArrayNonEmpty(batch)) return Effect.succeed(batch)
    return isClosed ? Cause.done() : Effect.andThen(offered, pull)
  })

  return {
    offer: (element) => {
      if (isClosed) return true
      if (waiting.length >= most) {
        if (overflow === "refuse") return false
        MutableList.take(waiting)
        lost++
      }
      MutableList.append(waiting, element)
      return true
    },
    close: () => {
      isClosed = true
    },
    drop: (...last) => {
      isClosed = true
      lost = 0
      MutableList.clear(waiting)
      MutableList.appendAll(waiting, last)
    },
    isToBeWoken: () => {
      if (isPromised || readers.length === 0) return false
      isPromised = true
      return true
    },
    wake: () => {
      isPromised = false
      const awake = readers
      readers = []
      for (const resume of awake) resume(Effect.void)
    },
    pull
  }
}
