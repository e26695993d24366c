/**
 * One listing loop for each provider account: what it saw goes to the sessions, what belongs to none of them to the reaper.
 *
 * However many sessions there are, a provider is asked for its list, page by page, and never for each of them.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { Compute } from "../domain/Compute.ts"
import type { ProviderId } from "../domain/Ids.ts"
import * as NameStamp from "../provider/NameStamp.ts"
import type { Service } from "../provider/Provider.ts"
import * as Metrics from "../telemetry/OrchestratorMetrics.ts"
import * as Clocks from "./engine/Clocks.ts"
import type { Now } from "./session/Clock.ts"
import { timingsOf } from "./session/Config.ts"
import * as Fault from "./session/Fault.ts"
import { AttemptId } from "./session/Ids.ts"
import * as Sighting from "./session/Sighting.ts"
import type { SessionState } from "./session/State.ts"
import type { Seen, SessionEngine } from "./SessionEngine.ts"

/**
 * One complete listing of an account.
 *
 * @category models
 * @since 0.1.0
 */
export interface Listing {
  readonly provider: Service
  /** When it was begun: what was made later may be missing from it. */
  readonly begunAt: Now
  readonly computes: ReadonlyArray<Compute>
}

/**
 * Settings of the feeds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly engine: SessionEngine["Service"]
  readonly providers: ReadonlyArray<Service>
  /** How often an account is listed while all is quiet; default 1 minute. */
  readonly interval?: Duration.Input | undefined
  /** Accounts that are listed even without a session, for the reaper. */
  readonly alwaysListed: ReadonlySet<string>
  /** Hears of each complete listing, after the sessions have. */
  readonly onListing: (listing: Listing) => Effect.Effect<void>
}

const defaultInterval = Duration.minutes(1)
/** After this many doublings a failing account is asked no slower. */
const longestBackoff = 8
/** The whole listing, its pages and pauses included. */
const listingLimit = "1 minute"

/** Whether something is about to change, so that it is worth looking often. */
const isUnsteady = ({ phase, residuals }: SessionState): boolean =>
  residuals.length > 0 || phase._tag === "Renting" || phase._tag === "Resolving" ||
  (phase._tag === "Live" && !phase.ready)

const providerOf = ({ attempts, phase, spec }: SessionState): ProviderId | undefined =>
  phase._tag === "Live" ? phase.provider : spec.candidates[attempts.at(-1)?.candidate ?? 0]?.provider

/** The sessions that an account may hold machines of. */
const sessionsAt = (engine: SessionEngine["Service"], provider: ProviderId): ReadonlyArray<Seen> =>
  [...engine.all()].filter(({ state }) =>
    state.phase._tag !== "Ended" &&
    (providerOf(state) === provider || state.residuals.some((residual) => residual.provider === provider))
  )

/** The session a machine was rented for, as its name says. */
export const sessionOf = (engine: SessionEngine["Service"], { name }: Compute): Seen | undefined =>
  Option.match(NameStamp.parse(name ?? ""), {
    onNone: () => undefined,
    onSome: ({ attempt, owner }) => owner === engine.owner ? engine.byAttempt(AttemptId.make(attempt)) : undefined
  })

/** Tells the sessions what one complete listing says of their machines. */
const tell = (engine: SessionEngine["Service"], { begunAt, computes, provider }: Listing): void => {
  const seen = new Set<string>()
  for (const compute of computes) {
    seen.add(compute.id)
    const session = sessionOf(engine, compute)
    if (session === undefined) continue
    engine.report(
      session.state.spec.id,
      { _tag: "Observed", compute: Sighting.fromCompute(compute) },
      compute
    )
  }
  const { settleWindow } = timingsOf(engine.config, provider.id)
  for (const { state } of sessionsAt(engine, provider.id)) {
    const { phase } = state
    if (phase._tag !== "Live" || phase.provider !== provider.id || seen.has(phase.computeId)) continue
    // younger than the listing's lag it is not missing, only not there yet
    if (begunAt.wall - phase.rentedAt <= settleWindow) continue
    engine.report(state.spec.id, { _tag: "Missed", provider: provider.id, computeId: phase.computeId })
  }
}

/** One account's loop. */
const feed = ({ alwaysListed, engine, interval, onListing }: Options, provider: Service) =>
  Effect.gen(function*() {
    const slow = Duration.toMillis(interval === undefined ? defaultInterval : Duration.fromInputUnsafe(interval))
    const fast = Math.min(slow, Duration.toMillis(provider.pollInterval))
    let failures = 0
    let listedAt = Number.NEGATIVE_INFINITY

    const list = Effect.gen(function*() {
      const begunAt = yield* Clocks.read
      const answer: Result.Result<ReadonlyArray<Compute>, AtlasError> = yield* Effect.result(
        provider.compute.list({}, { timeout: listingLimit })
      )
      listedAt = begunAt.mono
      if (Result.isFailure(answer)) {
        failures += 1
        yield* Metric.update(Metric.withAttributes(Metrics.pollFailures, { provider: provider.id }), 1)
        // once for each time it begins to fail: a session can do nothing about it
        if (failures > 1) return
        yield* Effect.logWarning(`${provider.id} could not be listed: ${answer.failure.message}`)
        const fault = Fault.fromError(answer.failure)
        for (const { state } of sessionsAt(engine, provider.id)) {
          const { phase, spec } = state
          if (phase._tag !== "Live") continue
          yield* engine.announce(spec.id, { _tag: "PollFailed", computeId: phase.computeId, fault })
        }
        return
      }
      failures = 0
      const listing = { provider, begunAt, computes: answer.success }
      tell(engine, listing)
      yield* onListing(listing)
    })

    while (true) {
      const sessions = sessionsAt(engine, provider.id)
      const isUsed = sessions.length > 0 || alwaysListed.has(provider.id)
      const base = sessions.some(({ state }) => isUnsteady(state)) ? fast : slow
      const backoff = Math.min(2 ** failures, longestBackoff)
      const pause = base * backoff * (0.9 + (yield* Random.next) * 0.2)
      const now = yield* Clocks.read
      if (isUsed && now.mono - listedAt >= pause) yield* list
      // looked at often and asked seldom: a session that begins meanwhile need not wait for the slow pace
      yield* Effect.sleep(fast)
    }
  })

/**
 * Starts the loops; they run until the scope closes.
 *
 * **Details**
 *
 * An account is listed every `interval`, as often as its provider allows while a machine is coming or going, and more
 * seldom (up to 8 times) while it fails. Only a complete listing says that a machine is missing, and only of one that is older
 * than the provider's settle window.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = (options: Options): Effect.Effect<void, never, Scope.Scope> =>
  Effect.forEach(
    options.providers.filter(({ implemented, missing }) => implemented && missing.length === 0),
    (provider) => Effect.forkScoped(feed(options, provider)),
    { discard: true }
  )
