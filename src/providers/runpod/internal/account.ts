/** One key and one limiter for all calls to RunPod, those of the provider and those of the native client. */
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import { ProviderId } from "../../../domain/Ids.ts"
import * as ApiKey from "../../../provider/ApiKey.ts"
import * as Setting from "../../../provider/Setting.ts"
import * as Edge from "./edge.ts"
import type { ClientOptions } from "./options.ts"

export const provider = ProviderId.make("runpod")

export interface Account {
  readonly apiKey: ApiKey.ApiKey
  readonly wire: Edge.Wire
}

export const open = (options: ClientOptions): Effect.Effect<Account, never, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const apiKey = yield* ApiKey.make({ variable: "RUNPOD_API_KEY", layer: options.apiKey })
    return { apiKey, wire: yield* Edge.make({ ...options, apiKey }) }
  })

const setting = (name: string) => Effect.map(Setting.read(name), (value) => value ?? undefined)

/** Where RunPod is reached, from the environment. */
export const config: Effect.Effect<ClientOptions, Config.ConfigError> = Effect.gen(function*() {
  return {
    baseUrl: yield* setting("RUNPOD_BASE_URL"),
    runtimeBaseUrl: yield* setting("RUNPOD_RUNTIME_BASE_URL")
  }
})
