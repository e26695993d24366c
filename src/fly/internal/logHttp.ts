/** One request to a log host: sent once with the token in the right scheme, answered in time and in bounds, or failed. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Redacted from "effect/Redacted"
import { ProviderFault, Timeout, Transport, Unauthorized } from "../../domain/AtlasError.ts"
import * as HttpReason from "../../domain/HttpReason.ts"
import { version } from "../../domain/Version.ts"
import * as BareClient from "../../http/BareClient.ts"
import * as BaseUrl from "../../http/BaseUrl.ts"
import * as Body from "../../http/Body.ts"
import * as RetryAfter from "../../http/RetryAfter.ts"
import type { FlyErrorReason } from "../FlyError.ts"
import * as Authorization from "./authorization.ts"

const limit = "10 seconds"
const bodyLimit = 16 * 1024 * 1024

/** What people can do about it. Nothing of the answer's body is kept: it may repeat what was sent. */
const advice: Readonly<Record<number, string>> = {
  401: "the token was refused for this app's logs; deploy tokens are, an organization's or a read-only one is not",
  403: "the token may not read this app's logs",
  404: "there is no such app",
  429: "too many requests"
}

const messageFor = (status: number): string =>
  advice[status] ??
    (status >= 300 && status < 400 ? "a redirect that is not followed" : "the log host did not answer 200")

const refused = ({ headers, status }: HttpClientResponse.HttpClientResponse): Effect.Effect<never, FlyErrorReason> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.fail(
      HttpReason.fromStatus(status, { message: messageFor(status), retryAfter: RetryAfter.read(headers, now) })
    ))

/** The innermost cause says it in one word, such as ECONNREFUSED; texts may hold what was sent. */
const codeOf = (error: unknown, depth = 0): string | null => {
  if (depth > 8 || !(error instanceof Error)) return null
  const [first]: ReadonlyArray<unknown> = error instanceof AggregateError ? error.errors : []
  const inner = codeOf(first ?? error.cause, depth + 1)
  if (inner !== null) return inner
  const code: unknown = Reflect.get(error, "code")
  return typeof code === "string" && /^[A-Z][A-Z0-9_]*$/.test(code) ? code : null
}

const lost = ({ reason }: HttpClientError.HttpClientError): Transport => {
  const cause = "cause" in reason ? reason.cause : undefined
  const code = codeOf(cause)
  return new Transport({
    message: code === null ? "the connection failed" : `the connection failed: ${code}`,
    causeName: cause instanceof Error ? cause.name : null
  })
}

const tooLarge = new ProviderFault({ status: 200, message: `the answer is larger than ${bodyLimit} bytes` })

/** The body as text; more than the limit is never held. */
const readText = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<string, FlyErrorReason> =>
  Effect.mapBoth(Body.read(response, response.headers, bodyLimit), {
    onFailure: (error) => error._tag === "TooLarge" ? tooLarge : lost(error),
    onSuccess: (bytes) => new TextDecoder().decode(bytes)
  })

/** What one request asks for; parts of the query that are null are left out. */
export interface Ask {
  readonly baseUrl: string
  readonly path: string
  readonly query: Readonly<Record<string, string | null>>
  readonly token: Redacted.Redacted
}

const addressOf = (base: string, { path, query }: Ask): string => {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === null || value === "" ? [] : [`${name}=${encodeURIComponent(value.toWellFormed())}`]
  )
  return `${base}${path}${given.length === 0 ? "" : `?${given.join("&")}`}`
}

/** Asks once; only 200 is an answer. */
export const make = Effect.gen(function*() {
  const client = yield* BareClient.make
  const warned = new Set<string>()
  const warn = (base: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (warned.size < 100) warned.add(base)
      return Effect.logWarning("Fly's logs are asked for over plain http: whoever is in between can read the token")
    })

  return (ask: Ask): Effect.Effect<string, FlyErrorReason> =>
    Effect.gen(function*() {
      const { href, isOpen } = yield* Effect.fromResult(BaseUrl.parse(ask.baseUrl))
      if (isOpen && !warned.has(href)) yield* warn(href)
      const authorization = Authorization.header(Redacted.value(ask.token))
      if (authorization === null) {
        return yield* new Unauthorized({ message: "the token is empty or holds what no header can carry" })
      }
      const request = HttpClientRequest.get(addressOf(href, ask), {
        headers: { authorization, accept: "application/json", "user-agent": `effect-atlas/${version}` }
      })
      const response = yield* Effect.mapError(client.execute(request), lost)
      return response.status === 200 ? yield* readText(response) : yield* refused(response)
    }).pipe(
      Effect.timeoutOrElse({
        duration: limit,
        orElse: () => Effect.fail(new Timeout({ message: `no answer within ${limit}` }))
      })
    )
})
