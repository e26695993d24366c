/** One key and one limiter for all calls to an account, those of the provider and those of the native client. */
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type { AtlasError } from "../../../domain/AtlasError.ts"
import type { ProviderId } from "../../../domain/Ids.ts"
import * as AccountId from "../../../provider/AccountId.ts"
import * as ApiKey from "../../../provider/ApiKey.ts"
import * as LayerSettings from "../../../provider/LayerSettings.ts"
import * as Setting from "../../../provider/Setting.ts"
import * as Edge from "./edge.ts"
import type { ClientOptions, Options } from "./options.ts"

/** The kind of cloud, and the id of an account that is given none. */
export const cloud = "runpod"

export interface Account {
  readonly id: ProviderId
  readonly apiKey: ApiKey.ApiKey
  readonly wire: Edge.Wire
}

export const open = (options: ClientOptions): Effect.Effect<Account, AtlasError, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const id = yield* AccountId.decode(options.id ?? cloud)
    yield* LayerSettings.check(options)
    // an account's key is read from its own variable alone, so that it is never sent to where another account is reached
    const apiKey = yield* ApiKey.make({ variable: AccountId.variable(id, "API_KEY"), layer: options.apiKey })
    return { id, apiKey, wire: yield* Edge.make({ ...options, id, apiKey }) }
  })

const optional = (name: string) => Effect.map(Setting.read(name), (value) => value ?? undefined)

/** The options, with where the account is reached from the environment. */
export const config = (wrapped: Setting.Wrap<Options>): Effect.Effect<Options, Config.ConfigError> =>
  Setting.unwrap(wrapped, ({ id = cloud }) => ({
    baseUrl: optional(AccountId.variable(id, "BASE_URL")),
    runtimeBaseUrl: optional(AccountId.variable(id, "RUNTIME_BASE_URL"))
  }))
