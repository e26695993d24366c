/** How often a job's state is polled, and the time limits of that. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { AtlasError, Timeout } from "../../domain/AtlasError.ts"
import { decoder, PositiveDuration } from "../../domain/Decode.ts"
import * as TimeSpan from "../../domain/TimeSpan.ts"
import type { CallOptions } from "../../provider/Call.ts"
import type { Service } from "../../provider/Provider.ts"

/** The pause before the second poll. */
export const firstDelay = Duration.millis(500)
const longestDelay = Duration.seconds(5)

/** The next pause: twice as long, up to 5 seconds. */
export const nextDelay = (delay: Duration.Duration): Duration.Duration =>
  Duration.min(Duration.times(delay, 2), longestDelay)

/** Sleeps that long and up to a quarter more, so that many callers do not poll at the same moments. */
export const pause = (delay: Duration.Duration): Effect.Effect<void> =>
  Effect.flatMap(Random.next, (part) => Effect.sleep(Duration.times(delay, 1 + part * 0.25)))

type Limit = CallOptions["timeout"]

const decodeTimeout = decoder(PositiveDuration, "timeout")
const decodeIdle = decoder(PositiveDuration, "idleTimeout")

/**
 * An overall limit from now on, and an idle one that starts again with every `progressed`. Only the time spent in `within`
 * counts as idle: the time that a slow consumer takes does not.
 */
export const limits = (
  provider: Service,
  operation: string,
  given: { readonly timeout?: Limit; readonly idleTimeout?: Limit }
) =>
  Effect.gen(function*() {
    const timeout = given.timeout == null ? null : yield* decodeTimeout(given.timeout, operation, provider.id)
    const idle = given.idleTimeout == null ? null : yield* decodeIdle(given.idleTimeout, operation, provider.id)
    const start = yield* Clock.monotonicTimeNanos
    let idled = 0n

    const late = (what: string, limit: Duration.Duration) =>
      new AtlasError({
        provider: provider.id,
        operation,
        reason: new Timeout({ message: `${what} within ${TimeSpan.format(limit)}` })
      })

    const bounded = <A>(
      self: Effect.Effect<A, AtlasError>,
      limit: Duration.Duration | null,
      since: bigint,
      what: string
    ): Effect.Effect<A, AtlasError> =>
      limit === null ? self : Effect.flatMap(Clock.monotonicTimeNanos, (now) =>
        Effect.timeoutOrElse(self, {
          duration: Duration.subtract(limit, Duration.nanos(now - since)),
          orElse: () => Effect.fail(late(what, limit))
        }))

    return {
      within: <A>(self: Effect.Effect<A, AtlasError>): Effect.Effect<A, AtlasError> =>
        Effect.flatMap(Clock.monotonicTimeNanos, (began) =>
          bounded(
            bounded(self, idle, began - idled, "the job produced no output"),
            timeout,
            start,
            "the job did not end"
          )
            .pipe(Effect.tap(() =>
              Effect.map(Clock.monotonicTimeNanos, (now) => {
                idled += now - began
              })
            ))),
      progressed: Effect.sync(() => {
        idled = 0n
      })
    }
  })
