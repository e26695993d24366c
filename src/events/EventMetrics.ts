/**
 * Counters of a dispatcher: subscribers it evicted and messages that were lost. Topics are not labels, since there may be
 * any number of them.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"

/**
 * Subscribers that did not read and were evicted.
 *
 * @category metrics
 * @since 0.1.0
 */
export const evicted = Metric.counter("atlas_events_evicted", {
  description: "Subscribers evicted because they did not read",
  incremental: true
})

/**
 * Messages from other processes that did not match the schema of their topic and were skipped.
 *
 * @category metrics
 * @since 0.1.0
 */
export const undecodable = Metric.counter("atlas_events_undecodable", {
  description: "Messages from other processes that did not match the schema of their topic",
  incremental: true
})

/**
 * Messages that did not reach the bus: it failed or was too slow, or the message did not match its schema.
 *
 * @category metrics
 * @since 0.1.0
 */
export const unsent = Metric.counter("atlas_events_unsent", {
  description: "Messages that did not reach the bus",
  incremental: true
})
