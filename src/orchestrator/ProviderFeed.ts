/**
 * One loop for each provider account that lists its machines and reports them to their sessions and to the reaper.
 *
 * However many sessions there are, a provider is asked for its list, page by page, and not for each machine.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { Compute } from "../domain/Compute.ts"
import type { ProviderId } from "../domain/Ids.ts"
import { describe, provesAbsence } from "../provider/Listing.ts"
import * as NameStamp from "../provider/NameStamp.ts"
import type { Service } from "../provider/Provider.ts"
import * as Expected from "../telemetry/Expected.ts"
import * as Metrics from "../telemetry/OrchestratorMetrics.ts"
import * as Clocks from "./engine/Clocks.ts"
import * as SharedListings from "./engine/SharedListings.ts"
import { adapterDefect, locate } from "./internal/defects.ts"
import { eachInPortions } from "./internal/portions.ts"
import * as Fault from "./session/Fault.ts"
import { AttemptId, type SessionId } from "./session/Ids.ts"
import * as Observation from "./session/Observation.ts"
import { providerOf } from "./session/State.ts"
import type { Seen, SessionEngine } from "./SessionEngine.ts"

/**
 * One complete listing of an account.
 *
 * @category models
 * @since 0.1.0
 */
export type Listing = SharedListings.Listing

/**
 * Settings of the feeds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly engine: SessionEngine["Service"]
  readonly providers: ReadonlyArray<Service>
  /** How often an account is listed while no machine is coming or going; default 1 minute. */
  readonly interval?: Duration.Input | undefined
  /** Accounts that are listed even without a session, for the reaper. */
  readonly alwaysListed: ReadonlySet<string>
  /** Is called with each complete listing, after the sessions have it; must return at once. */
  readonly onListing: (listing: Listing) => Effect.Effect<void>
}

const defaultInterval = Duration.minutes(1)
/** The longest pause of a failing account, as a multiple of the usual one. */
const longestBackoff = 8

/**
 * Lists all machines of an account; fails when a page is missing.
 *
 * @category listing
 * @since 0.1.0
 */
export const list: (provider: Service) => Effect.Effect<Listing, AtlasError> = SharedListings.list

/** The session a machine was rented for, as its name says, or what its container was given. */
const namedIn = (engine: SessionEngine["Service"], compute: Compute): SessionId | undefined => {
  const stamp = NameStamp.of(compute)
  return stamp?.owner === engine.owner ? engine.byAttempt(AttemptId.make(stamp.attempt))?.state.spec.id : undefined
}

/** The machines of sessions by id, so that a machine stays its session's when it is renamed at the provider. */
const heldAt = (
  engine: SessionEngine["Service"],
  provider: ProviderId
): Effect.Effect<ReadonlyMap<string, SessionId>> => {
  const held = new Map<string, SessionId>()
  const add = ({ state: { phase, pendingTerminations, spec } }: Seen): void => {
    for (const pending of pendingTerminations) if (pending.provider === provider) held.set(pending.computeId, spec.id)
    if (phase._tag === "Live" && phase.provider === provider) held.set(phase.computeId, spec.id)
  }
  return Effect.as(eachInPortions(engine.at(provider).entries, add), held)
}

