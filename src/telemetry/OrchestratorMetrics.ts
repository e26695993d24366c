/**
 * Counters and gauges of the orchestrator, labelled by provider, owner, phase and kind; never by id or user.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"

/**
 * Sessions that are remembered, by `owner` and `phase`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const sessions = Metric.gauge("atlas_orchestrator_sessions", {
  description: "Sessions by phase"
})

/**
 * Rents that were asked for, by `provider`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const attempts = Metric.counter("atlas_orchestrator_attempts", {
  description: "Rents asked for by sessions",
  incremental: true
})

/**
 * Replacements of preempted machines that live, by `provider`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const respawns = Metric.counter("atlas_orchestrator_respawns", {
  description: "Machines rented in place of preempted ones",
  incremental: true
})

/**
 * Terminates that failed, by `provider` and `kind`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const terminateFailures = Metric.counter("atlas_orchestrator_terminate_failures", {
  description: "Terminates that failed, by kind",
  incremental: true
})

/**
 * Machines of our name that no session had and that were ended, by `provider`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const reaped = Metric.counter("atlas_orchestrator_reaped", {
  description: "Orphaned machines ended",
  incremental: true
})

/**
 * Sessions taken up again at a start, by `owner`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const adopted = Metric.counter("atlas_orchestrator_adopted", {
  description: "Sessions taken up again after a restart",
  incremental: true
})

/**
 * Listings of an account, by `provider`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const polls = Metric.counter("atlas_orchestrator_polls", {
  description: "Listings of a provider account",
  incremental: true
})

/**
 * Listings of an account that failed, by `provider` and `kind`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const pollFailures = Metric.counter("atlas_orchestrator_poll_failures", {
  description: "Listings of a provider account that failed",
  incremental: true
})

/**
 * Seconds since the last complete listing of an account was begun, by `provider`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const pollAge = Metric.gauge("atlas_orchestrator_poll_age_seconds", {
  description: "Age of what is known of a provider account"
})

/**
 * What the remembered sessions have cost, by `provider`, in US dollars.
 *
 * @category metrics
 * @since 0.1.0
 */
export const spend = Metric.gauge("atlas_orchestrator_spend_usd", {
  description: "US dollars spent by sessions that are remembered"
})

/**
 * How long the decisions of one turn of the engine took.
 *
 * @category metrics
 * @since 0.1.0
 */
export const decideDuration = Metric.timer("atlas_orchestrator_decide_duration", {
  description: "Time the decisions of one turn took"
})
