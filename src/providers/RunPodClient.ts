/**
 * RunPod's two APIs as typed calls, named and shaped as RunPod does: pods, endpoints, templates, volumes, the catalog, the bill,
 * and the serverless runtime.
 *
 * @since 0.1.0
 */
import type * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type { AtlasError } from "../domain/AtlasError.ts"
import * as Provider from "../provider/Provider.ts"
import type { Wrap } from "../provider/Setting.ts"
import * as RunPod from "./RunPod.ts"
import { config, open } from "./runpod/internal/account.ts"
import { adapterOf } from "./runpod/internal/adapter.ts"
import { type Asks, fromWire, type Lists, type Logs } from "./runpod/internal/native.ts"
import type { ClientOptions, Options as RunPodOptions } from "./runpod/internal/options.ts"

export type { LogLine } from "./runpod/internal/logLines.ts"
export type { Asks, Lists, Logs } from "./runpod/internal/native.ts"
export type { ClientOptions as Options } from "./runpod/internal/options.ts"

/**
 * RunPod's own APIs, call by call.
 *
 * **When to use**
 *
 * For what only RunPod has, such as making endpoints, workers, releases and registries. `Atlas` and `RunPod` cover
 * what all providers share.
 *
 * **Details**
 *
 * Creates and job submits are sent once: when their answer is lost they fail as `Uncertain`, so look before you repeat. The failure
 * of a create names what is there under the name that was asked for, once a new one would be listed. Everything else is repeated after failures that pass. `baseUrl` of a call is the management API's; the runtime's own is
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
 * A client over the `HttpClient` that is provided.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: ClientOptions = {}
): Effect.Effect<RunPodClient["Service"], AtlasError, HttpClient.HttpClient> =>
  Effect.map(open(options), (account) => fromWire(account, options))

/**
 * The client as a layer; beside the `RunPod` provider, take `layerWithRunPod`: both then share one limiter.
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
export const layer = (options: ClientOptions = {}): Layer.Layer<RunPodClient, AtlasError, HttpClient.HttpClient> =>
  Layer.effect(RunPodClient, make(options))

/**
 * The client configured from the environment: what is left out is read from the variables that `RunPod.layerConfig` reads.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Wrap<ClientOptions> = {}
): Layer.Layer<RunPodClient, AtlasError | Config.ConfigError, HttpClient.HttpClient> =>
  Layer.effect(RunPodClient, Effect.flatMap(config(options), make))

/**
 * The client beside the `RunPod` provider, as `RunPod.layer` gives it: one key and one limiter for both.
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
  options: RunPodOptions = {}
): Layer.Layer<RunPodClient | RunPod.RunPod | Provider.Provider, AtlasError, HttpClient.HttpClient> =>
  Layer.unwrap(
    Effect.map(open(options), (account) =>
      Layer.merge(
        Provider.layer(RunPod.RunPod, Effect.succeed(adapterOf({ ...account, options }))),
        Layer.succeed(RunPodClient, fromWire(account, options))
      ))
  )

/**
 * Both, configured from the environment as `RunPod.layerConfig` is.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfigWithRunPod = (
  options: Wrap<RunPodOptions> = {}
): Layer.Layer<
  RunPodClient | RunPod.RunPod | Provider.Provider,
  AtlasError | Config.ConfigError,
  HttpClient.HttpClient
> => Layer.unwrap(Effect.map(config(options), layerWithRunPod))
