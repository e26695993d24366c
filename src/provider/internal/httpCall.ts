/**
 * One call: attempts under time limits, admitted by the account's limiter, repeated only where repeating cannot rent twice; and
 * what a failed connection says about whether the request was sent.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Headers from "effect/http/Headers"
import type * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Random from "effect/Random"
import { type AtlasErrorReason, RateLimited, Timeout, Transport, type Validation } from "../../domain/AtlasError.ts"
import * as TimeSpan from "../../domain/TimeSpan.ts"
import * as Body from "../../http/Body.ts"
import * as Refused from "../../http/Refused.ts"
import * as RetryAfter from "../../http/RetryAfter.ts"
import { withLimit } from "../../http/TimeLimit.ts"
import type { AccountLimiter, Outcome, Priority, RouteLimits } from "../RateLimits.ts"
import * as StillWanted from "../StillWanted.ts"
import { longestWithheld } from "./accountLimiter.ts"
import type * as HttpAnswer from "./httpAnswer.ts"
import { moved, redirectTarget, type Written } from "./httpRequest.ts"

/**
 * How often a request may be sent: a `read` and an `idempotent` one again and again, a `create` only while it is
 * certain that the provider did not act on it.
 */
export type CallClass = "read" | "create" | "idempotent"

/** An answer; its body is null when it could not be read to its end or is too large. */
export interface Answered {
  readonly _tag: "Answered"
  readonly status: number
  readonly headers: Headers.Headers
  readonly body: Uint8Array | null
}

/** No answer; `wasSent` is false only where not a byte can have reached the provider. */
export interface Lost {
  readonly _tag: "Lost"
  readonly status: null
  readonly headers: null
  readonly wasSent: boolean
  /** `Validation` where the client itself refused to send the request. */
  readonly reason: Transport | Timeout | Validation
}

export type AttemptResult = Answered | Lost

/** An attempt's result, and why that is a failure; null for a success. */
export interface Judged {
  readonly result: AttemptResult
  readonly failure: AtlasErrorReason | null
}

export type Judge = (result: AttemptResult, nowMillis: number) => AtlasErrorReason | null

export interface Rules {
  readonly callClass: CallClass
  readonly priority: Priority
  readonly limits: RouteLimits | undefined
  readonly attemptMillis: number
  readonly totalMillis: number
  readonly retries: number
  readonly bodyLimit: number
}

/** How far a call is, updated while it goes on, so that an interrupted call is observed too. */
export interface Progress {
  attempts: number
  /** The last answer's, null when there was none. */
  status: number | null
  host: string | null
}

const mostRedirects = 5
const firstPause = 500
const longestPause = 8000
const transient = new Set([408, 429, 500, 502, 503, 504])

/** Name look-up and connection failures: not a byte was sent. Everything else may have arrived. */
const beforeSending = new Set([
  "ENOTFOUND",
  "EAI_AGAIN",
  "EAI_FAIL",
  "EAI_NODATA",
  "EAI_NONAME",
  "ECONNREFUSED",
  "UND_ERR_CONNECT_TIMEOUT"
])
const connecting = new Set(["connect", "getaddrinfo"])
/** What fetch says, without a code, of a port it never connects to. */
const blocked = "bad port"

const textAt = (value: unknown, key: "code" | "syscall" | "message"): string => {
  if (typeof value !== "object" || value === null || !(key in value)) return ""
  const text: unknown = Reflect.get(value, key)
  return typeof text === "string" ? text : ""
}

/** The failure and its causes, outermost first; of several attempts to connect, all. */
const chain = (error: unknown, depth = 0): ReadonlyArray<unknown> => {
  if (depth > 8 || !(error instanceof Error)) return [error]
  const causes: ReadonlyArray<unknown> = error instanceof AggregateError ? error.errors : [error.cause]
  return [error, ...causes.filter((cause) => cause !== undefined).flatMap((cause) => chain(cause, depth + 1))]
}

/** Whether it is certain that the provider never saw the request. */
const isBeforeSending = (error: unknown): boolean => {
  const all = chain(error)
  const known = all.filter((one) => textAt(one, "code") !== "")
  return known.length === 0
    ? textAt(all.at(-1), "message") === blocked
    : known.every((one) => beforeSending.has(textAt(one, "code")) || connecting.has(textAt(one, "syscall")))
}

