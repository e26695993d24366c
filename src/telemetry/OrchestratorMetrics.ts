/**
 * Counters and gauges of the orchestrator, labelled by provider, state and kind; never by id or user.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"

/**
 * Listings of an account that failed, by `provider`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const pollFailures = Metric.counter("atlas_orchestrator_poll_failures", {
  description: "Listings of a provider account that failed",
  incremental: true
})
