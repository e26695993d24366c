/**
 * The two clocks of a session, and how neither can move a deadline later or a spend lower.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

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

/**
 * A reading as it may be used after an earlier one, in whole milliseconds: the wall clock moves at least as fast as the
 * monotonic clock, and neither moves back.
 *
 * **Details**
 *
 * A wall clock set back would otherwise hold deadlines and spend still until it has caught up; a machine that was
 * suspended has a monotonic clock that stood still, and there the wall clock leads.
 *
 * @category clocks
 * @since 0.1.0
 */
export const advance = (last: Now, read: Now): Now => {
  const mono = Math.max(last.mono, Math.floor(read.mono))
  return { wall: Math.max(Math.floor(read.wall), last.wall + (mono - last.mono)), mono }
}

/**
 * Whether the wall clock says more than the monotonic one did since the earlier reading, so that it must be remembered.
 *
 * @category clocks
 * @since 0.1.0
 */
export const learns = (last: Now, now: Now): boolean => now.wall - last.wall > now.mono - last.mono

/**
 * The first reading after a restart: the monotonic clock begins anew, the wall clock does not go behind what was stored.
 *
 * @category clocks
 * @since 0.1.0
 */
export const restart = (last: Now, read: Now): Now => ({
  wall: Math.max(last.wall, Math.floor(read.wall)),
  mono: Math.floor(read.mono)
})
