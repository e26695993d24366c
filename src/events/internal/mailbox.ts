/** The queue of one reader: bounded in number and in size, the writer never waits for the reader, and a gap marks where messages were dropped. */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as MutableList from "effect/MutableList"

/** Stands where messages were dropped. */
export interface Gap {
  readonly _tag: "Gap"
  readonly lost: number
}

/** An element, and about how many bytes it takes. */
export interface Sized<A> {
  readonly element: A
  readonly size: number
}

/** What may wait: elements, and bytes in all of them. */
export interface Limits {
  readonly capacity: number
  readonly bytes: number
}

/** Enough for any reader that reads at all, and little enough that a hundred who do not read do no harm. */
export const defaultLimits: Limits = { capacity: 10_000, bytes: 64 * 1024 * 1024 }

export interface Mailbox<A> {
  /**
   * Adds an element; false when the queue is full and may not drop its oldest. An empty queue takes an element of any size. After
   * the close, elements are ignored.
   */
  readonly offer: (one: Sized<A>) => boolean
  /** Accepts nothing more; what waits can still be read. */
  readonly close: () => void
  /** Accepts nothing more and drops what waits; only `last` can still be read. */
  readonly drop: (...last: ReadonlyArray<A>) => void
  /** Whether a reader waits and no `wake` has been scheduled for it yet; the caller must schedule one then. */
  readonly needsWake: () => boolean
  /** Lets the readers who wait look again. */
  readonly wake: () => void
  /** Waits for the next elements, in order and with a gap where some were dropped; done after the last. */
  readonly pull: Effect.Effect<Arr.NonEmptyReadonlyArray<A | Gap>, Cause.Done>
}

/** Elements that a reader has taken no longer count against the capacity, so their number is bounded too. */
const largestBatch = 1024

export const make = <A>({ bytes, capacity }: Limits, overflow: "refuse" | "drop-oldest"): Mailbox<A> => {
  const waiting = MutableList.make<Sized<A>>()
  let size = 0
  // one at least, also where the capacity is not a number
  const most = capacity >= 1 ? Math.floor(capacity) : 1
  const mostBytes = bytes >= 1 ? bytes : 1
  let lost = 0
  let isClosed = false
  let isWakeScheduled = false
  let readers: Array<(effect: Effect.Effect<void>) => void> = []

  const arrival = Effect.callback<void>((resume) => {
    readers.push(resume)
    return Effect.sync(() => {
      readers = readers.filter((one) => one !== resume)
    })
  })

  const pull: Mailbox<A>["pull"] = Effect.suspend(() => {
    const batch: Array<A | Gap> = MutableList.takeN(waiting, largestBatch).map((one) => {
      size -= one.size
      return one.element
    })
    if (lost > 0) {
      batch.unshift({ _tag: "Gap", lost })
      lost = 0
    }
    if (Arr.isArrayNonEmpty(batch)) return Effect.succeed(batch)
    return isClosed ? Cause.done() : Effect.andThen(arrival, pull)
  })

  return {
    offer: (one) => {
      if (isClosed) return true
      while (waiting.length >= most || (waiting.length > 0 && size + one.size > mostBytes)) {
        if (overflow === "refuse") return false
        const oldest = MutableList.take(waiting)
        if (oldest !== MutableList.Empty) size -= oldest.size
        lost++
      }
      MutableList.append(waiting, one)
      size += one.size
      return true
    },
    close: () => {
      isClosed = true
    },
    drop: (...last) => {
      isClosed = true
      lost = 0
      size = 0
      MutableList.clear(waiting)
      MutableList.appendAll(waiting, last.map((element) => ({ element, size: 0 })))
    },
    needsWake: () => {
      if (isWakeScheduled || readers.length === 0) return false
      isWakeScheduled = true
      return true
    },
    wake: () => {
      isWakeScheduled = false
      const awake = readers
      readers = []
      for (const resume of awake) resume(Effect.void)
    },
    pull
  }
}
