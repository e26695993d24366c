/**
 * The two clocks of a session, read so that a jump can neither move a deadline later nor lower the spend.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import { time } from "./internal/bounds.ts"

/**
 * One reading of the clocks, in milliseconds: the wall clock (money, what survives a restart), the monotonic one (activity, back-off),
 * and how long the computer has been suspended since it was started, left out where that is not known.
 *
 * @category models
 * @since 0.1.0
 */
export const Now = Schema.Struct({
  wall: Schema.Finite,
  mono: Schema.Finite,
  asleep: Schema.optionalKey(Schema.Finite)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Now = typeof Now.Type

const bounded = (read: Now, last: Now): Now => ({ wall: time(read.wall, last.wall), mono: time(read.mono, last.mono) })

/** How much of the time between two readings the computer was suspended; null where they do not tell. */
const slept = (last: Now, { asleep }: Now): number | null =>
  last.asleep === undefined || asleep === undefined || !Number.isFinite(asleep)
    ? null
    : Math.max(0, Math.floor(asleep) - last.asleep)

/**
 * A reading corrected by the last one, in whole milliseconds: the wall clock moves at least as fast as the monotonic clock,
 * and neither moves back.
 *
 * **Details**
 *
 * A wall clock that was set back would otherwise stop deadlines and spend until it has caught up. While a computer is
 * suspended its monotonic clock stands still: the time it was suspended is added where that is known, and a wall clock that was set
 * moves nothing; elsewhere the wall clock leads.
 *
 * @category clocks
 * @since 0.1.0
 */
export const advance = (last: Now, given: Now): Now => {
  const read = bounded(given, last)
  const mono = Math.max(last.mono, Math.floor(read.mono))
  const awake = last.wall + (mono - last.mono)
  const suspended = slept(last, given)
  const asleep = last.asleep === undefined ? {} : { asleep: last.asleep + (suspended ?? 0) }
  return { wall: suspended === null ? Math.max(Math.floor(read.wall), awake) : awake + suspended, mono, ...asleep }
}

/**
 * Whether a corrected reading shows more time than the monotonic clock since the last one, so that the state must keep it.
 *
 * @category clocks
 * @since 0.1.0
 */
export const learns = (last: Now, now: Now): boolean => now.wall - last.wall > now.mono - last.mono

/**
 * The first reading after a restart: the monotonic clock begins anew, the wall clock is not earlier than the stored one.
 *
 * @category clocks
 * @since 0.1.0
 */
export const restart = (last: Now, read: Now): Now => ({
  wall: Math.max(last.wall, Math.floor(bounded(read, last).wall)),
  mono: Math.floor(bounded(read, { wall: 0, mono: 0 }).mono),
  ...(read.asleep === undefined || !Number.isFinite(read.asleep) ? {} : { asleep: Math.floor(read.asleep) })
})

/**
 * Whether more time has passed than the monotonic clock shows, so that every deadline is to be looked at again: the computer was
 * suspended or, where it does not tell that, its wall clock has run ahead by more than `tolerance` milliseconds.
 *
 * @category clocks
 * @since 0.1.0
 */
export const hasJumped = (last: Now, now: Now, tolerance: number): boolean => {
  const suspended = slept(last, now)
  return suspended === null ? (now.wall - last.wall) - (now.mono - last.mono) > tolerance : suspended > 0
}

/**
 * A reading of the wall clock as an instant; one beyond what a date can hold is the nearest that it can.
 *
 * @category clocks
 * @since 0.1.0
 */
export const instant = (millis: number): DateTime.Utc =>
  DateTime.makeUnsafe(Math.max(-8.64e15, Math.min(8.64e15, millis)))