/** Reports to the sessions what a complete listing says of their machines, and of those that they look for. */
const reportListing = Effect.fnUntraced(
  function*(engine: SessionEngine["Service"], { begunAt, computes, provider, unaddressable }: Listing) {
    const held = yield* heldAt(engine, provider.id)
    const seen = new Set<string>()
    /** What the listing has under the names that sessions look for. */
    const wanted = new Map<string, Array<Compute>>()
    yield* eachInPortions(engine.at(provider.id).entries, (session) => {
      const { phase } = session.state
      if (phase._tag === "Resolving" && providerOf(session.state) === provider.id) wanted.set(phase.attempt.name, [])
    })
    yield* eachInPortions(computes, (compute) => {
      seen.add(compute.id)
      const session = held.get(compute.id)
      const lookedFor = session === undefined
        ? wanted.get(compute.name ?? "") ?? wanted.get(compute.rentedAs ?? "")
        : undefined
      if (lookedFor !== undefined) {
        lookedFor.push(compute)
        return
      }
      const known = session ?? namedIn(engine, compute)
      if (known === undefined) return
      const ports = engine.get(known)?.state.spec.request.ports
      engine.report(known, { _tag: "Observed", compute: Observation.fromCompute(compute, ports) }, compute)
    })
    yield* eachInPortions(engine.at(provider.id).entries, ({ state }) => {
      const { phase, spec } = state
      // what was looked for while the listing was read: one that began to be only meanwhile is for the next listing
      const found = phase._tag === "Resolving" ? wanted.get(phase.attempt.name) : undefined
      if (phase._tag === "Resolving" && found !== undefined) {
        engine.report(spec.id, {
          _tag: "Looked",
          attempt: phase.attempt.id,
          found: found.map((compute) => Observation.fromCompute(compute, spec.request.ports)),
          complete: provesAbsence(unaddressable, { name: phase.attempt.name }),
          at: begunAt.mono
        }, ...found)
      }
      if (phase._tag !== "Live" || phase.provider !== provider.id || seen.has(phase.computeId)) return
      // a machine younger than the provider's settle window may be missing from a listing; by the monotonic clock, since the
      // wall clock may have been set back
      if (begunAt.mono <= phase.settles) return
      if (!provesAbsence(unaddressable, { id: phase.computeId, name: phase.attempt.name })) return
      engine.report(spec.id, { _tag: "Missed", provider: provider.id, computeId: phase.computeId })
    })
  }
)

/** Publishes `PollFailed` for the live sessions of an account; once when it begins to fail, since they can do nothing about it. */
const announceFailure = (engine: SessionEngine["Service"], provider: Service, fault: Fault.Fault) =>
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

/** Machines that are looked at one by one while an account cannot be listed: each time so many, in turn. */
const looksWithoutListing = 16
const looksAtOnce = 4
const looksLimit = "10 seconds"

/** What a listing that fails has in common with a look at one machine: asking again would only make it worse. */
const isOfAccount = ({ reason }: AtlasError): boolean =>
  reason._tag === "RateLimited" || reason._tag === "Unauthorized" || reason._tag === "Forbidden"

/** Reports machines that are looked at one by one, so that the end of one is seen although the account cannot be listed. */
const lookAtSome = (engine: SessionEngine["Service"], provider: Service, first: number) =>
  Effect.suspend(() => {
    const live = [...engine.at(provider.id).entries].flatMap(({ state: { phase, spec } }) =>
      phase._tag === "Live" && phase.provider === provider.id
        ? [{ id: spec.id, computeId: phase.computeId, ports: spec.request.ports }]
        : []
    )
    const some = Array.from(
      { length: Math.min(looksWithoutListing, live.length) },
      (_, index) => live[(first + index) % live.length]
    )
    return Effect.forEach(some, (one) =>
      one === undefined ? Effect.void : Expected.notFound(
        provider.compute.get(one.computeId, { timeout: looksLimit })
      ).pipe(
        Effect.map((compute) =>
          engine.report(one.id, { _tag: "Observed", compute: Observation.fromCompute(compute, one.ports) }, compute)
        ),
        // that it is not there proves nothing: only a complete listing shows that a machine is missing
        Effect.ignoreCause
      ), { concurrency: looksAtOnce, discard: true })
  }).pipe(Effect.timeoutOption(looksLimit), Effect.asVoid)

