/**
 * The configuration of `decide`: how late each provider tells, how long a rate limit may hold a session, how long ended
 * sessions are kept.
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
}

/**
 * The configuration of `decide`; see {@link defaults}.
 *
 * @category models
 * @since 0.1.0
 */
export interface DecideConfig {
  /** The mark of the session store in the names of its machines; null where it has none. */
  readonly storeMark: string | null
  readonly timings: Timings
  /** Providers with timings of their own. */
  readonly providers: Readonly<Record<ProviderId, Timings>>
  /** How long a rate limit may hold a session at one candidate, in milliseconds; a longer one is left for the next candidate. */
  readonly longestWait: number
  /** How long the row of an ended session is kept, in milliseconds, so that a machine that appears late is recognised. */
  readonly retention: number
}

/**
 * A settle window of five seconds; a rate limit holds a session for a minute; ended sessions are kept for a day.
 *
 * @category models
 * @since 0.1.0
 */
export const defaults: DecideConfig = {
  storeMark: null,
  timings: { settleWindow: 5_000 },
  providers: {},
  longestWait: 60_000,
  retention: 86_400_000
}

/**
 * The timings of one provider.
 *
 * @category models
 * @since 0.1.0
 */
export const factsOf = (config: DecideConfig, provider: ProviderId): Timings =>
  config.providers[provider] ?? config.timings
