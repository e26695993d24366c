/**
 * The HTTP edge: the only way a provider talks to its cloud.
 *
 * An endpoint says once what it is (method, path, how often it may be sent, the shape of its answer); every call of it
 * then gets time limits, retries, the account's request limits, a span, metrics, and failures as reasons without a secret.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as BareClient from "../http/BareClient.ts"
import { makeEdge } from "./internal/httpEdge.ts"
import type { Options, ProviderHttp } from "./internal/httpShapes.ts"
import * as RateLimits from "./RateLimits.ts"

export type {
  Answer,
  CallClass,
  Decodable,
  Endpoint,
  Input,
  Options,
  ProviderHttp,
  Refusal,
  Route,
  Timeouts
} from "./internal/httpShapes.ts"

/**
 * The HTTP edge of one API, over the `HttpClient` that is provided.
 *
 * **Details**
 *
 * A `read` or `idempotent` call is repeated after 408, 429, 500, 502, 503, 504 and failed connections, with jittered
 * back-off and `Retry-After` obeyed; a `create` only after 429 and after failures that precede sending. What `classify` calls
 * `RateLimited` counts as 429 whatever its status. A create whose
 * answer is lost, a 5xx, a 408 or unreadable fails as `Uncertain`. Redirects are followed to the same origin, by a
 * create never. No wait outlives the call: a pause that would is not begun, and the call fails with the failure at hand.
 *
 * **Example** (An endpoint)
 *
 * ```ts
 * import { ApiKey } from "effect-atlas"
 * import * as ProviderHttp from "effect-atlas/provider/ProviderHttp"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * const make = Effect.gen(function*() {
 *   const auth = yield* ApiKey.make({ variable: "ACME_API_KEY" })
 *   const http = yield* ProviderHttp.make({ provider: "acme", name: "Acme", baseUrl: "https://api.acme.example/v1", auth })
 *   const getBox = http.endpoint({
 *     operation: "getBox",
 *     class: "read",
 *     method: "GET",
 *     path: "/boxes/{id}",
 *     success: Schema.Struct({ id: Schema.String })
 *   })
 *   const deleteBox = http.endpoint({
 *     operation: "deleteBox",
 *     class: "idempotent",
 *     method: "DELETE",
 *     path: "/boxes/{id}",
 *     priority: "terminate"
 *   })
 *   return { getBox, deleteBox }
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<ProviderHttp, never, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const limits = options.limits ?? (yield* RateLimits.make())
    const edge = makeEdge({ ...options, limits, client: yield* BareClient.make })
    return {
      endpoint: (endpoint) => {
        const ask = edge.ask(endpoint, endpoint.success)
        return (input, call) => Effect.map(ask(input, call), (answer) => answer.value)
      },
      endpointAnswer: (endpoint) => edge.ask(endpoint, endpoint.success),
      stream: edge.stream
    }
  })
