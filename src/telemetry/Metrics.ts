/**
 * Counters and timers of provider calls, labelled by provider and operation.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"

/**
 * Calls made, by `provider` and `operation`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const calls = Metric.counter("atlas_provider_calls", {
  description: "Provider calls made",
  incremental: true
})

/**
 * Calls that failed, by `provider`, `operation` and `kind` (`interrupted` and `defect` beside the error kinds).
 *
 * @category metrics
 * @since 0.1.0
 */
export const failures = Metric.counter("atlas_provider_failures", {
  description: "Provider calls that failed, by kind",
  incremental: true
})

/**
 * How long calls took, by `provider` and `operation`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const duration = Metric.timer("atlas_provider_duration", {
  description: "Time a provider call took"
})
