/** The public types of the HTTP edge: an API, its endpoints, and the input and answer of a call. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { AtlasErrorReason } from "../../domain/AtlasError.ts"
import type { ApiKey } from "../ApiKey.ts"
import type { Call } from "../Call.ts"
import type * as RateLimits from "../RateLimits.ts"
import type * as HttpCall from "./httpCall.ts"
import type { Refusal as RefusalFacts } from "./httpReason.ts"
import type * as HttpRequest from "./httpRequest.ts"
import type { Method } from "./httpRequest.ts"

/**
 * How often a request may be sent: `read` and `idempotent` ones (stop, start, delete) again after a failure, a `create`
 * only while it is certain that the provider did not act on it.
 *
 * @category models
 * @since 0.1.0
 */
export type CallClass = HttpCall.CallClass

/**
 * A refusing answer, for an adapter that can tell more from its message than from its status.
 *
 * @category models
 * @since 0.1.0
 */
export type Refusal = RefusalFacts

/**
 * Time limits of a client or of one endpoint.
 *
 * @category models
 * @since 0.1.0
 */
export interface Timeouts {
  /** For one attempt, from connecting to the last byte of the answer; default 30 seconds. */
  readonly attempt?: Duration.Input | undefined
  /** For the whole call, waiting and retries included; default 2 minutes. `timeout` of a call overrides it. */
  readonly total?: Duration.Input | undefined
  /** For a stream: the longest silence; default 2 minutes. */
  readonly idle?: Duration.Input | undefined
}

/**
 * A cloud's API as one client sees it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The provider's id, such as `acme`. */
  readonly provider: string
  /** What its spans begin with, such as `Acme`. */
  readonly name: string
  /** Which of a provider's APIs this is, in metrics; default `management`. */
  readonly api?: string
  /** Where it is reached; `baseUrl` of a call overrides it. Plain http to another machine is warned of. */
  readonly baseUrl: string
  /** Where the key comes from; null for an API that needs none. */
  readonly auth: ApiKey | null
  /** Headers that carry the key; default `Authorization: Bearer <key>`. */
  readonly authorize?: (key: string) => Readonly<Record<string, string>>
  /** Headers of every request. */
  readonly headers?: Readonly<Record<string, string>>
  /** The accounts' limiters; share one among the clients of a provider. Default: one of its own, without known limits. */
  readonly limits?: RateLimits.RateLimits
  readonly timeouts?: Timeouts
  /** Retries after the first try; default 3. `retries` of a call overrides it. */
  readonly retries?: number
  /** The most bytes of an answer; default 16 MiB. */
  readonly bodyLimit?: number
  /**
   * Reads every answer but a create's 5xx and 408, and may know a better reason than the status gives. The `retryAfter` of a
   * `RateLimited` is waited for like the header of that name.
   */
  readonly classify?: (refusal: Refusal) => AtlasErrorReason | undefined
}

/**
 * What an endpoint says of all its calls.
 *
 * @category models
 * @since 0.1.0
 */
export interface Route<Path extends string> {
  /** The span's second word, such as `createPod`. */
  readonly operation: string
  readonly class: CallClass
  readonly method: Method
  /** A template such as `/pods/{id}`; each parameter becomes one percent-encoded segment. */
  readonly path: Path
  readonly headers?: Readonly<Record<string, string>>
  readonly timeouts?: Timeouts
  /** `terminate` goes before everything else when the account's requests are limited; default `normal`. */
  readonly priority?: RateLimits.Priority
  /**
   * Limits of its own, under the account's, such as one launch in 12 seconds; default none. A wait that the provider asks for
   * then holds for these routes alone, otherwise for all of the account.
   */
  readonly limits?: RateLimits.RouteLimits
  /** Keeps the provider's message out of failures, for requests that a refusal can repeat; default false. */
  readonly withholdMessage?: boolean
  /** Asked before the client's own `classify`. */
  readonly classify?: (refusal: Refusal) => AtlasErrorReason | undefined
}

/**
 * A schema that decodes without services.
 *
 * @category models
 * @since 0.1.0
 */
export type Decodable = Schema.Constraint & { readonly DecodingServices: never }

/**
 * An endpoint: a route and the shape of its success; without `success` the body is not looked at.
 *
 * @category models
 * @since 0.1.0
 */
export interface Endpoint<Path extends string, S extends Decodable> extends Route<Path> {
  readonly success?: S
}

/**
 * What one call of an endpoint sends; `params` are those its path names.
 *
 * **Details**
 *
 * `body` is written as JSON. Redacted values in body, query and headers become plain text only while they are sent, and
 * are blotted out where an answer repeats them.
 *
 * @category models
 * @since 0.1.0
 */
export type Input<Path extends string> =
  & {
    readonly query?: HttpRequest.Query | undefined
    readonly headers?: Readonly<Record<string, string | Redacted.Redacted>> | undefined
    readonly body?: unknown
  }
  & ([HttpRequest.Names<Path>] extends [never] ? { readonly params?: undefined }
    : { readonly params: Readonly<Record<HttpRequest.Names<Path>, string | number>> })

/**
 * A success with its status and headers (names in lower case), for APIs that put a cursor there.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer<A> {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly value: A
}

/**
 * The HTTP edge of one API.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProviderHttp {
  /** A function that calls one endpoint; prepare it once, call it often. */
  readonly endpoint: <const Path extends string, S extends Decodable = typeof Schema.Void>(
    endpoint: Endpoint<Path, S>
  ) => (input: Input<Path>, call: Call) => Effect.Effect<S["Type"], AtlasErrorReason>
  /** Like `endpoint`, with status and headers. */
  readonly endpointAnswer: <const Path extends string, S extends Decodable = typeof Schema.Void>(
    endpoint: Endpoint<Path, S>
  ) => (input: Input<Path>, call: Call) => Effect.Effect<Answer<S["Type"]>, AtlasErrorReason>
  /** Bytes as they come, such as SSE or NDJSON; sent once and never repeated, since only its reader knows where to resume. */
  readonly stream: <const Path extends string>(
    route: Omit<Route<Path>, "class">
  ) => (input: Input<Path>, call: Call) => Stream.Stream<Uint8Array, AtlasErrorReason>
}
