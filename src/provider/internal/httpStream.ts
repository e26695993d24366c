/** An answer as bytes while they come: opened once, never repeated, ended by silence or by the call's time limit. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Stream from "effect/Stream"
import { type AtlasErrorReason, Timeout } from "../../domain/AtlasError.ts"
import * as Body from "../../http/Body.ts"
import type { Call } from "../Call.ts"
import type { Pace } from "../RateLimits.ts"
import {
  execute,
  type Fate,
  isSuccess,
  type Judge,
  learned,
  lost,
  noAnswer,
  type Progress,
  type Rules
} from "./httpCall.ts"
import type { observer } from "./httpObserve.ts"
import type { Input, Written } from "./httpRequest.ts"
import type { ProviderHttp } from "./httpShapes.ts"

/** What is ready once the options of one call are known. */
export interface Ready {
  readonly written: Written
  readonly rules: Rules
  readonly pace: Pace
}

/** What an endpoint decides once for all its calls. */
export interface Prepared {
  readonly idleMillis: number
  readonly observed: ReturnType<typeof observer>
  readonly ready: (input: Input, call: Call, progress: Progress) => Effect.Effect<Ready, AtlasErrorReason>
  /** Why a request failed; null for a success. */
  readonly judging: (written: Written) => Judge
}

/** At the price of a fiber a piece; `Stream.timeoutOrElse` costs every program the code that merges streams. */
const unlessIdle = <A>(bytes: Stream.Stream<A, AtlasErrorReason>, millis: number) => {
  const silent = new Timeout({ message: `nothing came for ${Duration.format(Duration.millis(millis))}` })
  return Stream.transformPull(
    bytes,
    (pull) => Effect.succeed(Effect.timeoutOrElse(pull, { duration: millis, orElse: () => Effect.fail(silent) }))
  )
}

export const makeStream = (
  client: HttpClient.HttpClient,
  bodyLimit: number,
  prepare: (route: Parameters<ProviderHttp["stream"]>[0] & { readonly class: "read" }) => Prepared
): ProviderHttp["stream"] =>
(described) => {
  const { idleMillis, judging, observed, ready } = prepare({ ...described, class: "read" })

  const open = (input: Input, call: Call, progress: Progress) =>
    Effect.gen(function*() {
      const { pace, rules, written } = yield* ready(input, call, progress)
      const limit = Math.min(rules.attemptMillis, rules.totalMillis)
      const opened: { response: HttpClientResponse.HttpClientResponse | null } = { response: null }
      const judge = judging(written)
      const { failure, fate } = yield* pace.run(
        { priority: rules.priority, patience: Duration.millis(limit), limits: rules.limits },
        Effect.gen(function*() {
          progress.attempts = 1
          const response = yield* execute(client, written.request, "read", bodyLimit)
          const { headers, status } = response
          opened.response = response
          // a success is read by whoever takes the stream, a refusal here, so that it can say why
          const body = isSuccess(status)
            ? new Uint8Array()
            : yield* Effect.orElseSucceed(Body.read(response, headers, bodyLimit), () => null)
          return { _tag: "Answered", status, headers, body } satisfies Fate
        }).pipe(
          Effect.catch((error) => Effect.sync((): Fate => lost(error, written.scrub()))),
          Effect.timeoutOrElse({ duration: limit, orElse: () => Effect.fail(noAnswer(limit)) }),
          Effect.flatMap((fate) => Effect.map(Clock.currentTimeMillis, (now) => learned(fate, judge, now)))
        )
      )
      progress.status = fate.status
      if (failure !== null) return yield* failure
      return { response: opened.response, written }
    })

  return (input, call) => {
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
    const passed = new Timeout({ message: `not at its end within ${Duration.format(call.timeout)}` })
    return Stream.interruptWhen(bytes, Effect.delay(Effect.fail(passed), limit))
  }
}
