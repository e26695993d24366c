/**
 * Names of span attributes. Values are ids, words and numbers: never a query, a body, a header or a secret.
 *
 * @since 0.1.0
 */

/**
 * The provider's id.
 *
 * @category attributes
 * @since 0.1.0
 */
export const provider = "atlas.provider"

/**
 * The kind of cloud that the provider is an account of; its id, unless it was given another one. On spans only.
 *
 * @category attributes
 * @since 0.1.0
 */
export const cloud = "atlas.cloud"

/**
 * The compute's id; on spans only, never a metric label.
 *
 * @category attributes
 * @since 0.1.0
 */
export const computeId = "atlas.compute.id"

/**
 * The stamped name that a compute was requested with; on spans only.
 *
 * @category attributes
 * @since 0.1.0
 */
export const computeName = "atlas.compute.name"

/**
 * The error's kind, such as `not_found`.
 *
 * @category attributes
 * @since 0.1.0
 */
export const errorKind = "atlas.error.kind"

/**
 * The id of an orchestrated session; on spans and logs only.
 *
 * @category attributes
 * @since 0.1.0
 */
export const session = "atlas.session.id"

/**
 * The id of one attempt to rent a compute for a session; on spans and logs only.
 *
 * @category attributes
 * @since 0.1.0
 */
export const attempt = "atlas.attempt.id"

/**
 * The result of that attempt: `live`, or the reason why there is no compute.
 *
 * @category attributes
 * @since 0.1.0
 */
export const attemptOutcome = "atlas.attempt.outcome"
