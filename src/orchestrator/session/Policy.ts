/**
 * The policy of a session: how long it may live, what it may cost, what happens when its machine is lost.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const millis = Schema.Finite.check(
  Schema.isGreaterThan(0, { expected: "a duration above 0, in milliseconds" })
)
const limit = Schema.NullOr(millis)

/**
 * What happens when a machine is lost: the session ends, or it rents again up to `max` times.
 *
 * **Details**
 *
 * Lost is a machine that was preempted, vanished, was stopped or terminated by its provider, or failed or stayed provisioning
 * before it was ever ready. A command that ended by itself, with whatever code, is not lost.
 *
 * @category models
 * @since 0.1.0
 */
export const OnFailure = Schema.Union([
  Schema.TaggedStruct("Stop", {}),
  Schema.TaggedStruct("Respawn", {
    max: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0, { expected: "a whole number, 0 or more" }))
  })
])

/**
 * @category models
 * @since 0.1.0
 */
export type OnFailure = typeof OnFailure.Type

/**
 * The limits of a session; durations are milliseconds, null is no limit.
 *
 * @category models
 * @since 0.1.0
 */
export const Policy = Schema.Struct({
  /** Interactive sessions: end after this long without a touch, on the monotonic clock. */
  idleTtl: limit,
  /** End this long after the session began, by the wall clock; a respawn does not extend it. */
  maxRuntime: limit,
  /** End when the machine is still provisioning this long after it was created. */
  readyTimeout: limit,
  /** End this long after the first finish report. */
  finishGrace: limit,
  /** Interactive sessions: how often a heartbeat is published. */
  heartbeat: limit,
  /** How often the provider's bill is asked for. */
  reconcileSpend: limit,
  /** US dollars. */
  maxCost: Schema.NullOr(
    Schema.Finite.check(Schema.isGreaterThan(0, { expected: "an amount of US dollars above 0" }))
  ),
  onFailure: OnFailure
})

/**
 * @category models
 * @since 0.1.0
 */
export type Policy = typeof Policy.Type

/**
 * The defaults of an interactive session.
 *
 * @category models
 * @since 0.1.0
 */
export const interactive: Policy = {
  idleTtl: 1_800_000,
  maxRuntime: null,
  readyTimeout: null,
  finishGrace: 60_000,
  heartbeat: 60_000,
  reconcileSpend: 900_000,
  maxCost: null,
  onFailure: { _tag: "Stop" }
}

/**
 * The defaults of a task, which always has a deadline.
 *
 * @category models
 * @since 0.1.0
 */
export const task: Policy = {
  ...interactive,
  idleTtl: null,
  heartbeat: null,
  maxRuntime: 3_600_000,
  readyTimeout: 900_000
}
