/**
 * Wakes sessions when they want to be woken: one fiber and one heap for all of them, never asleep for more than a minute.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type { Now } from "../session/Clock.ts"
import type { DecideConfig } from "../session/Config.ts"
import { nextWake } from "../session/Limits.ts"
import * as Clocks from "./Clocks.ts"
import type { Mailbox } from "./Mailbox.ts"
import type { Entry, Table } from "./Table.ts"
import * as WakeHeap from "./WakeHeap.ts"

/** A jump of the wall clock is noticed within this, in milliseconds. */
const longestSleep = 60_000
/** Clocks differ a little; more than this between two looks is a jump. */
const jump = 1_000

/** The clock of all sessions. */
export interface Clockwork {
  /** Sees to it that a session is woken no later than it wants to be. */
  readonly arm: (entry: Entry, now: Now) => void
  readonly run: Effect.Effect<never>
}

/** Stands still until it is run. */
export const make = ({ config, mailbox, table }: {
  readonly config: DecideConfig
  readonly mailbox: Mailbox
  readonly table: Table
}): Effect.Effect<Clockwork> =>
  Effect.map(Latch.make(), (earlier) => {
    const heap = WakeHeap.make()

    const arm: Clockwork["arm"] = (entry, now) => {
      const next = nextWake(entry.state, now, config)
      if (next === null || (entry.wake !== null && entry.wake <= next)) return
      entry.wake = next
      heap.push(next, entry.state.spec.id)
      if (heap.next() === next) earlier.openUnsafe()
    }

    /** A wish that was made earlier may have been put off since. */
    const wake = (wish: WakeHeap.Wish, now: Now): void => {
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
