/**
 * What an HTTP status means: one table from a refusing answer to a reason, for every provider.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Schema from "effect/Schema"
import { Forbidden, NotFound, ProviderFault, RateLimited, Timeout, Unauthorized, Unknown } from "./AtlasError.ts"

/**
 * What is known of a refusing answer beside its status; everything may be left out.
 *
 * @category models
 * @since 0.1.0
 */
export interface Facts {
  /** The provider's own message; default none. */
  readonly message?: string
  /** The answer's body without credentials; default null. */
  readonly raw?: Schema.Json
  /** The provider's own error code; default null. */
  readonly code?: string | null
  /** How long the provider asked to wait; default null. */
  readonly retryAfter?: Duration.Duration | null
}

/**
 * What a status alone can mean.
 *
 * @category models
 * @since 0.1.0
 */
export type StatusReason = Unauthorized | Forbidden | NotFound | Timeout | RateLimited | ProviderFault | Unknown

/**
 * The reason for an answer that refuses: a pure table of the status.
 *
 * **Details**
 *
 * 401 is `Unauthorized`, 403 `Forbidden`, 404 `NotFound`, 408 `Timeout`, 429 `RateLimited`, any other 4xx or 5xx
 * `ProviderFault`, and everything else, such as a redirect that is not followed, `Unknown`.
 *
 * **Example** (A refusal)
 *
 * ```ts
 * import * as HttpReason from "effect-atlas/domain/HttpReason"
 *
 * const reason = HttpReason.fromStatus(404, { message: "pod not found" })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromStatus = (status: number, facts: Facts = {}): StatusReason => {
  const { code = null, message = "", raw = null, retryAfter = null } = facts
  const answer = { status, message, raw }
  switch (status) {
    case 401:
      return new Unauthorized(answer)
    case 403:
      return new Forbidden(answer)
    case 404:
      return new NotFound(answer)
    case 408:
      return new Timeout(answer)
    case 429:
      return new RateLimited({ ...answer, retryAfter })
    default:
      return status >= 400 && status < 600 ? new ProviderFault({ ...answer, code }) : new Unknown(answer)
  }
}
