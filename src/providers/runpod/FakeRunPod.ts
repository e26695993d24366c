/**
 * RunPod in memory: both of its APIs over one account, with faults to order and a ledger of what really exists.
 *
 * Plug it in as the `HttpClient` of a program, or serve it on loopback for any HTTP client. Time comes from `Clock` and
 * ids from `Entropy`, so a moved clock and a seed repeat a run exactly.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import { makeFaultLine } from "../../http/FakeHost.ts"
import { makeControls } from "./fake/controls.ts"
import { millisOf } from "./fake/faults.ts"
import { defaultJob, plannerOf } from "./fake/plans.ts"
import { makeQuotas, type Quota } from "./fake/quota.ts"
import { makeHandler, type Server } from "./fake/server.ts"
import { makeState } from "./fake/state.ts"
import { clientOf, responseTo } from "./fake/transports.ts"
import { FakeRunPodControls } from "./FakeRunPodControls.ts"

export { hostFull, noCapacity } from "./fake/placing.ts"
export { type Controls, FakeRunPodControls } from "./FakeRunPodControls.ts"
export type { Access, Fault, FaultTarget, JobPlan, Ledger, LedgerEntry, RecordedRequest } from "./FakeRunPodControls.ts"

/**
 * How the fake behaves when nothing is ordered.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** How long a new pod is PROVISIONING; default 1 second. */
  readonly provisioning?: Duration.Input
  /** How long it is STARTING after that, and whenever it is started again; default 1 second. */
  readonly starting?: Duration.Input
  /** How long after RUNNING its outside ports and SSH address appear; default 0. */
  readonly portsLag?: Duration.Input
  /** How long an ended pod is still listed, as TERMINATED; default 0. */
  readonly lingering?: Duration.Input
  /** How long a serverless worker takes until it is ready; default 1 second. */
  readonly coldStart?: Duration.Input
  /** How long an empty poll of a job's stream is held; default 10 seconds. */
  readonly streamHold?: Duration.Input
  /** The most entries of a page, whatever a request says; default 1000. */
  readonly pageSize?: number
  /** Whether lists come in pages at all; default true. */
  readonly paginates?: boolean
  /** Quotas of the management API; null for none and no headers. Default `generousQuotas`. */
  readonly quotas?: ReadonlyArray<Quota> | null
  /** Whether a library's default User-Agent is refused with 403, as RunPod does; default true. */
  readonly refusesDefaultAgents?: boolean
  /** Ids of serverless endpoints that are there from the start; default none. */
  readonly endpoints?: ReadonlyArray<string>
}

/**
 * The quotas of RunPod's own document: 60 requests a minute, 3,000 an hour, 50,000 a day.
 *
 * @category quotas
 * @since 0.1.0
 */
export const documentedQuotas: ReadonlyArray<Quota> = [
  { name: "minute", quota: 60, window: 60 },
  { name: "hour", quota: 3000, window: 3600 },
  { name: "day", quota: 50_000, window: 86_400 }
]

/**
 * A thousand times as much, so that a test is only slowed down if it wants to be.
 *
 * @category quotas
 * @since 0.1.0
 */
export const generousQuotas: ReadonlyArray<Quota> = documentedQuotas.map((one) => ({
  ...one,
  quota: one.quota * 1000
}))

/**
 * The fake itself: one account, to be reached over as many transports as wanted.
 *
 * @category services
 * @since 0.1.0
 */
export class FakeRunPod extends Context.Service<FakeRunPod, {
  /** Plays `api.runpod.io`, `v2-rest.runpod.io`, `api.runpod.ai` and the HTTP proxy of pods; refuses every other host. */
  readonly client: HttpClient.HttpClient
  /** Answers one HTTP request; management paths and runtime paths both begin with `/v2`. */
  readonly app: Effect.Effect<
    HttpServerResponse.HttpServerResponse,
    never,
    HttpServerRequest.HttpServerRequest
  >
}>()("effect-atlas/providers/runpod/FakeRunPod") {}

const make = (options: Options) =>
  Effect.gen(function*() {
    const state = makeState({
      provisioning: millisOf(options.provisioning, 1000),
      starting: millisOf(options.starting, 1000),
      lingering: millisOf(options.lingering),
      coldStart: millisOf(options.coldStart, 1000),
      streamHold: millisOf(options.streamHold, 10_000),
      pageSize: options.pageSize ?? 1000,
      paginates: options.paginates ?? true
    }, plannerOf(defaultJob))
    state.portsLag = millisOf(options.portsLag)
    const quotas = options.quotas === undefined ? generousQuotas : options.quotas
    const server: Server = {
      state,
      account: { access: "all", requests: [] },
      faults: makeFaultLine(),
      quotas: makeQuotas(quotas ?? []),
      limitsRuntime: quotas !== null,
      refusesDefaultAgents: options.refusesDefaultAgents ?? true,
      scope: yield* Effect.scope
    }
    const controls = makeControls(server)
    for (const id of options.endpoints ?? []) yield* controls.plantEndpoint(id)
    const handle = makeHandler(server)
    return Context.make(FakeRunPodControls, controls).pipe(
      Context.add(FakeRunPod, {
        client: clientOf(state, handle),
        // servers run what they serve uninterruptibly, and an answer that is held back must end with its caller
        app: Effect.interruptible(
          Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => responseTo(request, handle))
        )
      })
    )
  })

/**
 * A RunPod account of one's own, and its controls.
 *
 * **Example** (A create whose answer is lost)
 *
 * ```ts
 * import { FakeRunPod } from "effect-atlas/testing"
 * import * as Effect from "effect/Effect"
 * import * as HttpClient from "effect/http/HttpClient"
 * import * as Layer from "effect/Layer"
 *
 * const test = Effect.gen(function*() {
 *   const client = yield* HttpClient.HttpClient
 *   const controls = yield* FakeRunPod.FakeRunPodControls
 *   yield* controls.order({ _tag: "LoseAnswer", on: "createPod", acted: true })
 *   yield* Effect.ignore(client.post("https://api.runpod.io/v2/pods"))
 *   const { live } = yield* controls.ledger
 *   return live.length
 * })
 *
 * const fake = Layer.provideMerge(FakeRunPod.layerClient, FakeRunPod.layer())
 * const program = Effect.provide(test, fake)
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<FakeRunPod | FakeRunPodControls> =>
  Layer.effectContext(make(options))

/**
 * The fake as the `HttpClient` of a program: nothing leaves the process.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerClient: Layer.Layer<HttpClient.HttpClient, never, FakeRunPod> = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(FakeRunPod, ({ client }) => client)
)

/**
 * The fake on the `HttpServer` that is provided, such as one on a free loopback port; its base URL is the server's
 * address and `/v2`, for both APIs.
 *
 * **Example** (On a free loopback port)
 *
 * ```ts
 * import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
 * import { FakeRunPod } from "effect-atlas/testing"
 * import * as HttpServer from "effect/http/HttpServer"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import { createServer } from "node:http"
 *
 * const fake = FakeRunPod.layerServer.pipe(
 *   Layer.provideMerge(NodeHttpServer.layer(() => createServer(), { host: "127.0.0.1", port: 0 })),
 *   Layer.provideMerge(FakeRunPod.layer({ endpoints: ["demo"] }))
 * )
 *
 * const program = Effect.provide(
 *   HttpServer.addressFormattedWith((address) => Effect.log(`base URL: ${address}/v2`)),
 *   fake
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerServer: Layer.Layer<never, never, FakeRunPod | HttpServer.HttpServer> = Layer.unwrap(
  Effect.map(FakeRunPod, ({ app }) => HttpServer.serve(app))
)
