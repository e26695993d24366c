/**
 * Waiting for a compute to be ready: look, wait a little, look again, and never past the deadline.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import { AtlasError, Ended, Timeout } from "../domain/AtlasError.ts"
import type { Compute } from "../domain/Compute.ts"
import { decoder, PositiveDuration } from "../domain/Decode.ts"
import * as Ready from "../domain/Ready.ts"
import * as TimeSpan from "../domain/TimeSpan.ts"
import * as Expected from "../telemetry/Expected.ts"
import type { CallOptions } from "./Call.ts"
import type { Service } from "./Provider.ts"
import { isHopeless } from "./Termination.ts"

/**
 * How long a wait without a timeout of its own lasts.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultTimeout: Duration.Duration = Duration.minutes(15)

/** One look that never answers must not cost the whole wait. */
const lookLimit = Duration.seconds(30)

/** After this many doublings a failing provider is asked no slower. */
const longestBackoff = 8

const decodeTimeout = decoder(PositiveDuration, "timeout")
const decodeInterval = decoder(PositiveDuration, "interval")

const lost = (provider: Service, last: Compute): AtlasError =>
  new AtlasError({
    provider: provider.id,
    operation: "awaitReady",
    reason: new Ended({
      status: last.status === "failed" || last.status === "stopped" ? last.status : "terminated",
      exitCode: last.exitCode,
      message: last.failure ?? `${last.id} ended before it was ready`
    })
  })

/** What a compute that was last seen like this was waited for, in vain. */
const missing = (id: string, seen: Compute | null, wanted: ReadonlyArray<Ready.WantedPort>): string => {
  const ports = seen?.status === "running" ? Ready.unmapped(seen, wanted) : []
  return ports.length === 0 ? `${id} was not running` : `${id} runs, but ${ports.join(" and ")} had no address`
}

/**
 * Looks until the compute is ready, as `Ready` says; see `Atlas.awaitReady` for what it fails with.
 *
 * @category looking
 * @since 0.1.0
 */
export const awaitReady = (
  provider: Service,
  id: string,
  options: {
    readonly timeout?: CallOptions["timeout"]
    readonly interval?: CallOptions["timeout"]
    /** What was asked for, where that is known; the ports that the compute lists count anyway. */
    readonly ports?: ReadonlyArray<Ready.WantedPort> | undefined
  },
  call: CallOptions | undefined
): Effect.Effect<Compute, AtlasError> =>
  Effect.gen(function*() {
    const timeout = options.timeout == null
      ? defaultTimeout
      : yield* decodeTimeout(options.timeout, "awaitReady", provider.id)
    const interval = options.interval == null
      ? provider.pollInterval
      : yield* decodeInterval(options.interval, "awaitReady", provider.id)
    const start = yield* Clock.monotonicTimeNanos
    let lastSeen: Compute | null = null
    let failures = 0
    let trouble = ""

    const look = Effect.gen(function*() {
      while (true) {
        const asked = provider.compute.get(id, { ...call, timeout: call?.timeout ?? lookLimit })
        const looked = yield* Effect.result(Expected.notFound(asked))
        if (Result.isSuccess(looked)) {
          const compute = looked.success
          lastSeen = compute
          failures = 0
          if (Ready.isReady(compute, options.ports)) return compute
          if (compute.status !== "provisioning" && compute.status !== "running") return yield* lost(provider, compute)
        } else {
          const error = looked.failure
          if (isHopeless(error.reason)) return yield* error
          if (error.reason._tag === "NotFound") {
            if (lastSeen !== null) return yield* lost(provider, lastSeen)
            // a compute younger than the settle window may not be listed yet
            const waited = (yield* Clock.monotonicTimeNanos) - start
            if (Number(waited) / 1e6 >= Duration.toMillis(provider.settleWindow)) return yield* error
          } else {
            failures += 1
            trouble = `; the last look failed: ${error.reason.message}`
          }
        }
        const backoff = Math.min(2 ** failures, longestBackoff)
        yield* Effect.sleep(Duration.toMillis(interval) * backoff * (0.9 + (yield* Random.next) * 0.2))
      }
    })

    return yield* Effect.timeoutOrElse(look, {
      duration: timeout,
      orElse: () =>
        Effect.fail(
          new AtlasError({
            provider: provider.id,
            operation: "awaitReady",
            reason: new Timeout({
              lastSeen,
              message: `${missing(id, lastSeen, options.ports ?? [])} within ${TimeSpan.format(timeout)}${trouble}`
            })
          })
        )
    })
  })
