/**
 * The configuration of `decide`: how far each provider lags behind, how long ended sessions are kept.
 *
 * @since 0.1.0
 */
import type { ProviderId } from "../../domain/Ids.ts"

/**
 * How far a provider's answers lag behind the truth, in milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Timings {
  /** How long a machine that was created may be missing from answers. */
  readonly settleWindow: number
  /** How long after an accepted terminate the machine is looked at. */
  readonly terminateLag: number
}

/**
 * The configuration of `decide`; see {@link defaults}.
 *
 * @category models
 * @since 0.1.0
 */
export interface DecideConfig {
  readonly timings: Timings
  /** Timings of providers that differ from `timings`. */
  readonly providers: Readonly<Record<ProviderId, Timings>>
  /** How long the row of an ended session is kept, in milliseconds, so that a machine that appears late is recognised. */
  readonly retention: number
}

/**
 * A settle window of five seconds; ended sessions are kept for a day.
 *
 * @category models
 * @since 0.1.0
 */
export const defaults: DecideConfig = {
  timings: { settleWindow: 5_000, terminateLag: 1_000 },
  providers: {},
  retention: 86_400_000
}

/**
 * The timings of one provider.
 *
 * @category models
 * @since 0.1.0
 */
export const timingsOf = (config: DecideConfig, provider: ProviderId): Timings =>
  config.providers[provider] ?? config.timings
