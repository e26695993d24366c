/** Options of the native client, and of the provider. */
import type * as Duration from "effect/Duration"
import type * as Redacted from "effect/Redacted"

/**
 * Where RunPod is reached, and with which key.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClientOptions {
  /**
   * What this account is called in everything that is said of it; default `runpod`. A second account needs an id of its own, and
   * has its own variables: those of `runpod-eu` begin with `RUNPOD_EU`.
   */
  readonly id?: string | undefined
  /** Default: the environment variable `RUNPOD_API_KEY`; `apiKey` of a call overrides both. */
  readonly apiKey?: Redacted.Redacted | string | null | undefined
  /** The management API; default `https://api.runpod.io/v2`. */
  readonly baseUrl?: string | undefined
  /** The serverless runtime; default `https://api.runpod.ai/v2`. */
  readonly runtimeBaseUrl?: string | undefined
  /** Retries after the first try of what may be repeated; default 3. */
  readonly retries?: number | undefined
}

/**
 * Where RunPod is reached, with which key, and how long to wait.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends ClientOptions {
  /** How long after a create it may still be absent from a listing; default 5 seconds. */
  readonly settleWindow?: Duration.Input | undefined
  /** How often to look while waiting for a pod to become ready; default 5 seconds. */
  readonly pollInterval?: Duration.Input | undefined
  /** A log that is not followed ends after this much silence, since RunPod never ends one; default 3 seconds. */
  readonly logSilence?: Duration.Input | undefined
}
