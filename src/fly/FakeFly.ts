/**
 * A fake of Fly's two log hosts in memory: scripted log lines, tokens accepted or refused as the real hosts do, and faults
 * that a test orders.
 *
 * Plug it in as the `HttpClient` of a program, or serve it on loopback for any HTTP client. Time comes from `Clock`.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import {
  append,
  clientOf,
  type Fault,
  handle,
  type Line,
  makeState,
  type RecordedRequest,
  responseTo
} from "./internal/fakeFlyHost.ts"

export type { Fault, FaultTarget, Line, RecordedRequest } from "./internal/fakeFlyHost.ts"

/**
 * The fake itself, and what a test does to it.
 *
 * @category services
 * @since 0.1.0
 */
export class FakeFly extends Context.Service<FakeFly, {
  /** Plays `api.fly.io` and `api.machines.dev`; refuses every other host. */
  readonly client: HttpClient.HttpClient
  /** Answers one HTTP request; one address serves both hosts, since their paths differ. */
  readonly app: Effect.Effect<HttpServerResponse.HttpServerResponse, never, HttpServerRequest.HttpServerRequest>
  /** Adds lines to an app's log; an app that was unknown exists from then on. */
  readonly append: (app: string, lines: ReadonlyArray<Line>) => Effect.Effect<void>
  /** Removes an app and its log. */
  readonly remove: (app: string) => Effect.Effect<void>
  /** Makes the next requests that the fault is for go wrong. */
  readonly order: (fault: Fault) => Effect.Effect<void>
  /** Forgets the faults that have not happened yet. */
  readonly clearFaults: Effect.Effect<void>
  /** Refuses a token from now on, as the host refuses deploy tokens; give the token without its scheme. */
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
  /** Apps that exist from the start, with an empty log; default none. */
  readonly apps?: ReadonlyArray<string>
  /** How `next_token` is written: the real host has been seen to do both. Default `alternating`. */
  readonly cursors?: "string" | "number" | "alternating"
}

const make = ({ apps = [], cursors = "alternating" }: Options): FakeFly["Service"] => {
  const state = makeState(apps, cursors)
  return FakeFly.of({
    client: clientOf((incoming) => handle(state, incoming)),
    // servers run their handlers uninterruptibly, but an answer that is held back must end when its client leaves
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
 * A fake of its own for each layer.
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
