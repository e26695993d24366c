/**
 * An app's log lines on request: a page after a cursor, with a token that is found for it, and with each other one if it is refused.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Attributes from "../telemetry/Attributes.ts"
import * as FlyTelemetry from "../telemetry/FlyTelemetry.ts"
import * as AppName from "./AppName.ts"
import { type FlyError, invalid } from "./FlyError.ts"
import { FlyLogSource, type Page } from "./FlyLogSource.ts"
import { FlyTokens } from "./FlyTokens.ts"

/**
 * Which page of an app's log; everything may be left out.
 *
 * @category models
 * @since 0.1.0
 */
export interface FetchOptions {
  /** The `cursor` of the page before; without one the page has the newest lines. */
  readonly cursor?: string | null | undefined
  /** Only lines from this region, such as `fra`. */
  readonly region?: string | null | undefined
  /** Only lines of this machine. */
  readonly instance?: string | null | undefined
  /** Replaces the base URL of the source for this request. */
  readonly baseUrl?: string | undefined
}

/**
 * Where tokens for logs come from.
 *
 * @category models
 * @since 0.1.0
 */
export interface TokenSource {
  /** A token for the app. */
  readonly get: (app: string) => Effect.Effect<Redacted.Redacted, FlyError>
  /** Called with an app and its token that the log host refused, so that the next `get` finds another if there is one. */
  readonly invalidate: (app: string, refused: Redacted.Redacted) => Effect.Effect<void, FlyError>
}

/**
 * Fetches pages of an app's log.
 *
 * @category services
 * @since 0.1.0
 */
export class FlyLogs extends Context.Service<FlyLogs, {
  /** Sends one request, which is never repeated. Any answer but 200 is a failure. */
  readonly fetch: (app: string, options?: FetchOptions) => Effect.Effect<Page, FlyError>
  /**
   * Like `fetch`; after a 401 the token is invalidated and the request is made again with the next one, until each has been tried
   * once. Where there is only one it is tried twice. When all are refused the failure is the host's own.
   */
  readonly fetchWithRetry: (app: string, options?: FetchOptions) => Effect.Effect<Page, FlyError>
}>()("effect-atlas/fly/FlyLogs") {}

const operation = "logs"
const digits = /^\d{1,30}$/

/** There are fewer sources of tokens than this; one that always has another is not asked for ever. */
const mostTokens = 8

/** A span for one request, with the number of entries, or with the kind and status of the failure. */
const observed = (app: string) => (request: Effect.Effect<Page, FlyError>): Effect.Effect<Page, FlyError> =>
  request.pipe(
    Effect.onExit((exit) =>
      Effect.annotateCurrentSpan(
        Exit.isSuccess(exit)
          ? { [FlyTelemetry.logsStatus]: "ok", [FlyTelemetry.count]: exit.value.entries.length }
          : { [FlyTelemetry.logsStatus]: "error", [FlyTelemetry.count]: 0 }
      )
    ),
    Effect.tapError(({ kind, status }) =>
      Effect.annotateCurrentSpan({
        [Attributes.errorKind]: kind,
        ...(status === null ? {} : { [Attributes.httpStatus]: status })
      })
    ),
    Effect.withSpan(
      FlyTelemetry.logsFetch,
      { kind: "client", attributes: { [FlyTelemetry.app]: app } },
      { captureStackTrace: false }
    )
  )

/**
 * Log pages from a source, with tokens from anywhere.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (tokens: TokenSource): Effect.Effect<FlyLogs["Service"], never, FlyLogSource> =>
  Effect.map(FlyLogSource, (source) => {
    /** Checks what was asked for; the request is still without a token. */
    const prepare = Effect.fnUntraced(function*(name: string, options: FetchOptions = {}) {
      const app = yield* AppName.decode(name, operation)
      const cursor = options.cursor ?? null
      if (cursor !== null && !digits.test(cursor)) {
        const message = "must be digits, the `cursor` of an earlier page"
        return yield* invalid(operation, [{ path: "cursor", message }], app)
      }
      const request = {
        app,
        cursor,
        region: options.region ?? null,
        instance: options.instance ?? null,
        baseUrl: options.baseUrl ?? null
      }
      return { app, send: (token: Redacted.Redacted) => observed(app)(source.page({ ...request, token })) }
    })

    const fetch = Effect.fnUntraced(function*(name: string, options?: FetchOptions) {
      const { app, send } = yield* prepare(name, options)
      return yield* send(yield* tokens.get(app))
    })

    const fetchWithRetry = Effect.fnUntraced(function*(name: string, options?: FetchOptions) {
      const { app, send } = yield* prepare(name, options)
      const tried = new Set<string>()
      let token = yield* tokens.get(app)
      for (let requests = 1;; requests++) {
        const result = yield* Effect.result(send(token))
        if (Result.isSuccess(result)) return result.success
        const { failure } = result
        // with a status the log host has refused the token; without one the token could not be sent at all
        if (failure.reason._tag !== "Unauthorized" || failure.reason.status !== 401) return yield* failure
        tried.add(Redacted.value(token))
        // a token that cannot be removed may still be replaced; if not, this refusal is the failure
        yield* Effect.ignore(tokens.invalidate(app, token), {
          log: "Warn",
          message: "a refused token could not be invalidated"
        })
        token = yield* Effect.mapError(tokens.get(app), () => failure)
        const isNew = !tried.has(Redacted.value(token))
        if (requests >= mostTokens || (!isNew && requests > 1)) return yield* failure
      }
    })

    return FlyLogs.of({ fetch, fetchWithRetry })
  })

/**
 * Log pages with tokens from anywhere.
 *
 * **Example** (With a token that the host has already)
 *
 * ```ts
 * import { FlyLogs, FlyLogSource } from "effect-atlas/fly"
 * import * as Effect from "effect/Effect"
 * import * as FetchHttpClient from "effect/http/FetchHttpClient"
 * import * as Layer from "effect/Layer"
 * import type * as Redacted from "effect/Redacted"
 *
 * const logsWith = (token: Redacted.Redacted) =>
 *   FlyLogs.layerTokens({ get: () => Effect.succeed(token), invalidate: () => Effect.void }).pipe(
 *     Layer.provide(FlyLogSource.layerPlatform()),
 *     Layer.provide(FetchHttpClient.layer)
 *   )
 *
 * const newest = FlyLogs.FlyLogs.use((logs) => logs.fetch("acme-web", { region: "fra" }))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTokens = (tokens: TokenSource): Layer.Layer<FlyLogs, never, FlyLogSource> =>
  Layer.effect(FlyLogs, make(tokens))

/**
 * Log pages with the tokens of `FlyTokens`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<FlyLogs, never, FlyLogSource | FlyTokens> = Layer.effect(
  FlyLogs,
  Effect.flatMap(FlyTokens, (tokens) =>
    make({
      get: (app) => Effect.map(tokens.get(app), ({ token }) => token),
      invalidate: tokens.invalidate
    }))
)
