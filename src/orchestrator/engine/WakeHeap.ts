/**
 * Who wants to be woken when: one binary heap for all sessions, so that a hundred thousand of them are no timers.
 */
import type { SessionId } from "../session/Ids.ts"

/** Somebody wants to be woken. */
export interface Wish {
  readonly at: number
  readonly id: SessionId
}

/** Wishes by time, in milliseconds of the monotonic clock; the earliest comes out first, equal ones by id. */
export interface WakeHeap {
  readonly push: (at: number, id: SessionId) => void
  /** The time of the earliest wish; null when there is none. */
  readonly next: () => number | null
  /** Takes out the earliest wish if its time has come. */
  readonly popDue: (now: number) => Wish | null
}

// a fixed order, so that a simulation repeats itself
const isBefore = (one: Wish, other: Wish): boolean => one.at === other.at ? one.id < other.id : one.at < other.at

/** An empty heap. */
export const make = (): WakeHeap => {
  const heap: Array<Wish> = []

  const swap = (i: number, j: number): void => {
    const [one, other] = [heap[i], heap[j]]
    if (one === undefined || other === undefined) return
    heap[i] = other
    heap[j] = one
  }

  const isLess = (i: number, j: number): boolean => {
    const [one, other] = [heap[i], heap[j]]
    return one !== undefined && other !== undefined && isBefore(one, other)
  }

  const sink = (): void => {
    let at = 0
    while (true) {
      const left = at * 2 + 1
      let least = isLess(left, at) ? left : at
      if (isLess(left + 1, least)) least = left + 1
      if (least === at) return
      swap(at, least)
      at = least
    }
  }

  return {
    push: (at, id) => {
      let place = heap.push({ at, id }) - 1
      while (place > 0) {
        const parent = (place - 1) >> 1
        if (!isLess(place, parent)) return
        swap(place, parent)
        place = parent
      }
    },
    next: () => heap[0]?.at ?? null,
    popDue: (now) => {
      const first = heap[0]
      if (first === undefined || first.at > now) return null
      swap(0, heap.length - 1)
      heap.pop()
      sink()
      return first
    }
  }
}
