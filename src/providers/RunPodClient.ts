/**
 * RunPod's two APIs as typed calls, in RunPod's own words: pods, endpoints, templates, volumes, the catalog, the bill,
 * and the serverless runtime.
 *
 * @since 0.1.0
 */
import type * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Stream from "effect/Stream"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { CallOptions } from "../provider/Call.ts"
import * as Provider from "../provider/Provider.ts"
import * as RunPod from "./RunPod.ts"
import { config as fromEnvironment, open } from "./runpod/internal/account.ts"
import { adapterOf } from "./runpod/internal/adapter.ts"
import type { LogLine } from "./runpod/internal/logLines.ts"
import { fromWire } from "./runpod/internal/native.ts"
import type * as Wire from "./runpod/internal/wire.ts"
import type { Endpoint, Operations, Pod, Release, Template } from "./runpod/RunPodSchema.ts"

export type { LogLine } from "./runpod/internal/logLines.ts"

/**
 * Where RunPod is reached, and with which key.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Default: the environment variable `RUNPOD_API_KEY`; `apiKey` of a call stands above both. */
  readonly apiKey?: Redacted.Redacted | string | null | undefined
  /** The management API; default `https://api.runpod.io/v2`. */
  readonly baseUrl?: string | undefined
  /** The serverless runtime; default `https://api.runpod.ai/v2`. */
  readonly runtimeBaseUrl?: string | undefined
  /** Retries after the first try of what may be repeated; default 3. */
  readonly retries?: number | undefined
}

type Native<Input, A> = object extends Input ? (input?: Input, options?: CallOptions) => A
  : (input: Input, options?: CallOptions) => A

/**
 * The calls that answer once, by the operation ids of RunPod's document.
 *
 * **Details**
 *
 * Each takes one object: the ids of its path, `body` and `query`. Unknown fields do not compile, and are refused before
 * anything is sent. Answers are RunPod's own, with fields that are missing or of another type left out, without `env`.
 *
 * @category models
 * @since 0.1.0
 */
export type Asks = {
  readonly [Name in Wire.AskName]: Native<
    Wire.InputOf<Operations[Name]>,
    Effect.Effect<Wire.AnswerOf<Operations[Name]>, AtlasError>
  >
}

/**
 * The calls that answer with a log: lines for as long as somebody listens, resumed where a connection broke.
 *
 * @category models
 * @since 0.1.0
 */
export type Logs = {
  readonly [Name in Wire.LogName]: Native<
    Wire.InputOf<Operations[Name]>,
    Stream.Stream<LogLine, AtlasError>
  >
}

