/**
 * Ends machines that carry our name and that nobody knows: cloud truth minus store, and only with positive proof.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Compute } from "../domain/Compute.ts"
import type { ComputeId, ProviderId } from "../domain/Ids.ts"
import * as NameStamp from "../provider/NameStamp.ts"
import type { Service } from "../provider/Provider.ts"
import * as Attributes from "../telemetry/Attributes.ts"
import * as Metrics from "../telemetry/OrchestratorMetrics.ts"
import { list, type Listing } from "./ProviderFeed.ts"
import { AttemptId } from "./session/Ids.ts"
import type { SessionEngine } from "./SessionEngine.ts"
import type { SessionStore } from "./SessionStore.ts"

/**
 * Why a machine was left alone.
 *
 * **Details**
 *
 * - `not_stamped`, `other_owner`: not ours to judge; `adhoc` rents belong to whoever rented them.
 * - `known`: a session has it. `young`: within the grace. `seen_once`: one listing is no proof.
 * - `store_cannot_tell`: the store failed or holds rows that cannot be read.
 * - `being_ended`: another cycle is at it. `end_failed`: it was asked to end and is not verified gone; it is tried again.
 *
 * @category models
 * @since 0.1.0
 */
export type LeftWhy =
  | "not_stamped"
  | "other_owner"
  | "known"
  | "young"
  | "seen_once"
  | "store_cannot_tell"
  | "being_ended"
  | "end_failed"

/**
 * One machine of an account as the reaper judged it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Judged {
  readonly provider: ProviderId
  readonly computeId: ComputeId
  readonly name: string | null
}

/**
 * What one cycle did: machines it ended (or would have, in a dry run), those it left alone, accounts it could not list.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reaped {
  readonly ended: ReadonlyArray<Judged>
  readonly left: ReadonlyArray<Judged & { readonly why: LeftWhy }>
  readonly unlisted: ReadonlyArray<ProviderId>
}

/**
 * Settings of one cycle.
 *
 * @category models
 * @since 0.1.0
 */
export interface CycleOptions {
  /** Says what would be ended and ends nothing; default false. */
  readonly dryRun?: boolean | undefined
}

/**
 * A reaper, which remembers what it saw.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reaper {
  /** Judges one complete listing and ends what is proven to be nobody's. */
  readonly judge: (listing: Listing, options?: CycleOptions) => Effect.Effect<Reaped>
  /** Lists these accounts and judges them; one that cannot be listed does not keep the others from it. */
  readonly cycle: (providers: ReadonlyArray<Service>, options?: CycleOptions) => Effect.Effect<Reaped>
}

/**
 * Settings of a reaper.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly engine: Pick<SessionEngine["Service"], "owner" | "unreadable" | "byAttempt" | "byCompute">
  readonly store: Pick<SessionStore["Service"], "attempt">
  /** A machine younger than this is left alone, by its own age and since we first saw it; default 1 minute. */
  readonly grace?: Duration.Input | undefined
}

/**
 * The grace of a reaper that is given none.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultGrace: Duration.Duration = Duration.minutes(1)

/** How many machines of an account are judged at once, so that one that will not die does not hold up the rest. */
const atOnce = 8

/** When a machine was first listed. */
interface Suspicion {
  /** Monotonic clock, when the listing that first showed it was begun. */
  readonly since: number
  /** Complete listings in a row that showed it. */
  readonly listings: number
}

/** What is said once and not with every cycle. */
const makeWords = () => {
  const said = new Set<string>()
  return {
    once: (key: string, say: Effect.Effect<void>): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (said.has(key)) return Effect.void
        said.add(key)
        return say
      }),
    again: (key: string): void => void said.delete(key)
  }
}