const nameOf = (error: unknown): string | null =>
  typeof error === "object" && error !== null ? error.constructor?.name ?? null : null

/** The innermost cause's class and text: the outer ones only say that a request failed. */
const toReason = (error: unknown, scrub: HttpAnswer.Scrub): Transport => {
  const innermost = chain(error).at(-1)
  return new Transport({
    message: scrub.text(textAt(innermost, "message") || textAt(innermost, "code") || "the connection failed"),
    causeName: nameOf(innermost),
    neverSent: isBeforeSending(error)
  })
}

/** A failure below HTTP; everything that is not known to come before sending may have been acted on. */
export const lost = (error: HttpClientError.HttpClientError, scrub: HttpAnswer.Scrub): Lost => {
  const refused = Refused.reasonOf(error)
  if (refused !== null) return { _tag: "Lost", status: null, headers: null, wasSent: false, reason: refused }
  const cause = "cause" in error.reason ? error.reason.cause : undefined
  return {
    _tag: "Lost",
    status: null,
    headers: null,
    wasSent: !isBeforeSending(cause),
    reason: toReason(cause ?? new Error(error.reason.description ?? "the connection failed"), scrub)
  }
}

/** The failure of a call whose own time limit passed. */
export const noAnswer = (millis: number): Timeout =>
  new Timeout({ message: `no answer within ${TimeSpan.format(millis)}` })

const timedOut = (limitMillis: number): Lost => ({
  _tag: "Lost",
  status: null,
  headers: null,
  wasSent: true,
  reason: noAnswer(limitMillis)
})

export const isSuccess = (status: number): boolean => status >= 200 && status < 300

const mayRepeat = (callClass: CallClass, { failure, result }: Judged): boolean =>
  result._tag === "Lost"
    ? result.reason._tag !== "Validation" && (callClass !== "create" || !result.wasSent)
    // whatever status the provider uses for it
    : failure?._tag === "RateLimited" || (callClass === "create"
      ? result.status === 429
      // a machine that is sold out is not back within seconds
      : failure?._tag !== "NoCapacity" && transient.has(result.status))

/** How long the provider asks to wait, in its headers or in the body that was classified. */
const waitOf = ({ failure, result }: Judged, nowMillis: number): Duration.Duration | null =>
  RetryAfter.longer(
    result.headers === null ? null : RetryAfter.read(result.headers, nowMillis),
    failure?._tag === "RateLimited" ? failure.retryAfter : null
  )

/** A judged attempt, what the limiter learns from it, and its caller's own pause before another, in milliseconds. */
interface Attempted extends Judged, Outcome {
  readonly pause: number
}

/** Judges an attempt, the how manieth of its call. A refusal without a wait holds up the account for this caller's pause. */
export const outcomeOf = (result: AttemptResult, judge: Judge, attempts: number): Effect.Effect<Attempted> =>
  Effect.clockWith((clock) => {
    const nowMillis = clock.currentTimeMillisUnsafe()
    const failure = judge(result, nowMillis)
    const { headers, status } = result
    if (failure === null) return Effect.succeed({ status, headers, result, failure, pause: 0 })
    return Effect.map(Random.next, (random): Attempted => {
      const longest = Math.min(firstPause * 2 ** (attempts - 1), longestPause)
      const pause = Math.ceil(longest * (0.5 + random / 2))
      const retryAfter = failure._tag === "RateLimited" || status === 429
        ? RetryAfter.longer(waitOf({ result, failure }, nowMillis), Duration.millis(pause))
        : null
      return { status, headers, retryAfter, result, failure, pause }
    })
  })