/**
 * Lists that come in pages, read to their end: the whole list or a failure, never a part of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lists {
  readonly listAllPods: (options?: CallOptions) => Effect.Effect<ReadonlyArray<Pod>, AtlasError>
  readonly listAllEndpoints: (options?: CallOptions) => Effect.Effect<ReadonlyArray<Endpoint>, AtlasError>
  readonly listAllTemplates: (options?: CallOptions) => Effect.Effect<ReadonlyArray<Template>, AtlasError>
  readonly listAllEndpointReleases: (
    input: { readonly id: string },
    options?: CallOptions
  ) => Effect.Effect<ReadonlyArray<Release>, AtlasError>
}

/**
 * RunPod's APIs in RunPod's words.
 *
 * **When to use**
 *
 * For what only RunPod has, such as making endpoints, workers, releases and registries. `Atlas` and `RunPod` speak the
 * words that all providers share.
 *
 * **Details**
 *
 * Creates and job submits are sent once: when their answer is lost they fail as `Uncertain`, so look before you repeat.
 * Everything else is repeated after failures that pass. `baseUrl` of a call is the management API's; the runtime's own is
 * `options: { runtimeBaseUrl }`.
 *
 * **Example** (An endpoint of one's own)
 *
 * ```ts
 * import * as RunPodClient from "effect-atlas/providers/RunPodClient"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const client = yield* RunPodClient.RunPodClient
 *   const endpoint = yield* client.createEndpoint({
 *     body: {
 *       name: "whisper",
 *       type: "QUEUE",
 *       image: "me/whisper:1",
 *       gpu: { pools: ["ADA_24"] },
 *       scaling: { type: "QUEUE_DELAY", queueDelay: 4 }
 *     }
 *   })
 *   return yield* client.run({ endpointId: endpoint.id, body: { input: { url: "https://example.com/a.mp3" } } })
 * })
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class RunPodClient extends Context.Service<RunPodClient, Asks & Logs & Lists>()(
  "effect-atlas/providers/RunPodClient"
) {}

/**
 * A client over whatever `HttpClient` is provided.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<RunPodClient["Service"], never, HttpClient.HttpClient> =>
  Effect.map(open(options), ({ wire }) => fromWire(wire, options))

/**
 * The client as a layer; beside RunPod in Atlas's words, take `layerWithRunPod`, which keeps one pace for both.
 *
 * **Example** (With Node's own fetch)
 *
 * ```ts
 * import * as RunPodClient from "effect-atlas/providers/RunPodClient"
 * import * as FetchHttpClient from "effect/http/FetchHttpClient"
 * import * as Layer from "effect/Layer"
 *
 * const layer = RunPodClient.layer().pipe(Layer.provide(FetchHttpClient.layer))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<RunPodClient, never, HttpClient.HttpClient> =>
  Layer.effect(RunPodClient, make(options))

/**
 * Options from the environment: `RUNPOD_BASE_URL` and `RUNPOD_RUNTIME_BASE_URL`; the key is `RUNPOD_API_KEY` anyway.
 *
 * @category configuration
 * @since 0.1.0
 */
export const config: Effect.Effect<Options, Config.ConfigError> = fromEnvironment

/**
 * The client configured from the environment: `RUNPOD_API_KEY`, `RUNPOD_BASE_URL` and `RUNPOD_RUNTIME_BASE_URL`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig: Layer.Layer<RunPodClient, Config.ConfigError, HttpClient.HttpClient> = /* @__PURE__ */ Layer
  .effect(RunPodClient, /* @__PURE__ */ Effect.flatMap(config, make))

/**
 * The client beside RunPod in Atlas's words, as `RunPod.layer` gives it: one key and one pace for both.
 *
 * **Example** (What only RunPod has, beside what all have)
 *
 * ```ts
 * import { Atlas, Providers } from "effect-atlas"
 * import * as RunPodClient from "effect-atlas/providers/RunPodClient"
 * import * as Effect from "effect/Effect"
 * import * as FetchHttpClient from "effect/http/FetchHttpClient"
 * import * as Layer from "effect/Layer"
 *
 * const program = Effect.gen(function*() {
 *   const client = yield* RunPodClient.RunPodClient
 *   const { dataCenters } = yield* client.listDataCenters({ query: { regions: ["EUROPE"] } })
 *   return yield* Atlas.spawnCompute({ gpu: "h100", image: "me/server:1", regionHints: dataCenters.map(({ id }) => id) })
 * })
 *
 * const runpod = RunPodClient.layerWithRunPod({ apiKey: "rpa_..." }).pipe(Layer.provide(FetchHttpClient.layer))
 * const layer = Layer.merge(Providers.layer(runpod), runpod)
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWithRunPod = (
  options: RunPod.Options = {}
): Layer.Layer<RunPodClient | RunPod.RunPod | Provider.Provider, never, HttpClient.HttpClient> =>
  Layer.unwrap(
    Effect.map(open(options), (account) =>
      Layer.merge(
        Provider.layer(RunPod.RunPod, Effect.succeed(adapterOf({ ...account, options }))),
        Layer.succeed(RunPodClient, fromWire(account.wire, options))
      ))
  )

/**
 * Both, configured from the environment: `RUNPOD_API_KEY`, `RUNPOD_BASE_URL` and `RUNPOD_RUNTIME_BASE_URL`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfigWithRunPod: Layer.Layer<
  RunPodClient | RunPod.RunPod | Provider.Provider,
  Config.ConfigError,
  HttpClient.HttpClient
> = /* @__PURE__ */ Layer.unwrap(/* @__PURE__ */ Effect.map(config, layerWithRunPod))