/**
 * A reaper that has seen nothing yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Reaper => {
  const { engine, store } = options
  const grace = Duration.toMillis(options.grace === undefined ? defaultGrace : Duration.fromInputUnsafe(options.grace))
  const book = new Map<ProviderId, ReadonlyMap<ComputeId, Suspicion>>()
  const beingEnded = new Set<string>()
  const words = makeWords()

  const remember = ({ begunAt, computes, provider }: Listing): ReadonlyMap<ComputeId, Suspicion> => {
    const old = book.get(provider.id)
    const now = new Map<ComputeId, Suspicion>()
    for (const { id } of computes) {
      const known = old?.get(id)
      now.set(id, { since: known?.since ?? begunAt.mono, listings: (known?.listings ?? 0) + 1 })
    }
    book.set(provider.id, now)
    return now
  }

  const isYoung = ({ createdAt }: Compute, { since }: Suspicion, { begunAt }: Listing): boolean =>
    begunAt.mono - since < grace ||
    (createdAt !== null && begunAt.wall - DateTime.toEpochMillis(createdAt) < grace)

  const cannotTell = words.once(
    "store",
    Effect.suspend(() => {
      const rows = engine.unreadable().map(({ id }) => id === "*" ? "any" : id).join(", ")
      return Effect.logWarning(
        `nothing unknown is ended: the store cannot tell what is ours${rows === "" ? "" : ` (unreadable: ${rows})`}`
      )
    })
  )

  /** Whether the store says, now, that no session has this attempt. */
  const isUnknownToStore = (attempt: AttemptId): Effect.Effect<"none" | "known" | "cannot_tell"> =>
    Effect.gen(function*() {
      const answer = engine.unreadable().length > 0 ? null : yield* Effect.exit(store.attempt(engine.owner, attempt))
      if (answer === null || Exit.isFailure(answer)) {
        yield* cannotTell
        return "cannot_tell"
      }
      words.again("store")
      return Option.isNone(answer.value) ? "none" : "known"
    })

  const end = Effect.fnUntraced(function*(compute: Compute, provider: Service) {
    yield* Effect.logWarning(`${provider.id}: ending ${compute.id} (${compute.name}), which no session has`)
    const ended = yield* Effect.exit(provider.compute.end(compute.id))
    if (Exit.isSuccess(ended)) {
      yield* Metric.update(Metric.withAttributes(Metrics.reaped, { provider: provider.id }), 1)
      return null
    }
    yield* Effect.logError(`${provider.id}: ${compute.id} could not be verified as ended and is tried again`)
    return "end_failed" as const
  })

  /** By the attempt in its name, or by its id: whoever may rename machines can give one any name. */
  const isKnown = (attempt: AttemptId, { id, provider }: Compute): boolean => {
    if (engine.byAttempt(attempt) !== undefined) return true
    const phase = engine.byCompute(id)?.state.phase
    return phase?._tag === "Live" && phase.computeId === id && phase.provider === provider
  }

  /** Null when it was ended. */
  const verdict = Effect.fnUntraced(function*(
    compute: Compute,
    sighting: Suspicion,
    listing: Listing,
    dryRun: boolean
  ): Effect.fn.Return<LeftWhy | null> {
    const stamp = Option.getOrNull(NameStamp.parse(compute.name ?? ""))
    if (stamp === null) return "not_stamped"
    const { owner } = stamp
    if (owner !== engine.owner) {
      yield* words.once(
        `owner ${owner}`,
        Effect.logInfo(`${listing.provider.id}: machines of the owner ${owner} are left alone`)
      )
      return "other_owner"
    }
    const attempt = AttemptId.make(stamp.attempt)
    if (isKnown(attempt, compute)) return "known"
    if (isYoung(compute, sighting, listing)) return "young"
    if (sighting.listings < 2) return "seen_once"
    const answer = yield* isUnknownToStore(attempt)
    if (answer !== "none") return answer === "known" ? "known" : "store_cannot_tell"
    // asked last of all: a session may have begun while the store answered
    if (isKnown(attempt, compute)) return "known"
    if (dryRun) return null
    const key = `${listing.provider.id} ${compute.id}`
    if (beingEnded.has(key)) return "being_ended"
    beingEnded.add(key)
    return yield* Effect.ensuring(end(compute, listing.provider), Effect.sync(() => beingEnded.delete(key)))
  })

  const judge: Reaper["judge"] = (listing, { dryRun = false } = {}) =>
    Effect.gen(function*() {
      const { computes, provider } = listing
      const sightings = remember(listing)
      const judged = yield* Effect.forEach(computes.filter(({ status }) => status !== "terminated"), (compute) => {
        const sighting = sightings.get(compute.id) ?? { since: listing.begunAt.mono, listings: 1 }
        const facts = { provider: provider.id, computeId: compute.id, name: compute.name }
        return Effect.map(verdict(compute, sighting, listing, dryRun), (why) => ({ ...facts, why }))
      }, { concurrency: atOnce })
      return {
        ended: judged.flatMap(({ why, ...facts }) => why === null ? [facts] : []),
        left: judged.flatMap(({ why, ...facts }) => why === null ? [] : [{ ...facts, why }]),
        unlisted: []
      }
    }).pipe(
      Effect.withSpan("Reaper.judge", { root: true, attributes: { [Attributes.provider]: listing.provider.id } })
    )

  return {
    judge,
    cycle: (providers, settings) =>
      Effect.map(
        Effect.forEach(providers, (provider) =>
          Effect.gen(function*() {
            const listed = yield* Effect.result(list(provider))
            return Result.isSuccess(listed)
              ? yield* judge(listed.success, settings)
              : { ended: [], left: [], unlisted: [provider.id] }
          }), { concurrency: 4 }),
        (all) => ({
          ended: all.flatMap(({ ended }) => ended),
          left: all.flatMap(({ left }) => left),
          unlisted: all.flatMap(({ unlisted }) => unlisted)
        })
      )
  }
}
