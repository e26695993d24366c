/** From the description of an endpoint or a stream to a function: options decided, request written, sent, judged, decoded. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { type AtlasErrorReason, Timeout } from "../../domain/AtlasError.ts"
import * as TimeSpan from "../../domain/TimeSpan.ts"
import { version } from "../../domain/Version.ts"
import * as BaseUrl from "../../http/BaseUrl.ts"
import * as Body from "../../http/Body.ts"
import { failWhen, unlessSilent } from "../../http/StreamLimits.ts"
import type { Call } from "../Call.ts"
import type { AccountLimiter, RateLimits } from "../RateLimits.ts"
import {
  type AttemptResult,
  execute,
  isSuccess,
  type Judge,
  lost,
  noAnswer,
  outcomeOf,
  type Progress,
  type Rules,
  run
} from "./httpCall.ts"
import { observer } from "./httpObserve.ts"
import { failureOf, type Judging, makeDecoder, type Refusal } from "./httpReason.ts"
import * as HttpRequest from "./httpRequest.ts"
import type { Answer, Decodable, Options, ProviderHttp, Route } from "./httpShapes.ts"

interface Wiring extends Options {
  readonly limits: RateLimits
  readonly client: HttpClient.HttpClient
}

const defaults = {
  attempt: Duration.seconds(30),
  total: Duration.minutes(2),
  idle: Duration.minutes(2),
  retries: 3,
  bodyLimit: 16 * 1024 * 1024
}

const bearer = (key: string): Readonly<Record<string, string>> => ({ authorization: `Bearer ${key}` })

/** One call, ready to be sent. */
interface Ready {
  readonly written: HttpRequest.Written
  readonly rules: Rules
  readonly limiter: AccountLimiter
  /** Why an attempt's result is a failure; null for a success. */
  readonly judge: Judge
}

/** What is decided once for all calls of an endpoint. */
interface Prepared {
  readonly idleMillis: number
  readonly observed: ReturnType<typeof observer>
  readonly ready: (input: HttpRequest.Input, call: Call, progress: Progress) => Effect.Effect<Ready, AtlasErrorReason>
}

/** Fails a stream that is silent for too long. */
const unlessIdle = <A>(bytes: Stream.Stream<A, AtlasErrorReason>, millis: number) =>
  unlessSilent(
    bytes,
    millis,
    Effect.fail(new Timeout({ message: `no data came for ${TimeSpan.format(millis)}` }))
  )

/** The function that opens a stream: bytes as they come, sent once. */
const streamOf = (
  client: HttpClient.HttpClient,
  bodyLimit: number,
  { idleMillis, observed, ready }: Prepared
) => {
  const open = (input: HttpRequest.Input, call: Call, progress: Progress) =>
    Effect.gen(function*() {
      const { judge, limiter, rules, written } = yield* ready(input, call, progress)
      const limit = Math.min(rules.attemptMillis, rules.totalMillis)
      const opened: { response: HttpClientResponse.HttpClientResponse | null } = { response: null }
      const { failure, result } = yield* limiter.run(
        { priority: rules.priority, patience: Duration.millis(limit), limits: rules.limits },
        Effect.gen(function*() {
          progress.attempts = 1
          const response = yield* execute(client, written.request, "read", bodyLimit)
          const { headers, status } = response
          opened.response = response
          // the body of a success is read by the stream's consumer; that of a refusal here, so that the failure says why
          const body = isSuccess(status)
            ? new Uint8Array()
            : yield* Effect.orElseSucceed(Body.read(response, headers, bodyLimit), () => null)
          return { _tag: "Answered", status, headers, body } satisfies AttemptResult
        }).pipe(
          Effect.catch((error) => Effect.sync((): AttemptResult => lost(error, written.scrub()))),
          Effect.timeoutOrElse({ duration: limit, orElse: () => Effect.fail(noAnswer(limit)) }),
          Effect.flatMap((result) => outcomeOf(result, judge, 1))
        )
      )
      progress.status = result.status
      if (failure !== null) return yield* failure
      return { response: opened.response, written }
    })

  return (input: HttpRequest.Input, call: Call): Stream.Stream<Uint8Array, AtlasErrorReason> => {
    const bytes = Stream.unwrap(
      Effect.map(observed((progress) => open(input, call, progress)), ({ response, written }) =>
        response === null
          ? Stream.empty
          : unlessIdle(
            Stream.mapError(response.stream, (error): AtlasErrorReason => lost(error, written.scrub()).reason),
            idleMillis
          ))
    )
    if (call.timeout === null) return bytes
    const limit = Duration.toMillis(call.timeout)
    const passed = new Timeout({ message: `the stream did not end within ${TimeSpan.format(call.timeout)}` })
    return failWhen(bytes, Effect.delay(Effect.fail(passed), limit))
  }
}

