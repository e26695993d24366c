/**
 * Planted faults of the core. For the simulator only: each is a mistake that the checks must catch.
 *
 * @since 0.1.0
 */

/**
 * The faults that can be planted in `decide`, by name.
 *
 * @category models
 * @since 0.1.0
 */
export const mutations = [
  "retry-create",
  "forget-twin",
  "terminate-answered-means-gone",
  "one-terminate-try",
  "missed-means-gone",
  "respawn-before-residual",
  "renting-adopted-as-never-sent",
  "drop-stray-after-ended",
  "idle-on-wall-clock",
  "cap-on-monotonic",
  "downtime-free",
  "unknown-price-is-zero",
  "stale-report-accepted",
  "stop-during-renting-forgotten",
  "close-kills-persisted",
  "settle-window-once",
  "meter-stops-at-terminate"
] as const

/**
 * One planted fault.
 *
 * @category models
 * @since 0.1.0
 */
export type Mutation = (typeof mutations)[number]

/**
 * Whether this fault is planted; nothing but a simulation plants one.
 *
 * @category guards
 * @since 0.1.0
 */
export const is = (config: { readonly mutation: Mutation | null }, mutation: Mutation): boolean =>
  config.mutation === mutation
