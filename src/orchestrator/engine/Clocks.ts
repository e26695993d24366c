/**
 * One reading of the wall clock and the monotonic clock, in whole milliseconds.
 */
import * as Effect from "effect/Effect"
import type { Now } from "../session/Clock.ts"

/** Both clocks now. */
export const read: Effect.Effect<Now> = Effect.clockWith((clock) =>
  Effect.sync(() => ({
    wall: clock.currentTimeMillisUnsafe(),
    mono: Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
  }))
)
