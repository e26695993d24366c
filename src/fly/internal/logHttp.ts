/**
 * One request to a log host: sent once, with the token in the scheme the host expects, under a limit of time; the answer is given on as it comes.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { Timeout, Transport, Unauthorized, type Validation } from "../../domain/AtlasError.ts"
import * as HttpReason from "../../domain/HttpReason.ts"
import * as TimeSpan from "../../domain/TimeSpan.ts"
import { version } from "../../domain/Version.ts"
import * as BareClient from "../../http/BareClient.ts"
import * as BaseUrl from "../../http/BaseUrl.ts"
import * as Refused from "../../http/Refused.ts"
import * as RetryAfter from "../../http/RetryAfter.ts"
import * as TimeLimit from "../../http/TimeLimit.ts"
import type { FlyErrorReason } from "../FlyError.ts"
import { authorizationOf } from "./tokenForm.ts"

/** How long the host may take to answer, and how long it may be silent while its answer comes. */
const timeLimit = Duration.seconds(10)
/** How long an answer may come in all; what has come by then is a page, and the next request asks for the rest. */
const longestBody = Duration.seconds(60)

/** What the user can do about it. Nothing of the answer's body is kept: it may repeat the token that was sent. */
const advice: Readonly<Record<number, string>> = {
  401:
    "the log host refused the token for this app; deploy tokens cannot read logs, use an organization or read-only token",
  403: "the token may not read this app's logs; use a token of the organization that owns the app",
  404: "Fly knows no app of this name; check its spelling with `fly apps list`",
  429: "the log host allows no more requests right now; try again later"
}

const messageFor = (status: number): string =>
  advice[status] ??
    (status >= 300 && status < 400
      ? "the log host answered with a redirect, which is not followed; check the base URL"
      : "the log host did not answer 200")

const refused = ({ headers, status }: HttpClientResponse.HttpClientResponse): Effect.Effect<never, FlyErrorReason> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.fail(
      HttpReason.fromStatus(status, { message: messageFor(status), retryAfter: RetryAfter.read(headers, now) })
    ))

/** The code of the innermost cause, such as ECONNREFUSED; its text is left out, since it may repeat what was sent. */
const codeOf = (error: unknown, depth = 0): string | null => {
  if (depth > 8 || !(error instanceof Error)) return null
  const [first]: ReadonlyArray<unknown> = error instanceof AggregateError ? error.errors : []
  const inner = codeOf(first ?? error.cause, depth + 1)
  if (inner !== null) return inner
  const code: unknown = Reflect.get(error, "code")
  return typeof code === "string" && /^[A-Z][A-Z0-9_]*$/.test(code) ? code : null
}

const connectionFailed = (error: HttpClientError.HttpClientError): Transport | Validation => {
  const notSent = Refused.reasonOf(error)
  if (notSent !== null) return notSent
  const cause = "cause" in error.reason ? error.reason.cause : undefined
  const code = codeOf(cause)
  return new Transport({
    message: code === null ? "the connection to the log host failed" : `the connection to the log host failed: ${code}`,
    causeName: cause instanceof Error ? cause.name : null
  })
}

const silent = new Timeout({
  message: `the log host stopped in the middle of its answer and was silent for ${TimeSpan.format(timeLimit)}`
})
const endless = new Timeout({
  message: `the log host's answer was not complete after ${TimeSpan.format(longestBody)}`
})

/** Fails when the host is silent for too long, or its answer has no end; one fiber for both, since every page has it. */
const watch = Effect.fnUntraced(function*(clock: Clock.Clock, lastSeen: () => bigint) {
  const end = clock.monotonicTimeNanosUnsafe() + BigInt(Duration.toMillis(longestBody)) * 1_000_000n
  while (true) {
    const now = clock.monotonicTimeNanosUnsafe()
    const silence = lastSeen() + BigInt(Duration.toMillis(timeLimit)) * 1_000_000n
    if (now >= end) return yield* endless
    if (now >= silence) return yield* silent
    yield* clock.sleep(Duration.nanos((silence < end ? silence : end) - now))
  }
})

/** Gives the body piece by piece to `push`, as long as that wants more. */
const readText = (
  response: HttpClientResponse.HttpClientResponse,
  push: (text: string) => boolean
): Effect.Effect<void, FlyErrorReason> =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const decoder = new TextDecoder()
    let lastSeen = clock.monotonicTimeNanosUnsafe()
    const take = (bytes: Uint8Array) =>
      Effect.sync(() => {
        lastSeen = clock.monotonicTimeNanosUnsafe()
        return push(decoder.decode(bytes, { stream: true }))
      })
    yield* Stream.runForEachWhile(response.stream, take).pipe(
      Effect.catchIf(({ reason }) => reason._tag === "EmptyBodyError", () => Effect.void),
      Effect.mapError(connectionFailed),
      Effect.raceFirst(watch(clock, () => lastSeen))
    )
    push(decoder.decode())
  })

/** An answer that has begun: its body, which may end early, and the clock of the host. */
export interface Answer {
  /** Milliseconds since 1970; null where the host does not say. */
  readonly hostTime: number | null
  /** Gives the body piece by piece, until the function wants no more. */
  readonly read: (push: (text: string) => boolean) => Effect.Effect<void, FlyErrorReason>
}

const dateOf = ({ headers }: HttpClientResponse.HttpClientResponse): number | null => {
  const time = Date.parse(headers["date"] ?? "")
  return Number.isFinite(time) ? time : null
}

/** What one request is for; parts of the query that are null are left out. */
export interface LogRequest {
  readonly baseUrl: string
  readonly path: string
  readonly query: Readonly<Record<string, string | null>>
  readonly token: Redacted.Redacted
}

const addressOf = (base: string, { path, query }: LogRequest): string => {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === null || value === "" ? [] : [`${name}=${encodeURIComponent(value.toWellFormed())}`]
  )
  return `${base}${path}${given.length === 0 ? "" : `?${given.join("&")}`}`
}

const late = Effect.fail(
  new Timeout({ message: `the log host did not answer within ${TimeSpan.format(timeLimit)}` })
)

/** A function that sends one request; any answer but 200 is a failure. */
export const make = Effect.gen(function*() {
  const client = yield* BareClient.make
  const warned = new Set<string>()
  const warn = (base: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (warned.size < 100) warned.add(base)
      return Effect.logWarning("Fly logs are requested over http, not https: the token can be read on the way")
    })

  return (logRequest: LogRequest): Effect.Effect<Answer, FlyErrorReason> =>
    TimeLimit.withLimit(
      Effect.gen(function*() {
        const { href, isOpen } = yield* Effect.fromResult(BaseUrl.parse(logRequest.baseUrl))
        if (isOpen && !warned.has(href)) yield* warn(href)
        const authorization = authorizationOf(Redacted.value(logRequest.token))
        if (authorization === null) {
          return yield* new Unauthorized({
            message: "the token is empty or has characters that an HTTP header cannot hold; set another one"
          })
        }
        const request = HttpClientRequest.get(addressOf(href, logRequest), {
          headers: { authorization, accept: "application/json", "user-agent": `effect-atlas/${version}` }
        })
        const response = yield* Effect.mapError(client.execute(request), connectionFailed)
        if (response.status !== 200) return yield* refused(response)
        return { hostTime: dateOf(response), read: (push: (text: string) => boolean) => readText(response, push) }
      }),
      Duration.toMillis(timeLimit),
      late
    )
})
