/**
 * Wakes sessions at their deadlines: one fiber and one heap of timers for all of them. It never sleeps longer than a minute, so
 * that a jump of the wall clock is noticed.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Clock from "../session/Clock.ts"
import type { DecideConfig } from "../session/Config.ts"
import type { SessionId } from "../session/Ids.ts"
import { nextWake } from "../session/Limits.ts"
import * as Clocks from "./Clocks.ts"
import type { Mailbox } from "./Mailbox.ts"
import type { Entry, Table } from "./Table.ts"

/** When a session is to be woken. */
interface Deadline {
  /** Milliseconds of the monotonic clock. */
  readonly at: number
  readonly id: SessionId
}

/** Deadlines by time; the earliest comes out first, equal ones by id. */
interface TimerQueue {
  readonly push: (at: number, id: SessionId) => void
  /** The time of the earliest deadline; null when there is none. */
  readonly next: () => number | null
  /** Takes out the earliest deadline if its time has come. */
  readonly popDue: (now: number) => Deadline | null
}

// a fixed order, so that a simulation repeats itself
const isBefore = (a: Deadline, b: Deadline): boolean => a.at === b.at ? a.id < b.id : a.at < b.at

/** An empty queue: a binary heap. */
export const makeTimerQueue = (): TimerQueue => {
  const heap: Array<Deadline> = []

  const swap = (i: number, j: number): void => {
    const [a, b] = [heap[i], heap[j]]
    if (a === undefined || b === undefined) return
    heap[i] = b
    heap[j] = a
  }

  const isLess = (i: number, j: number): boolean => {
    const [a, b] = [heap[i], heap[j]]
    return a !== undefined && b !== undefined && isBefore(a, b)
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

/** A jump of the wall clock is noticed within this, in milliseconds. */
const longestSleep = 60_000
/** The clocks drift a little; a larger difference between two readings, in milliseconds, is a jump. */
const jump = 1_000

/** The timers of all sessions. */
export interface Scheduler {
  /**
   * Sets a timer for a session's next deadline, not before `earliest` on the monotonic clock, unless an earlier timer is set.
   */
  readonly arm: (entry: Entry, now: Clock.Now, earliest?: number) => void
  readonly run: Effect.Effect<never>
}

/** A scheduler that wakes no session until it runs. */
export const make = ({ config, mailbox, table }: {
  readonly config: DecideConfig
  readonly mailbox: Mailbox
  readonly table: Table
}): Effect.Effect<Scheduler> =>
  Effect.map(Latch.make(), (earlier) => {
    const queue = makeTimerQueue()

    const arm: Scheduler["arm"] = (entry, now, earliest = Number.NEGATIVE_INFINITY) => {
      const deadline = nextWake(entry.state, now, config)
      const next = deadline === null ? null : Math.max(deadline, earliest)
      if (next === null || (entry.wake !== null && entry.wake <= next)) return
      entry.wake = next
      queue.push(next, entry.state.spec.id)
      if (queue.next() === next) earlier.openUnsafe()
    }

    /** Wakes a session, or sets its timer again when its deadline has moved since. */
    const wake = (deadline: Deadline, now: Clock.Now): void => {
      const entry = table.get(deadline.id)
      if (entry === undefined || entry.wake !== deadline.at) return
      entry.wake = null
      const next = nextWake(entry.state, now, config)
      if (next !== null && next <= now.mono) mailbox.put({ id: deadline.id, event: { _tag: "WokeUp" } })
      else arm(entry, now)
    }

    const run = Effect.gen(function*() {
      let last = yield* Clocks.read
      while (true) {
        const now = yield* Clocks.read
        const hasJumped = Clock.hasJumped(last, now, jump)
        last = now
        if (hasJumped) {
          for (const { state } of table.all()) mailbox.put({ id: state.spec.id, event: { _tag: "WokeUp" } })
        }
        for (let due = queue.popDue(now.mono); due !== null; due = queue.popDue(now.mono)) wake(due, now)
        earlier.closeUnsafe()
        const next = queue.next()
        const sleep = Math.min(longestSleep, next === null ? longestSleep : Math.max(1, next - now.mono))
        yield* Effect.timeoutOption(earlier.await, sleep)
      }
    })

    return { arm, run }
  })
