/**
 * Names of the spans, attributes and counters of Fly operations. Their values are never a token, a line of output or a body.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"

/**
 * Span of one acquisition of a token, with `app`, `source`, `acquirer`.
 *
 * @category spans
 * @since 0.1.0
 */
export const tokenAcquire = "FlyTokens.acquire"

/**
 * Span of one request for logs, with `app`, `count` and, when it failed, the kind and status.
 *
 * @category spans
 * @since 0.1.0
 */
export const logsFetch = "FlyLogs.fetch"

/**
 * Span of one search for apps.
 *
 * @category spans
 * @since 0.1.0
 */
export const discover = "FlyApps.discoverApps"

/**
 * Span of one deploy, with `ticket` and `result`; it never has the output, not even that of a deploy that failed.
 *
 * @category spans
 * @since 0.1.0
 */
export const deploy = "FlyDeploy.deploy"

/**
 * Span of one subscription to an app's log, from its first pull to its end.
 *
 * @category spans
 * @since 0.1.0
 */
export const subscribeLogs = "FlyLogStream.subscribeLogs"

/**
 * Span of one stop of an app's poller, which waits until it has ended.
 *
 * @category spans
 * @since 0.1.0
 */
export const stopStreamer = "FlyLogStream.stopStreamer"

/**
 * Span of one subscription to the lines of a deploy, with `ticket`.
 *
 * @category spans
 * @since 0.1.0
 */
export const subscribeDeploy = "Fly.subscribeDeploy"

/**
 * Span of one run of the `fly` executable, without its arguments.
 *
 * @category spans
 * @since 0.1.0
 */
export const cliRun = "FlyCli.run"

/**
 * The Fly app; on spans only, never a metric label.
 *
 * @category attributes
 * @since 0.1.0
 */
export const app = "atlas.fly.app"

/**
 * Where a token came from.
 *
 * @category attributes
 * @since 0.1.0
 */
export const source = "atlas.fly.token.source"

/**
 * Which part answered: `facade` for a pure cache hit, `app_server` for everything else.
 *
 * @category attributes
 * @since 0.1.0
 */
export const acquirer = "atlas.fly.token.acquirer"

/**
 * The ticket of a deploy; on spans only.
 *
 * @category attributes
 * @since 0.1.0
 */
export const ticket = "atlas.fly.deploy.ticket"

/**
 * How a deploy ended: `ok`, `timeout`, `interrupted`, `exit_<code>`, or the kind of the error that kept it from starting.
 *
 * @category attributes
 * @since 0.1.0
 */
export const result = "atlas.fly.deploy.result"

/**
 * How many entries a request for logs returned.
 *
 * @category attributes
 * @since 0.1.0
 */
export const count = "atlas.fly.logs.count"

/**
 * How a request for logs ended: `ok` or `error`.
 *
 * @category attributes
 * @since 0.1.0
 */
export const logsStatus = "atlas.fly.logs.status"

/**
 * Tokens handed out, by `source` and `acquirer`; `none` where none was found.
 *
 * @category metrics
 * @since 0.1.0
 */
export const tokens = Metric.counter("atlas_fly_tokens", {
  description: "Fly tokens handed out, by source and acquirer",
  incremental: true
})

/**
 * Tokens that were pure cache hits: the same counter with its labels made once, since this is the fast path.
 *
 * @category metrics
 * @since 0.1.0
 */
export const tokenHits = Metric.counter("atlas_fly_tokens", {
  description: "Fly tokens handed out, by source and acquirer",
  incremental: true,
  attributes: { source: "ets", acquirer: "facade" }
})

/**
 * Lines of deploy output.
 *
 * @category metrics
 * @since 0.1.0
 */
export const deployLines = Metric.counter("atlas_fly_deploy_lines", {
  description: "Lines of output of deploys",
  incremental: true
})

/**
 * Deploys that started and ended, by `result`: `ok`, `timeout`, `interrupted` or `exit_<code>`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const deployExits = Metric.counter("atlas_fly_deploy_exits", {
  description: "Deploys that ended, by result",
  incremental: true
})