export const makeEdge = (options: Wiring) => {
  const { auth, authorize = bearer, bodyLimit = defaults.bodyLimit, client, limits, name, provider } = options
  const defaultBase = BaseUrl.parse(options.baseUrl)
  const warned = new Set<string>()

  const baseFor = (call: Call) => call.baseUrl === null ? defaultBase : BaseUrl.parse(call.baseUrl)

  /** Warns once for each host that the connection is not encrypted. */
  const warn = (base: BaseUrl.BaseUrl): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (warned.size < 100) warned.add(base.host)
      return Effect.logWarning(
        `${name} is reached over plain http at ${base.host}: the API key can be read on the way; use https`
      )
    })

  const prepare = (route: Route<string>): Prepared => {
    const shape: HttpRequest.Shape = {
      method: route.method,
      path: HttpRequest.path(route.path),
      headers: Object.fromEntries(
        Object.entries({
          accept: "application/json",
          ...options.headers,
          ...route.headers,
          "user-agent": `effect-atlas/${version}`
        }).map(([header, value]) => [header.toLowerCase(), value])
      )
    }
    const millis = (limit: "attempt" | "total" | "idle") =>
      Duration.toMillis(route.timeouts?.[limit] ?? options.timeouts?.[limit] ?? defaults[limit])
    const [attemptMillis, totalMillis, idleMillis] = [millis("attempt"), millis("total"), millis("idle")]
    const classifiers = [route.classify, options.classify].filter((one) => one !== undefined)
    const classify = classifiers.length === 0 ? undefined : (refusal: Refusal): AtlasErrorReason | undefined => {
      for (const one of classifiers) {
        const reason = one(refusal)
        if (reason !== undefined) return reason
      }
      return undefined
    }

    const ready: Prepared["ready"] = (input, call, progress) => {
      const parsed = baseFor(call)
      if (Result.isFailure(parsed)) return Effect.fail(parsed.failure)
      const base = parsed.success
      const withKey = (key: Redacted.Redacted | null): Effect.Effect<Ready, AtlasErrorReason> => {
        const credential = key === null ? null : { key, headers: authorize(Redacted.value(key)) }
        const written = HttpRequest.write(base, shape, input, call, credential)
        if (Result.isFailure(written)) return Effect.fail(written.failure)
        progress.host = base.host
        const rules: Rules = {
          callClass: route.class,
          priority: route.priority ?? "normal",
          limits: route.limits,
          attemptMillis,
          totalMillis: call.timeout === null ? totalMillis : Duration.toMillis(call.timeout),
          retries: call.retries ?? options.retries ?? defaults.retries,
          bodyLimit
        }
        const limiter = limits.account({ provider, baseUrl: base.href, apiKey: key })
        const judging: Judging = {
          callClass: route.class,
          isWithheld: route.withholdMessage ?? false,
          classify,
          scrub: written.success.scrub
        }
        const judge: Judge = (result, nowMillis) => failureOf(result, judging, nowMillis)
        return Effect.succeed({ written: written.success, rules, limiter, judge })
      }
      const keyed = auth === null ? withKey(null) : Effect.flatMap(auth.forCall(call), withKey)
      return base.isOpen && !warned.has(base.host) ? Effect.andThen(warn(base), keyed) : keyed
    }

    return {
      ready,
      idleMillis,
      observed: observer({ provider, name, api: options.api ?? "management" }, route)
    }
  }

  const ask = <S extends Decodable>(route: Route<string>, success: S | undefined) => {
    const { observed, ready } = prepare(route)
    const decode = makeDecoder(success, { callClass: route.class, bodyLimit })
    return (input: HttpRequest.Input, call: Call): Effect.Effect<Answer<S["Type"]>, AtlasErrorReason> =>
      observed((progress) =>
        Effect.flatMap(
          ready(input, call, progress),
          ({ judge, limiter, rules, written }) =>
            Effect.flatMap(run(client, limiter, written, rules, judge, progress), ({ failure, result }) => {
              if (failure !== null) {
                return Effect.fail(failure)
              }
              // a lost answer is always a failure
              if (result._tag === "Lost") {
                return Effect.fail(result.reason)
              }
              return Effect.map(
                decode(result, written.credentials),
                (value) => ({ status: result.status, headers: result.headers, value })
              )
            })
        )
      )
  }

  const stream: ProviderHttp["stream"] = (route) => streamOf(client, bodyLimit, prepare({ ...route, class: "read" }))

  return { ask, stream }
}
