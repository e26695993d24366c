/**
 * Counters and timers of provider calls and of their HTTP requests, labelled by provider and operation; never by id.
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
 * Calls that failed, by `provider`, `operation` and `kind` (`defect` beside the error kinds). A look that found nothing where
 * that is an answer, and a call whose caller has left, is none.
 *
 * @category metrics
 * @since 0.1.0
 */
export const failures = Metric.counter("atlas_provider_failures", {
  description: "Provider calls that failed, by kind",
  incremental: true
})

/**
 * Calls that were interrupted, by `provider` and `operation`: their callers had left, or had their answer already.
 *
 * @category metrics
 * @since 0.1.0
 */
export const interruptions = Metric.counter("atlas_provider_interruptions", {
  description: "Provider calls that were interrupted",
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

/**
 * Requests as their callers see them, retries included, by `provider`, `api` and `status` (`2xx`, ..., `none`).
 *
 * @category metrics
 * @since 0.1.0
 */
export const httpRequests = Metric.counter("atlas_http_requests", {
  description: "Provider HTTP requests, retries not counted apart",
  incremental: true
})

/**
 * Requests that were sent again, by `provider` and `api`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const httpRetries = Metric.counter("atlas_http_retries", {
  description: "Provider HTTP requests sent again",
  incremental: true
})