/** Sends the request and follows its redirects; a create follows none. */
export const execute = (
  client: HttpClient.HttpClient,
  request: HttpClientRequest.HttpClientRequest,
  callClass: CallClass,
  bodyLimit: number,
  hops = 0
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> =>
  Effect.flatMap(client.execute(request), (response) => {
    if (response.status < 300 || response.status >= 400 || callClass === "create" || hops === mostRedirects) {
      return Effect.succeed(response)
    }
    const { headers, status } = response
    const target = redirectTarget(request.url, { status, location: headers["location"] }, request.method)
    return target === null
      ? Effect.succeed(response)
      : Effect.andThen(
        // read to its end, so that the connection can be used again
        Effect.exit(Body.read(response, headers, bodyLimit)),
        execute(client, moved(request, target), callClass, bodyLimit, hops + 1)
      )
  })

/** One attempt; it never fails, and never takes longer than its limit. */
const attempt = (
  client: HttpClient.HttpClient,
  { request, scrub }: Written,
  { bodyLimit, callClass }: Rules,
  limitMillis: number
): Effect.Effect<AttemptResult> =>
  Effect.suspend(() => {
    const seen: { refusal: Answered | null } = { refusal: null }
    const answer = execute(client, request, callClass, bodyLimit).pipe(
      Effect.flatMap((response) => {
        const { headers, status } = response
        const answered: Answered = { _tag: "Answered", status, headers, body: null }
        // a refusing status counts whether or not its body arrives
        if (!isSuccess(status)) seen.refusal = answered
        return Effect.match(Body.read(response, headers, bodyLimit), {
          onSuccess: (body): AttemptResult => ({ ...answered, body }),
          onFailure: (error) => error._tag === "TooLarge" ? answered : seen.refusal ?? lost(error, scrub())
        })
      }),
      Effect.catch((error) => Effect.sync(() => lost(error, scrub())))
    )
    return withLimit(answer, limitMillis, Effect.sync((): AttemptResult => seen.refusal ?? timedOut(limitMillis)))
  })

/** Runs attempts until one counts; fails when the first one was never sent, for want of quota or because it was called off. */
export const run = (
  client: HttpClient.HttpClient,
  limiter: AccountLimiter,
  written: Written,
  rules: Rules,
  judge: Judge,
  progress: Progress
): Effect.Effect<Judged, RateLimited | Transport> =>
  Effect.clockWith((clock) => {
    const millis = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
    const begun = millis()
    const deadline = begun + rules.totalMillis
    let mayHaveActed = false
    const send = Effect.suspend(() => {
      const left = deadline - millis()
      if (left <= 0) return Effect.fail(new RateLimited({ message: "not sent: the call's time limit passed" }))
      progress.attempts += 1
      mayHaveActed = true
      return Effect.flatMap(
        attempt(client, written, rules, Math.min(rules.attemptMillis, left)),
        (result) => outcomeOf(result, judge, progress.attempts)
      )
    })

    // the account's limits and the pauses can hold a create back for a minute
    const next = rules.callClass === "create" ? Effect.andThen(StillWanted.check, send) : send

    /** Tries again after a pause, unless the pause outlives the call: that would only delay the same answer. */
    const again = (attempted: Attempted) => {
      const asked = waitOf(attempted, clock.currentTimeMillisUnsafe())
      const longer = Math.max(attempted.pause, asked === null ? 0 : Duration.toMillis(asked))
      const wait = rules.priority === "terminate" ? Math.min(longer, longestWithheld) : longer
      if (millis() + wait >= deadline) return Effect.succeed(attempted)
      // only what did certainly nothing is sent again, where that matters
      mayHaveActed = false
      return Effect.andThen(Effect.sleep(wait), loop(attempted))
    }

    const loop = (before: Attempted | null): Effect.Effect<Judged, RateLimited | Transport> =>
      Effect.suspend(() => {
        const turn = {
          priority: rules.priority,
          patience: Duration.millis(Math.max(0, deadline - millis())),
          limits: rules.limits,
          waited: Duration.millis(millis() - begun)
        }
        return Effect.matchEffect(limiter.run(turn, next), {
          // an earlier attempt's failure says more than that there was no room for another attempt
          onFailure: (noRoom) => before === null ? Effect.fail(noRoom) : Effect.succeed(before),
          onSuccess: (attempted) => {
            progress.status = attempted.result.status
            const isLast = progress.attempts > rules.retries || !mayRepeat(rules.callClass, attempted)
            return isLast ? Effect.succeed(attempted) : again(attempted)
          }
        })
      })

    return rules.callClass === "create" ? StillWanted.unlessCalledOff(loop(null), () => mayHaveActed) : loop(null)
  })