/** The loop of one account. */
const feed = ({ alwaysListed, engine, interval, onListing }: Options, provider: Service) =>
  Effect.gen(function*() {
    const slow = Duration.toMillis(interval === undefined ? defaultInterval : Duration.fromInputUnsafe(interval))
    const fast = Math.min(slow, Duration.toMillis(provider.pollInterval))
    const labels = { provider: provider.id }
    const polls = Metric.withAttributes(Metrics.polls, labels)
    const age = Metric.withAttributes(Metrics.pollAge, labels)
    let failures = 0
    /** Monotonic clock: when the last listing was requested; null before the first. */
    let requestedAt: number | null = null
    /** Monotonic clock: how recent the last complete listing is. */
    let knownAt = (yield* Clocks.read).mono
    let jitter = 1

    let warned: ReadonlySet<string> = new Set()
    /** Names what cannot be addressed, once for as long as it is listed. */
    const warnOf = ({ unaddressable }: Listing) => {
      const found = new Set(unaddressable.map(describe))
      const fresh = [...found].filter((one) => !warned.has(one))
      warned = found
      return Effect.forEach(fresh, (one) => Effect.logWarning(`${provider.id}: ${one}`), { discard: true })
    }
    // also of a listing that a session has asked for
    yield* engine.listings.listen((listing) =>
      Effect.suspend(() => {
        if (listing.provider.id !== provider.id) return Effect.void
        knownAt = listing.begunAt.mono
        return warnOf(listing).pipe(
          Effect.andThen(reportListing(engine, listing)),
          Effect.andThen(onListing(listing))
        )
      })
    )

    const isUsed = (): boolean => engine.at(provider.id).entries.size > 0 || alwaysListed.has(provider.id)
    // measured in a fiber of its own, so that a listing that hangs does not hide the age of the last one
    const measure = Effect.flatMap(Clocks.read, ({ mono }) => {
      // an account without sessions is not listed, so its age is zero
      if (!isUsed()) knownAt = mono
      return Metric.update(age, (mono - knownAt) / 1_000)
    })
    yield* Effect.forkChild(Effect.forever(Effect.delay(measure, Math.max(1_000, fast))))

    const listOnce = Effect.gen(function*() {
      requestedAt = (yield* Clocks.read).mono
      jitter = 0.9 + (yield* Random.next) * 0.2
      yield* Metric.update(polls, 1)
      const answer = yield* Effect.result(engine.listings.next(provider, { isFeed: true }))
      if (Result.isFailure(answer)) {
        failures += 1
        const { kind } = answer.failure
        yield* Metric.update(Metric.withAttributes(Metrics.pollFailures, { ...labels, kind }), 1)
        if (failures === 1) {
          yield* Effect.logWarning(`${provider.id} could not be listed: ${answer.failure.message}`)
          yield* announceFailure(engine, provider, Fault.fromError(answer.failure))
        }
        return isOfAccount(answer.failure)
          ? undefined
          : yield* lookAtSome(engine, provider, (failures - 1) * looksWithoutListing)
      }
      failures = 0
    }).pipe(
      // a defect of an account's adapter must not end its loop
      Effect.catchDefect((defect) => {
        failures += 1
        const logged = Effect.logError(`${provider.id}: a listing failed unexpectedly (a defect): ${locate(defect)}`)
        return failures > 1
          ? logged
          : Effect.andThen(logged, announceFailure(engine, provider, Fault.make("Unknown", adapterDefect, provider.id)))
      })
    )

    while (engine.stopped("listCompute") === null) {
      const { changing } = engine.at(provider.id)
      const pause = (changing > 0 ? fast : slow) * Math.min(2 ** failures, longestBackoff) * jitter
      const { mono } = yield* Clocks.read
      const left = requestedAt === null ? 0 : requestedAt + pause - mono
      // an engine that has not handled the last listing yet is not given another
      if (isUsed() && left <= 0 && !engine.isBehind()) yield* listOnce
      // wakes more often than it lists, so that a session that begins meanwhile does not wait for the slow interval
      yield* Effect.sleep(left > 0 ? Math.max(1, Math.min(fast, left)) : fast)
    }
  })

/**
 * Starts the loops; they run until the scope closes.
 *
 * **Details**
 *
 * An account is listed every `interval`, as often as its provider allows while a machine is coming or going, and up to 8
 * times less often while it fails. A session that looks for its machine shares the listing that is under way, or asks for the
 * next one, and is answered by every complete one. While an account cannot be listed, some of its machines are looked at one by
 * one, in turn. Only a complete listing shows that a machine is missing, and only when the machine is older
 * than the provider's settle window.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = (options: Options): Effect.Effect<void, never, Scope.Scope> =>
  Effect.forEach(options.providers, (provider) => Effect.forkScoped(feed(options, provider)), { discard: true })
