/**
 * Fly's two log hosts in memory: scripted lines, tokens let in or refused as the real ones do, and faults to order.
 *
 * Plug it in as the `HttpClient` of a program, or serve it on loopback for any HTTP client. Time comes from `Clock`.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import { append, handle, makeState } from "./internal/fakeFlyHost.ts"
import { clientOf, responseTo } from "./internal/fakeFlyTransports.ts"

/**
 * One line of an app's log as the fake has it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Line {
  /** RFC 3339, or any text to see what a reader makes of it; default now. */
  readonly timestamp?: string | null
  readonly message?: string | null
  /** Default `info`. */
  readonly level?: string | null
  /** Default `fra`. */
  readonly region?: string | null
  readonly instance?: string | null
  /** Default one of its own; null for a line that has none. */
  readonly id?: string | null
}

/**
 * Which requests a fault is for: of one host, of one app, or any; the first `skip` of them pass, the next `times` (1
 * unless given) are struck.
 *
 * @category models
 * @since 0.1.0
 */
export interface FaultTarget {
  readonly on?: "platform" | "machines"
  readonly app?: string
  readonly skip?: number
  readonly times?: number
}

/**
 * Something that goes wrong, as data.
 *
 * **Details**
 *
 * - `Refuse`: this status, with `Retry-After` in seconds and a body if given. `Redirect`: a 302.
 * - `LoseAnswer`: the connection ends without an answer. `Hang`: none ever comes. `Delay`: it takes so long.
 * - `Garble`: the body is cut in half. `Huge`: it has so many bytes.
 * - `Strange`: these texts stand among the lines, as they are. `Hollow`: everything nested is null.
 * - `Cursor`: this JSON text stands for `next_token`. `Overlap`: the page begins with the last line of the one before.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault =
  & FaultTarget
  & (
    | { readonly _tag: "Refuse"; readonly status: number; readonly retryAfter?: number; readonly body?: string }
    | { readonly _tag: "Redirect"; readonly location: string }
    | { readonly _tag: "LoseAnswer" }
    | { readonly _tag: "Hang" }
    | { readonly _tag: "Delay"; readonly by: Duration.Input }
    | { readonly _tag: "Garble" }
    | { readonly _tag: "Huge"; readonly bytes: number }
    | { readonly _tag: "Strange"; readonly lines: ReadonlyArray<string> }
    | { readonly _tag: "Hollow" }
    | { readonly _tag: "Cursor"; readonly text: string }
    | { readonly _tag: "Overlap" }
  )

/**
 * One request as the fake got it; of the token only the scheme.
 *
 * @category models
 * @since 0.1.0
 */
export interface RecordedRequest {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Null where neither host has such a path. */
  readonly endpoint: "platform" | "machines" | null
  readonly app: string | null
  readonly cursor: string | null
  readonly region: string | null
  readonly instance: string | null
  readonly scheme: string | null
  /** Null while there is no answer, and for good where there was none. */
  readonly status: number | null
}

/**
 * The fake itself, and what a test does to it.
 *
 * @category services
 * @since 0.1.0
 */
export class FakeFly extends Context.Service<FakeFly, {
  /** Plays `api.fly.io` and `api.machines.dev`; refuses every other host. */
  readonly client: HttpClient.HttpClient
  /** Answers one HTTP request; both hosts stand behind the one address, since their paths differ. */
  readonly app: Effect.Effect<HttpServerResponse.HttpServerResponse, never, HttpServerRequest.HttpServerRequest>
  /** Adds lines to an app's log; the app is there from then on. */
  readonly append: (app: string, lines: ReadonlyArray<Line>) => Effect.Effect<void>
  /** Takes an app away with its log. */
  readonly remove: (app: string) => Effect.Effect<void>
  readonly order: (fault: Fault) => Effect.Effect<void>
  /** Forgets the faults that are still in line. */
  readonly clearFaults: Effect.Effect<void>
  /** Refuses a token from now on, as the host refuses deploy tokens; the text behind the scheme. */
  readonly refuse: (token: string) => Effect.Effect<void>
  readonly requests: Effect.Effect<ReadonlyArray<RecordedRequest>>
}>()("effect-atlas/fly/FakeFly") {}

/**
 * How the fake behaves when nothing is ordered.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Apps that are there from the start, with an empty log; default none. */
  readonly apps?: ReadonlyArray<string>
  /** How `next_token` is written: the real host has been seen to do both. Default `alternating`. */
  readonly cursors?: "string" | "number" | "alternating"
}

const make = ({ apps = [], cursors = "alternating" }: Options): FakeFly["Service"] => {
  const state = makeState(apps, cursors)
  return FakeFly.of({
    client: clientOf((incoming) => handle(state, incoming)),
    // servers run what they serve uninterruptibly, and an answer that is held back must end with its caller
    app: Effect.interruptible(
      Effect.flatMap(
        HttpServerRequest.HttpServerRequest,
        (request) => responseTo(request, (incoming) => handle(state, incoming))
      )
    ),
    append: (app, lines) => Effect.map(Clock.currentTimeMillis, (now) => append(state, app, lines, now)),
    remove: (app) => Effect.sync(() => void state.apps.delete(app)),
    order: (fault) => Effect.sync(() => state.faults.order(fault)),
    clearFaults: Effect.sync(() => state.faults.clear()),
    refuse: (token) => Effect.sync(() => void state.refused.add(token)),
    requests: Effect.sync(() => [...state.requests])
  })
}

/**
 * A Fly of one's own.
 *
 * **Example** (A token that is refused once)
 *
 * ```ts
 * import { FlyLogs, FlyLogSource } from "effect-atlas/fly"
 * import { FakeFly } from "effect-atlas/testing"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Redacted from "effect/Redacted"
 *
 * const test = Effect.gen(function*() {
 *   const fly = yield* FakeFly.FakeFly
 *   const logs = yield* FlyLogs.FlyLogs
 *   yield* fly.append("acme-web", [{ message: "listening on :8080" }])
 *   yield* fly.order({ _tag: "Refuse", status: 401 })
 *   const { entries } = yield* logs.fetchWithRetry("acme-web")
 *   return entries.length
 * })
 *
 * const program = test.pipe(Effect.provide(
 *   FlyLogs.layerTokens({ get: () => Effect.succeed(Redacted.make("fm2_test")), invalidate: () => Effect.void }).pipe(
 *     Layer.provide(FlyLogSource.layerPlatform()),
 *     Layer.provide(FakeFly.layerClient),
 *     Layer.provideMerge(FakeFly.layer())
 *   )
 * ))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<FakeFly> => Layer.sync(FakeFly, () => make(options))

/**
 * The fake as the `HttpClient` of a program: nothing leaves the process.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerClient: Layer.Layer<HttpClient.HttpClient, never, FakeFly> = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(FakeFly, ({ client }) => client)
)

/**
 * The fake on whatever `HttpServer` is provided, such as one on a free loopback port; its address is the base URL of
 * the platform's logs, and with `/v1/apps` that of the Machines API's.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerServer: Layer.Layer<never, never, FakeFly | HttpServer.HttpServer> = Layer.unwrap(
  Effect.map(FakeFly, ({ app }) => HttpServer.serve(app))
)
