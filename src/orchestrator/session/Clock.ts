/**
 * The two clocks of a session, read so that a jump can neither move a deadline later nor lower the spend.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { time } from "./internal/bounds.ts"

/**
 * One reading of both clocks, in milliseconds: the wall clock (money, what survives a restart) and the monotonic one
 * (activity, back-off).
 *
 * @category models
 * @since 0.1.0
 */
export const Now = Schema.Struct({
  wall: Schema.Finite,
  mono: Schema.Finite
})

/**
 * @category models
 * @since 0.1.0
 */
export type Now = typeof Now.Type

const bounded = (read: Now, last: Now): Now => ({ wall: time(read.wall, last.wall), mono: time(read.mono, last.mono) })

/**
 * A reading corrected by the last one, in whole milliseconds: the wall clock moves at least as fast as the monotonic clock,
 * and neither moves back.
 *
 * **Details**
 *
 * A wall clock that was set back would otherwise stop deadlines and spend until it has caught up. While a computer is
 * suspended its monotonic clock stands still; then the wall clock leads.
 *
 * @category clocks
 * @since 0.1.0
 */
export const advance = (last: Now, given: Now): Now => {
  const read = bounded(given, last)
  const mono = Math.max(last.mono, Math.floor(read.mono))
  return { wall: Math.max(Math.floor(read.wall), last.wall + (mono - last.mono)), mono }
}

/**
 * Whether the wall clock has moved further than the monotonic one since the last reading, so that the state must keep it.
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
  mono: Math.floor(bounded(read, { wall: 0, mono: 0 }).mono)
})
