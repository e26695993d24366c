/**
 * What `decide` must be told besides the session: how slow each provider is, how long ended sessions are remembered.
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
  /** How long a machine that was made may be missing from answers. */
  readonly settleWindow: number
  /** How long after an accepted terminate it is worth looking. */
  readonly terminateLag: number
}

/**
 * What `decide` is told; see {@link defaults}.
 *
 * @category models
 * @since 0.1.0
 */
export interface DecideConfig {
  readonly timings: Timings
  /** Providers that differ. */
  readonly providers: Readonly<Record<ProviderId, Timings>>
  /** How long an ended session's row stays, so that a machine that shows up late is known, in milliseconds. */
  readonly retention: number
}

/**
 * Five seconds of lag, a day of memory.
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
 * The lags of one provider.
 *
 * @category models
 * @since 0.1.0
 */
export const timingsOf = (config: DecideConfig, provider: ProviderId): Timings =>
  config.providers[provider] ?? config.timings
