/**
 * How long this computer has been suspended since it was started, where it can tell: so that a wall clock that is set, by hand or by
 * the network, is not taken for a suspend.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import { makeReader, uptimeOfLinux } from "./internal/uptime.ts"

/**
 * Answers how long the computer has been suspended, in milliseconds, to a process that reads this clock; null where that is not known.
 *
 * @category models
 * @since 0.1.0
 */
export type Reader = (clock: Clock.Clock) => number | null

const realClock = Context.get(Context.empty(), Clock.Clock)

/**
 * The reader in use. By default Linux is asked (`/proc/uptime` counts suspended time, the monotonic clock does not), other systems
 * do not tell, and neither does a clock of a test.
 *
 * **Details**
 *
 * Where it tells, limits count the time the computer was awake and suspended, and setting the wall clock moves none of them while the
 * process lives. Elsewhere a wall clock that runs ahead counts as a suspend.
 *
 * **Gotchas**
 *
 * A virtual machine that its host pauses does not notice, so its limits are late by the pause. Bills of the provider still count.
 *
 * **Example** (A host that has another source)
 *
 * ```ts
 * import * as TimeAsleep from "effect-atlas/orchestrator/TimeAsleep"
 * import * as Layer from "effect/Layer"
 *
 * const layer = (suspendedMillis: () => number) => Layer.succeed(TimeAsleep.TimeAsleep, () => suspendedMillis())
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export const TimeAsleep = Context.Reference<Reader>("effect-atlas/orchestrator/TimeAsleep", {
  defaultValue: () => {
    const read = makeReader(uptimeOfLinux())
    return (clock) => clock === realClock ? read() : null
  }
})
