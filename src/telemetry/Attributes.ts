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

/**
 * What a call found where finding that is no failure, such as `not_found` where a machine is verified to be gone.
 *
 * @category attributes
 * @since 0.1.0
 */
export const answer = "atlas.call.answer"

/**
 * The `userId` that a session was begun with; on spans only, never a metric label. It is what the host calls its user by.
 *
 * @category attributes
 * @since 0.1.0
 */
export const user = "atlas.user.id"

/**
 * Why a session's machine was replaced: how it died, or `never_ready`.
 *
 * @category attributes
 * @since 0.1.0
 */
export const replaceReason = "atlas.session.replace.reason"

/**
 * Why a session ended, such as `idle_timeout`.
 *
 * @category attributes
 * @since 0.1.0
 */
export const endReason = "atlas.session.end.reason"

/**
 * What became of a session: `completed`, `timed_out`, `failed` or `closed`.
 *
 * @category attributes
 * @since 0.1.0
 */
export const outcome = "atlas.session.outcome"

/**
 * Why a session failed, such as `exit_code`; only where it did.
 *
 * @category attributes
 * @since 0.1.0
 */
export const failureCause = "atlas.session.failure.cause"

/**
 * What a session has cost, in US dollars.
 *
 * @category attributes
 * @since 0.1.0
 */
export const spent = "atlas.session.spent_usd"

/**
 * How many machines of a session were replaced.
 *
 * @category attributes
 * @since 0.1.0
 */
export const respawns = "atlas.session.respawns"

/**
 * What the other end of a link is: `request`, `attempt`, `previous_attempt`, `command`, `end` or `acquire`; on links only.
 *
 * @category attributes
 * @since 0.1.0
 */
export const link = "atlas.link"

/**
 * The method of a request.
 *
 * @category attributes
 * @since 0.1.0
 */
export const httpMethod = "http.request.method"

/**
 * The path of a request as its endpoint writes it, with names in the place of ids.
 *
 * @category attributes
 * @since 0.1.0
 */
export const httpRoute = "url.template"

/**
 * The host that was asked.
 *
 * @category attributes
 * @since 0.1.0
 */
export const httpHost = "server.address"

/**
 * The HTTP status of the last answer, where there was one.
 *
 * @category attributes
 * @since 0.1.0
 */
export const httpStatus = "http.response.status_code"

/**
 * How often a request was sent.
 *
 * @category attributes
 * @since 0.1.0
 */
export const httpAttempts = "atlas.http.attempts"

/**
 * What a request is to the account: its class, such as `read`, which decides whether it may be sent again.
 *
 * @category attributes
 * @since 0.1.0
 */
export const httpClass = "atlas.http.class"

/**
 * Which of a provider's APIs was asked, such as `management`.
 *
 * @category attributes
 * @since 0.1.0
 */
export const httpApi = "atlas.http.api"
