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
import * as Attributes from "../telemetry/Attributes.ts"
import * as Metrics from "../telemetry/OrchestratorMetrics.ts"
import * as Clocks from "./engine/Clocks.ts"
import { locate } from "./internal/defects.ts"
import type { Now } from "./session/Clock.ts"
import * as Fault from "./session/Fault.ts"
import { AttemptId, type SessionId } from "./session/Ids.ts"
import * as Observation from "./session/Observation.ts"
import type { SessionEngine } from "./SessionEngine.ts"

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
  /** Hears of each complete listing, after the sessions have; must not wait for anything. */
  readonly onListing: (listing: Listing) => Effect.Effect<void>
}

const defaultInterval = Duration.minutes(1)
/** After this many doublings a failing account is asked no slower. */
const longestBackoff = 8
/** The whole listing: at one page a second that is more pages than any account may have. */
const listingLimit = "10 minutes"

/**
 * The whole account or a failure; nothing between.
 *
 * @category listing
 * @since 0.1.0
 */
export const list = (provider: Service): Effect.Effect<Listing, AtlasError> =>
  Effect.gen(function*() {
    const begunAt = yield* Clocks.read
    const computes = yield* provider.compute.list({}, { timeout: listingLimit })
    return { provider, begunAt, computes }
  }).pipe(Effect.withSpan("ProviderFeed.list", { root: true, attributes: { [Attributes.provider]: provider.id } }))

/** The session a machine was rented for, as its name says. */
const namedIn = (engine: SessionEngine["Service"], { name }: Compute): SessionId | undefined =>
  Option.match(NameStamp.parse(name ?? ""), {
    onNone: () => undefined,
    onSome: ({ attempt, owner }) =>
      owner === engine.owner ? engine.byAttempt(AttemptId.make(attempt))?.state.spec.id : undefined
  })

/** The machines that sessions know by their ids: whatever these are called now, they are still theirs. */
const heldAt = (engine: SessionEngine["Service"], provider: ProviderId): ReadonlyMap<string, SessionId> => {
  const held = new Map<string, SessionId>()
  for (const { state: { phase, pendingTerminations: residuals, spec } } of engine.at(provider).entries) {
    for (const residual of residuals) if (residual.provider === provider) held.set(residual.computeId, spec.id)
    if (phase._tag === "Live" && phase.provider === provider) held.set(phase.computeId, spec.id)
  }
  return held
}

/** Tells the sessions what one complete listing says of their machines. */
const tell = (engine: SessionEngine["Service"], { begunAt, computes, provider }: Listing): void => {
  const held = heldAt(engine, provider.id)
  const seen = new Set<string>()
  for (const compute of computes) {
    seen.add(compute.id)
    const session = held.get(compute.id) ?? namedIn(engine, compute)
    if (session === undefined) continue
    engine.report(session, { _tag: "Observed", compute: Observation.fromCompute(compute) }, compute)
  }
  for (const { state: { phase, spec } } of engine.at(provider.id).entries) {
    if (phase._tag !== "Live" || phase.provider !== provider.id || seen.has(phase.computeId)) continue
    // younger than the listing's lag it is not missing, only not there yet; a wall clock that was set back says nothing
    if (begunAt.mono <= phase.settles) continue
    engine.report(spec.id, { _tag: "Missed", provider: provider.id, computeId: phase.computeId })
  }
}

/** A session can do nothing about it, so it hears of it once for each time that the account begins to fail. */
const tellFailed = (engine: SessionEngine["Service"], provider: Service, fault: Fault.Fault) =>
  Effect.gen(function*() {
    const live = [...engine.at(provider.id).entries].flatMap(({ state: { phase, spec } }) =>
      phase._tag === "Live" && phase.provider === provider.id ? [{ id: spec.id, computeId: phase.computeId }] : []
    )
    yield* Effect.forEach(
      live,
      ({ computeId, id }) => engine.announce(id, { _tag: "PollFailed", computeId, fault }),
      { discard: true }
    )
  })

/** One account's loop. */
const feed = ({ alwaysListed, engine, interval, onListing }: Options, provider: Service) =>
  Effect.gen(function*() {
    const slow = Duration.toMillis(interval === undefined ? defaultInterval : Duration.fromInputUnsafe(interval))
    const fast = Math.min(slow, Duration.toMillis(provider.pollInterval))
    const labels = { provider: provider.id }
    const polls = Metric.withAttributes(Metrics.polls, labels)
    const age = Metric.withAttributes(Metrics.pollAge, labels)
    let failures = 0
    /** Monotonic clock: when the last listing was begun; null before the first. */
    let asked: number | null = null
    /** Monotonic clock: what of the account is known is from this moment. */
    let known = (yield* Clocks.read).mono
    let jitter = 1

    const isUsed = (): boolean => engine.at(provider.id).entries.size > 0 || alwaysListed.has(provider.id)
    // beside the listings, so that one that hangs does not hide how long ago the last one was
    const measure = Effect.flatMap(Clocks.read, ({ mono }) => {
      // of an account that nobody has a machine at there is nothing to know
      if (!isUsed()) known = mono
      return Metric.update(age, (mono - known) / 1_000)
    })
    yield* Effect.forkChild(Effect.forever(Effect.delay(measure, Math.max(1_000, fast))))

    const look = Effect.gen(function*() {
      asked = (yield* Clocks.read).mono
      jitter = 0.9 + (yield* Random.next) * 0.2
      yield* Metric.update(polls, 1)
      const answer = yield* Effect.result(list(provider))
      if (Result.isFailure(answer)) {
        failures += 1
        const { kind } = answer.failure
        yield* Metric.update(Metric.withAttributes(Metrics.pollFailures, { ...labels, kind }), 1)
        if (failures > 1) return
        yield* Effect.logWarning(`${provider.id} could not be listed: ${answer.failure.message}`)
        return yield* tellFailed(engine, provider, Fault.fromError(answer.failure))
      }
      failures = 0
      known = answer.success.begunAt.mono
      tell(engine, answer.success)
      return yield* onListing(answer.success)
    }).pipe(
      // a bug of one account's adapter must not end its watch
      Effect.catchDefect((defect) => {
        failures += 1
        const said = Effect.logError(`${provider.id}: a listing broke: ${locate(defect)}`)
        return failures > 1
          ? said
          : Effect.andThen(said, tellFailed(engine, provider, Fault.make("Unknown", "the adapter broke", provider.id)))
      })
    )

    while (engine.stopped("listCompute") === null) {
      const { changing: unsteady } = engine.at(provider.id)
      const pause = (unsteady > 0 ? fast : slow) * Math.min(2 ** failures, longestBackoff) * jitter
      const { mono } = yield* Clocks.read
      const left = asked === null ? 0 : asked + pause - mono
      // an engine that has not read the last listing yet has no use for another
      if (isUsed() && left <= 0 && !engine.isBehind()) yield* look
      // looked at often and asked seldom: a session that begins meanwhile need not wait for the slow pace
      yield* Effect.sleep(left > 0 ? Math.max(1, Math.min(fast, left)) : fast)
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
  Effect.forEach(options.providers, (provider) => Effect.forkScoped(feed(options, provider)), { discard: true })
