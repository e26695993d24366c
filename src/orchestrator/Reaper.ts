/**
 * Ends machines that carry our name and that nobody knows: cloud truth minus store, and only with positive proof.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Compute } from "../domain/Compute.ts"
import type { ComputeId, ProviderId } from "../domain/Ids.ts"
import * as NameStamp from "../provider/NameStamp.ts"
import type { Service } from "../provider/Provider.ts"
import * as Clocks from "./engine/Clocks.ts"
import type { Listing } from "./ProviderFeed.ts"
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
 * - `end_failed`: it was asked to end and is not verified gone; it is tried again.
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
 * The reaper in use.
 *
 * @category services
 * @since 0.1.0
 */
export class Reaper extends Context.Service<Reaper, {
  /** Judges one complete listing and ends what is proven to be nobody's. */
  readonly judge: (listing: Listing, options?: { readonly dryRun?: boolean | undefined }) => Effect.Effect<Reaped>
}>()("effect-atlas/orchestrator/Reaper") {}

/**
 * Settings of a reaper.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly engine: SessionEngine["Service"]
  readonly store: SessionStore["Service"]
  /** A machine younger than this is left alone, by its own age and since we first saw it; default 1 minute. */
  readonly grace?: Duration.Input | undefined
}

const defaultGrace = Duration.minutes(1)

/** A machine of our name that no session here has. */
interface Unknown {
  /** Monotonic clock, when the listing that first showed it was begun. */
  readonly since: number
  readonly listings: number
}

/** A reaper that remembers what it saw. */
export const make = (options: Options): Reaper["Service"] => {
  const { engine, store } = options
  const { mutation } = engine
  const grace = Duration.toMillis(options.grace === undefined ? defaultGrace : Duration.fromInputUnsafe(options.grace))
  const book = new Map<ProviderId, Map<ComputeId, Unknown>>()

  const remember = ({ begunAt, computes, provider }: Listing): ReadonlyMap<ComputeId, Unknown> => {
    const old = book.get(provider.id)
    const now = new Map<ComputeId, Unknown>()
    for (const { id } of computes) {
      const known = old?.get(id)
      now.set(id, { since: known?.since ?? begunAt.mono, listings: (known?.listings ?? 0) + 1 })
    }
    book.set(provider.id, now)
    return now
  }

  const isYoung = ({ createdAt }: Compute, { since }: Unknown, { begunAt }: Listing): boolean =>
    mutation !== "reap-young" &&
    (begunAt.mono - since < grace ||
      (createdAt !== null && begunAt.wall - DateTime.toEpochMillis(createdAt) < grace))

  /** Whether the store says, now, that no session has this attempt. */
  const isUnknownToStore = (attempt: AttemptId): Effect.Effect<boolean> => {
    if (mutation === "reap-without-store-answer") return Effect.succeed(true)
    if (engine.unreadable().length > 0) return Effect.succeed(false)
    return Effect.map(Effect.result(store.attempt(engine.owner, attempt)), (answer) =>
      Result.isSuccess(answer) && Option.isNone(answer.success))
  }

  const leave = (why: LeftWhy) => Effect.succeed<LeftWhy | null>(why)

  /** Null when it was ended. */
  const verdict = (
    compute: Compute,
    sighting: Unknown,
    listing: Listing,
    dryRun: boolean
  ): Effect.Effect<LeftWhy | null> =>
    Effect.gen(function*() {
      const stamp = Option.getOrNull(NameStamp.parse(compute.name ?? ""))
      if (stamp === null) return yield* leave("not_stamped")
      if (stamp.owner !== engine.owner && mutation !== "reap-any-owner") return yield* leave("other_owner")
      const attempt = AttemptId.make(stamp.attempt)
      if (engine.byAttempt(attempt) !== undefined) return yield* leave("known")
      if (isYoung(compute, sighting, listing)) return yield* leave("young")
      if (sighting.listings < 2) return yield* leave("seen_once")
      if (!(yield* isUnknownToStore(attempt))) return yield* leave("store_cannot_tell")
      // asked last of all: a session may have begun while the store answered
      if (engine.byAttempt(attempt) !== undefined) return yield* leave("known")
      if (dryRun) return null
      yield* Effect.logWarning(`${listing.provider.id}: ending ${compute.id} (${compute.name}), which no session has`)
      const ended = yield* Effect.exit(listing.provider.compute.end(compute.id))
      if (ended._tag === "Success") return null
      yield* Effect.logError(`${listing.provider.id}: ${compute.id} could not be verified as ended and is tried again`)
      return "end_failed"
    })

  return {
    judge: (listing, { dryRun = false } = {}) =>
      Effect.gen(function*() {
        const { computes, provider } = listing
        const sightings = remember(listing)
        const ended: Array<Judged> = []
        const left: Array<Judged & { readonly why: LeftWhy }> = []
        for (const compute of computes) {
          const sighting = sightings.get(compute.id)
          if (compute.status === "terminated" || sighting === undefined) continue
          const judged = { provider: provider.id, computeId: compute.id, name: compute.name }
          const why = yield* verdict(compute, sighting, listing, dryRun)
          if (why === null) ended.push(judged)
          else left.push({ ...judged, why })
        }
        return { ended, left, unlisted: [] }
      })
  }
}

const nothing: Reaped = { ended: [], left: [], unlisted: [] }

/** Lists every account and judges it; one that cannot be listed does not keep the others from it. */
export const reapNow = (
  reaper: Reaper["Service"],
  providers: ReadonlyArray<Service>,
  options?: { readonly dryRun?: boolean | undefined }
): Effect.Effect<Reaped> =>
  Effect.map(
    Effect.forEach(providers, (provider) =>
      Effect.gen(function*() {
        const begunAt = yield* Clocks.read
        const listed = yield* Effect.result(provider.compute.list({}, { timeout: "1 minute" }))
        return Result.isSuccess(listed)
          ? yield* reaper.judge({ provider, begunAt, computes: listed.success }, options)
          : { ...nothing, unlisted: [provider.id] }
      }), { concurrency: 4 }),
    (all) => ({
      ended: all.flatMap(({ ended }) => ended),
      left: all.flatMap(({ left }) => left),
      unlisted: all.flatMap(({ unlisted }) => unlisted)
    })
  )
