/**
 * RunPod: pods on rented GPUs, serverless jobs, network volumes and templates, through its REST API v2.
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
import { config, open } from "./runpod/internal/account.ts"
import { adapterOf } from "./runpod/internal/adapter.ts"
import type { Options } from "./runpod/internal/options.ts"

export type { Options } from "./runpod/internal/options.ts"

/**
 * RunPod as a provider, with exactly the facets it has: all of them.
 *
 * **Details**
 *
 * A request's `providerOpts` are laid over the body of the create, field by field; unknown ones are refused here, as
 * RunPod would. A symmetric tcp port becomes a number above 70000, in order from 70001: inside, `RUNPOD_TCP_PORT_70001`
 * says which port it got. A command runs under a shell that deletes the pod when it ends, unless `selfTerminate` is
 * false; the image needs `sh` and `curl` for it.
 *
 * **Gotchas**
 *
 * RunPod restarts a container that exits and bills on. `cloudType: "any"` means RunPod's own machines, and those of third
 * parties only for a type that RunPod does not sell itself. A pod's HTTP address is public: the program that listens must
 * check the credential itself.
 *
 * **Example** (A GPU for the time of an effect)
 *
 * ```ts
 * import { Atlas, Providers } from "effect-atlas"
 * import * as RunPod from "effect-atlas/providers/RunPod"
 * import * as Effect from "effect/Effect"
 * import * as FetchHttpClient from "effect/http/FetchHttpClient"
 * import * as Layer from "effect/Layer"
 *
 * const program = Effect.scoped(
 *   Effect.gen(function*() {
 *     const pod = yield* Atlas.scoped({ gpu: "h100", image: "me/server:1", ports: ["8000/http"], auth: "bearer" })
 *     return pod.ports[0]?.url
 *   })
 * )
 *
 * const layer = Providers.layer(RunPod.layerConfig()).pipe(Layer.provide(FetchHttpClient.layer))
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class RunPod extends Context.Service<
  RunPod,
  Provider.Of<
    "compute" | "power" | "gpus" | "logs" | "jobs" | "volumes" | "templates" | "endpoints" | "billing"
  >
>()("effect-atlas/providers/RunPod") {}

const opened = (options: Options) => Effect.map(open(options), (account) => adapterOf({ ...account, options }))

/**
 * RunPod as a value.
 *
 * **Example** (For one call)
 *
 * ```ts
 * import * as RunPod from "effect-atlas/providers/RunPod"
 * import * as Effect from "effect/Effect"
 *
 * const stock = Effect.flatMap(RunPod.make(), (runpod) => runpod.gpus.list())
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<RunPod["Service"], AtlasError, HttpClient.HttpClient> =>
  Effect.map(opened(options), Provider.make)

/**
 * RunPod as the neutral `Provider`, and under its own tag.
 *
 * **When to use**
 *
 * For everything that the verbs of `Atlas` cover. `RunPodClient.layerWithRunPod` gives the native client beside it.
 *
 * **Example** (With a key of one's own)
 *
 * ```ts
 * import * as RunPod from "effect-atlas/providers/RunPod"
 * import * as FetchHttpClient from "effect/http/FetchHttpClient"
 * import * as Layer from "effect/Layer"
 * import * as Redacted from "effect/Redacted"
 *
 * const layer = RunPod.layer({ apiKey: Redacted.make("rpa_...") }).pipe(Layer.provide(FetchHttpClient.layer))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<RunPod | Provider.Provider, AtlasError, HttpClient.HttpClient> => Provider.layer(RunPod, opened(options))

/**
 * RunPod configured from the environment: what is left out is read from `RUNPOD_API_KEY`, `RUNPOD_BASE_URL` and
 * `RUNPOD_RUNTIME_BASE_URL`; for an account with an `id` of its own, such as `runpod-eu`, from `RUNPOD_EU_API_KEY` and so on.
 *
 * **Example** (Two accounts, and another variable for the key of one)
 *
 * ```ts
 * import { Providers } from "effect-atlas"
 * import * as RunPod from "effect-atlas/providers/RunPod"
 * import * as Config from "effect/Config"
 *
 * const layer = Providers.layer(
 *   RunPod.layerConfig({ id: "runpod-eu" }),
 *   RunPod.layerConfig({ id: "runpod-us", apiKey: Config.Redacted("MY_KEY") })
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Wrap<Options> = {}
): Layer.Layer<RunPod | Provider.Provider, AtlasError | Config.ConfigError, HttpClient.HttpClient> =>
  Layer.unwrap(Effect.map(config(options), layer))
