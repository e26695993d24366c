/**
 * One reading of the clocks, in whole milliseconds: the wall clock, the monotonic clock, and the time asleep where it is known.
 */
import * as Effect from "effect/Effect"
import type { Now } from "../session/Clock.ts"
import { TimeAsleep } from "../TimeAsleep.ts"

/** The clocks now. */
export const read: Effect.Effect<Now> = Effect.clockWith((clock) =>
  Effect.map(TimeAsleep, (asleepOn) => {
    const wall = clock.currentTimeMillisUnsafe()
    const mono = Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
    const asleep = asleepOn(clock)
    return asleep === null ? { wall, mono } : { wall, mono, asleep }
  })
)
