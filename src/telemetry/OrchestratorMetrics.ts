/**
 * Counters and gauges of the orchestrator, labelled by provider, owner, phase and kind; never by id or user.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"

/**
 * Sessions in the store, by `owner` and `phase`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const sessions = Metric.gauge("atlas_orchestrator_sessions", {
  description: "Sessions by phase"
})

/**
 * Attempts to rent: computes that sessions asked a provider for, by `provider`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const attempts = Metric.counter("atlas_orchestrator_attempts", {
  description: "Computes that sessions asked a provider for",
  incremental: true
})

/**
 * Machines that were rented in place of lost ones, by `provider`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const respawns = Metric.counter("atlas_orchestrator_respawns", {
  description: "Machines rented in place of lost ones",
  incremental: true
})

/**
 * Calls to terminate a machine that failed, by `provider` and `kind`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const terminateFailures = Metric.counter("atlas_orchestrator_terminate_failures", {
  description: "Calls to terminate a machine that failed, by kind",
  incremental: true
})

/**
 * Machines that carried this owner's name, belonged to no session and were terminated, by `provider`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const reaped = Metric.counter("atlas_orchestrator_reaped", {
  description: "Orphaned machines that were terminated",
  incremental: true
})

/**
 * Sessions that were adopted from the store at a start, by `owner`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const adopted = Metric.counter("atlas_orchestrator_adopted", {
  description: "Sessions adopted from the store after a restart",
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
 * Seconds since the start of the last complete listing of an account, by `provider`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const pollAge = Metric.gauge("atlas_orchestrator_poll_age_seconds", {
  description: "Age of the last complete listing of a provider account"
})

/**
 * What the sessions in the store have cost, by `provider`, in US dollars.
 *
 * @category metrics
 * @since 0.1.0
 */
export const spend = Metric.gauge("atlas_orchestrator_spend_usd", {
  description: "US dollars spent by the sessions in the store"
})

/**
 * How long the engine took to decide one batch of inputs.
 *
 * @category metrics
 * @since 0.1.0
 */
export const decideDuration = Metric.timer("atlas_orchestrator_decide_duration", {
  description: "Time the decisions of one batch took"
})
