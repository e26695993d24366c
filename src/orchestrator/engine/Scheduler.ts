/**
 * Wakes sessions when they want to be woken: one fiber and one heap for all of them, never asleep for more than a minute.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type { Now } from "../session/Clock.ts"
import type { DecideConfig } from "../session/Config.ts"
import type { SessionId } from "../session/Ids.ts"
import { nextWake } from "../session/Limits.ts"
import * as Clocks from "./Clocks.ts"
import type { Mailbox } from "./Mailbox.ts"
import type { Entry, Table } from "./Table.ts"

/** Somebody wants to be woken. */
interface Deadline {
  readonly at: number
  readonly id: SessionId
}

/** Wishes by time, in milliseconds of the monotonic clock; the earliest comes out first, equal ones by id. */
interface TimerQueue {
  readonly push: (at: number, id: SessionId) => void
  /** The time of the earliest wish; null when there is none. */
  readonly next: () => number | null
  /** Takes out the earliest wish if its time has come. */
  readonly popDue: (now: number) => Deadline | null
}

// a fixed order, so that a simulation repeats itself
const isBefore = (one: Deadline, other: Deadline): boolean =>
  one.at === other.at ? one.id < other.id : one.at < other.at

/** An empty heap. */
export const makeTimerQueue = (): TimerQueue => {
  const heap: Array<Deadline> = []

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

/** A jump of the wall clock is noticed within this, in milliseconds. */
const longestSleep = 60_000
/** Clocks differ a little; more than this between two looks is a jump. */
const jump = 1_000

/** The clock of all sessions. */
export interface Scheduler {
  /** Sees to it that a session is woken no later than it wants to be. */
  readonly arm: (entry: Entry, now: Now) => void
  readonly run: Effect.Effect<never>
}

/** Stands still until it is run. */
export const make = ({ config, mailbox, table }: {
  readonly config: DecideConfig
  readonly mailbox: Mailbox
  readonly table: Table
}): Effect.Effect<Scheduler> =>
  Effect.map(Latch.make(), (earlier) => {
    const heap = makeTimerQueue()

    const arm: Scheduler["arm"] = (entry, now) => {
      const next = nextWake(entry.state, now, config)
      if (next === null || (entry.wake !== null && entry.wake <= next)) return
      entry.wake = next
      heap.push(next, entry.state.spec.id)
      if (heap.next() === next) earlier.openUnsafe()
    }

    /** A wish that was made earlier may have been put off since. */
    const wake = (wish: Deadline, now: Now): void => {
      const entry = table.get(wish.id)
      if (entry === undefined || entry.wake !== wish.at) return
      entry.wake = null
      const next = nextWake(entry.state, now, config)
      if (next !== null && next <= now.mono) mailbox.put({ id: wish.id, event: { _tag: "WokeUp" } })
      else arm(entry, now)
    }

    const run = Effect.gen(function*() {
      let last = yield* Clocks.read
      while (true) {
        const now = yield* Clocks.read
        const hasJumped = (now.wall - last.wall) - (now.mono - last.mono) > jump
        last = now
        if (hasJumped) {
          for (const { state } of table.all()) mailbox.put({ id: state.spec.id, event: { _tag: "WokeUp" } })
        }
        for (let wish = heap.popDue(now.mono); wish !== null; wish = heap.popDue(now.mono)) wake(wish, now)
        earlier.closeUnsafe()
        const next = heap.next()
        const sleep = Math.min(longestSleep, next === null ? longestSleep : Math.max(1, next - now.mono))
        yield* Effect.timeoutOption(earlier.await, sleep)
      }
    })

    return { arm, run }
  })
