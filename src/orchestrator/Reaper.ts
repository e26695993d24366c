/**
 * Ends orphaned machines: those that carry this owner's name and that no session has. It acts only on positive proof.
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
import * as Schema from "effect/Schema"
import type { Compute } from "../domain/Compute.ts"
import { ComputeId, ProviderId } from "../domain/Ids.ts"
import * as NameStamp from "../provider/NameStamp.ts"
import type { Service } from "../provider/Provider.ts"
import * as Attributes from "../telemetry/Attributes.ts"
import * as Metrics from "../telemetry/OrchestratorMetrics.ts"
import * as Spans from "../telemetry/Spans.ts"
import { atMost } from "./internal/patience.ts"
import { eachInPortions } from "./internal/portions.ts"
import { list, type Listing } from "./ProviderFeed.ts"
import { AttemptId } from "./session/Ids.ts"
import type { SessionEngine } from "./SessionEngine.ts"
import type { AttemptHolders, SessionStore, Unreadable } from "./SessionStore.ts"

/**
 * Why a machine was left alone.
 *
 * **Details**
 *
 * - `not_stamped`, `other_owner`: its name is not this owner's. `adhoc` is the owner of machines rented without an
 *   orchestrator; the caller who rented them ends them.
 * - `other_store`: it was rented by this owner from another session store, which may have it on record. Two stores under one owner
 *   in one account are a conflict: give each an owner of its own.
 * - `known`: a session has it. `young`: within the grace. `seen_once`: one listing is no proof.
 * - `store_cannot_tell`: the store failed, or holds a row that cannot be read and that may have rented the machine.
 * - `being_ended`: another cycle is ending it. `end_failed`: it is not verified gone, and the next cycle tries again.
 *
 * @category models
 * @since 0.1.0
 */
export const LeftWhy = Schema.Literals([
  "not_stamped",
  "other_owner",
  "other_store",
  "known",
  "young",
  "seen_once",
  "store_cannot_tell",
  "being_ended",
  "end_failed"
])

/**
 * @category models
 * @since 0.1.0
 */
export type LeftWhy = typeof LeftWhy.Type

/**
 * One machine of an account as the reaper judged it.
 *
 * @category models
 * @since 0.1.0
 */
export const Judged = Schema.Struct({
  provider: ProviderId,
  computeId: ComputeId,
  name: Schema.NullOr(Schema.String)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Judged = typeof Judged.Type

/**
 * What one cycle did: machines it ended (or would have, in a dry run), those it left alone, accounts it could not list.
 *
 * @category models
 * @since 0.1.0
 */
export const Reaped = Schema.Struct({
  ended: Schema.Array(Judged),
  left: Schema.Array(Schema.Struct({ ...Judged.fields, why: LeftWhy })),
  unlisted: Schema.Array(ProviderId)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Reaped = typeof Reaped.Type

/**
 * Settings of one cycle.
 *
 * @category models
 * @since 0.1.0
 */
export interface CycleOptions {
  /** Answers what would be ended and ends nothing; default false. */
  readonly dryRun?: boolean | undefined
}

/**
 * A reaper. It remembers the machines of earlier listings.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reaper {
  /** Judges one complete listing and ends the machines that provably belong to no session. */
  readonly judge: (listing: Listing, options?: CycleOptions) => Effect.Effect<Reaped>
  /** Judges no machine and ends none: only warns, once, of machines that another store under this owner has rented. */
  readonly notice: (listing: Listing) => Effect.Effect<void>
  /** Lists these accounts and judges each; an account that cannot be listed is named, and the others are judged. */
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
  readonly store: Pick<SessionStore["Service"], "attempts" | "identity">
  /** A machine younger than this is left alone, by its own age and since the reaper first saw it; default 1 minute. */
  readonly grace?: Duration.Input | undefined
  /** Whether it also judges machines that another store of this owner has rented, as after that store was lost; default false. */
  readonly otherStores?: boolean | undefined
}

/**
 * The default grace of a reaper.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultGrace: Duration.Duration = Duration.minutes(1)

/** How many machines of an account are ended at once, so that one that cannot be ended does not hold up the rest. */
const atOnce = 8

/**
 * How much the clocks of a provider and of this process may differ, in milliseconds: a machine that was made longer than this
 * before a row was written is not the row's.
 */
const clockSkew = 3_600_000

/** An end takes a minute and two settle windows; one that hangs in an adapter must not hold up those of other machines. */
const longestEnd = "5 minutes"

/** How long, and how often, a machine has been listed. */
interface Seen {
  /** Monotonic clock: when the first listing that showed it was requested. */
  readonly since: number
  /** Complete listings in a row that showed it. */
  readonly listings: number
}

/** A machine that no session here has, and the attempt its name says it was rented for. */
interface Candidate {
  readonly compute: Compute
  readonly attempt: AttemptId
}

/** Whether a machine may be that of a row whose attempts are not known: not where it is older than the row. */
const mayBeOf = ({ createdAt: written }: Unreadable, { createdAt: made }: Compute): boolean =>
  written === null || made === null || DateTime.toEpochMillis(made) >= written - clockSkew

/** Messages that are logged once, and not with every cycle. */
const makeOnceLog = () => {
  const logged = new Set<string>()
  return {
    once: (key: string, log: Effect.Effect<void>): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (logged.has(key)) return Effect.void
        logged.add(key)
        return log
      }),
    reset: (key: string): void => void logged.delete(key)
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
  const storeMark = store.identity === undefined ? null : NameStamp.storeMark(store.identity)
  const grace = Duration.toMillis(options.grace === undefined ? defaultGrace : Duration.fromInputUnsafe(options.grace))
  const history = new Map<ProviderId, ReadonlyMap<ComputeId, Seen>>()
  const beingEnded = new Set<string>()
  const messages = makeOnceLog()

  const remember = ({ begunAt, computes, provider }: Listing): ReadonlyMap<ComputeId, Seen> => {
    const old = history.get(provider.id)
    const now = new Map<ComputeId, Seen>()
    for (const { id } of computes) {
      const known = old?.get(id)
      now.set(id, { since: known?.since ?? begunAt.mono, listings: (known?.listings ?? 0) + 1 })
    }
    history.set(provider.id, now)
    return now
  }

  const isYoung = ({ createdAt }: Compute, { since }: Seen, { begunAt }: Listing): boolean => {
    const known = begunAt.mono - since
    if (known < grace) return true
    // a clock may be wrong, here or there: what it says is believed for a bounded time
    return known < grace + clockSkew && createdAt !== null &&
      begunAt.wall - DateTime.toEpochMillis(createdAt) < grace
  }

  const cannotTell = (rows: ReadonlyArray<Unreadable>) =>
    messages.once(
      "store",
      Effect.suspend(() => {
        const ids = rows.map(({ id }) => id === "*" ? "any" : id).join(", ")
        return Effect.logWarning(
          `machines that may be a session's are not ended: the session store cannot answer which machines belong to one${
            ids === "" ? "" : ` (unreadable rows: ${ids})`
          }`
        )
      })
    )

  /** Asks the store once for all candidates; null when it cannot tell of any. */
  const lookUp = (candidates: ReadonlyArray<Candidate>): Effect.Effect<AttemptHolders | null> =>
    Effect.gen(function*() {
      const isBlind = () => engine.unreadable().some(({ id }) => id === "*")
      const attempts = candidates.map(({ attempt }) => attempt)
      const answer = isBlind() ? null : yield* Effect.exit(store.attempts(engine.owner, attempts))
      if (answer === null || Exit.isFailure(answer)) {
        yield* cannotTell(engine.unreadable())
        return null
      }
      if (answer.value.unknown.length === 0) messages.reset("store")
      return answer.value
    })

  const end = Effect.fnUntraced(function*(compute: Compute, provider: Service) {
    yield* Effect.logWarning(
      `${provider.id}: ending the machine ${compute.id} (${compute.name}), which belongs to no session`
    )
    const ended = yield* Effect.exit(atMost(provider.compute.end(compute.id, { name: null }), longestEnd))
    if (Exit.isSuccess(ended) && Option.isSome(ended.value)) {
      yield* Metric.update(Metric.withAttributes(Metrics.reaped, { provider: provider.id }), 1)
      return null
    }
    yield* Effect.logError(
      `${provider.id}: the machine ${compute.id} could not be verified as ended; the next cycle tries again`
    )
    return "end_failed" as const
  })

  /** Whether a session has the machine, by the attempt in its name or by its id: at the provider it can be renamed. */
  const isKnown = (attempt: AttemptId, { id, provider }: Compute): boolean =>
    engine.byAttempt(attempt) !== undefined || engine.byCompute(provider, id) !== undefined

  /** Messages about machines that are another process's to end. */
  const tell = (provider: ProviderId, { owner, store: mark }: NameStamp.NameStamp): Effect.Effect<void> =>
    owner === engine.owner
      ? messages.once(
        `store ${provider} ${mark}`,
        Effect.logWarning(
          `${provider}: machines of the owner ${owner} that another session store has rented are left alone: two stores must not share `
            + "an owner in one account, so give each of them its own"
        )
      )
      : messages.once(
        `owner ${owner}`,
        Effect.logInfo(`${provider}: machines of the owner ${owner} are left alone`)
      )

  const isOtherStores = ({ owner, store: mark }: NameStamp.NameStamp): boolean =>
    owner === engine.owner && mark !== undefined && mark !== storeMark && options.otherStores !== true

  /**
   * Judges one machine by what is known here: why it is left alone, or the attempt that the store is to be asked for. Adds to the
   * stamps that are another process's.
   */
  const suspect = (
    compute: Compute,
    seen: Seen,
    listing: Listing,
    others: Map<string, NameStamp.NameStamp>
  ): LeftWhy | Candidate => {
    const stamp = NameStamp.parse(compute.name ?? "")
    if (stamp === null) return "not_stamped"
    if (stamp.owner !== engine.owner) {
      others.set(stamp.owner, stamp)
      return "other_owner"
    }
    const attempt = AttemptId.make(stamp.attempt)
    if (isKnown(attempt, compute)) return "known"
    // a name without a mark is of a store that has no identity, or was given before names had one
    if (isOtherStores(stamp)) {
      others.set(`${stamp.owner} ${stamp.store}`, stamp)
      return "other_store"
    }
    if (isYoung(compute, seen, listing)) return "young"
    return seen.listings < 2 ? "seen_once" : { compute, attempt }
  }

  /** Judges a machine by the store's answer, and ends it where that is proven right. Null when it was ended, or would be. */
  const verdict = Effect.fnUntraced(function*(
    { attempt, compute }: Candidate,
    holders: AttemptHolders | null,
    provider: Service,
    dryRun: boolean
  ): Effect.fn.Return<LeftWhy | null> {
    if (holders === null) return "store_cannot_tell"
    if (holders.sessions.has(attempt)) return "known"
    if (holders.unknown.some((row) => mayBeOf(row, compute))) {
      yield* cannotTell(holders.unknown)
      return "store_cannot_tell"
    }
    // checked once more: a session may have begun, or been lost with the lock, while the store answered
    if (isKnown(attempt, compute)) return "known"
    if (engine.unreadable().some(({ id }) => id === "*")) return "store_cannot_tell"
    if (dryRun) return null
    const key = `${provider.id} ${compute.id}`
    if (beingEnded.has(key)) return "being_ended"
    beingEnded.add(key)
    return yield* Effect.ensuring(end(compute, provider), Effect.sync(() => beingEnded.delete(key)))
  })

  const judge: Reaper["judge"] = (listing, { dryRun = false } = {}) =>
    Effect.gen(function*() {
      const { computes, provider } = listing
      const seenById = remember(listing)
      const machineOf = ({ id, name }: Compute): Judged => ({ provider: provider.id, computeId: id, name })
      const ended: Array<Judged> = []
      const left: Array<Judged & { readonly why: LeftWhy }> = []
      const candidates: Array<Candidate> = []
      const others = new Map<string, NameStamp.NameStamp>()
      yield* eachInPortions(computes, (compute) => {
        if (compute.status === "terminated") return
        const seen = seenById.get(compute.id) ?? { since: listing.begunAt.mono, listings: 1 }
        const judged = suspect(compute, seen, listing, others)
        if (typeof judged === "string") left.push({ ...machineOf(compute), why: judged })
        else candidates.push(judged)
      })
      yield* Effect.forEach(others.values(), (stamp) => tell(provider.id, stamp), { discard: true })
      if (candidates.length === 0) return { ended, left, unlisted: [] }
      const holders = yield* lookUp(candidates)
      yield* Effect.forEach(candidates, (candidate) =>
        Effect.map(verdict(candidate, holders, provider, dryRun), (why) => {
          const machine = machineOf(candidate.compute)
          if (why === null) {
            ended.push(machine)
          } else left.push({ ...machine, why })
        }), { concurrency: atOnce, discard: true })
      return { ended, left, unlisted: [] }
    }).pipe(
      Effect.withSpan(Spans.judge, { root: true, attributes: { [Attributes.provider]: listing.provider.id } })
    )

  const notice: Reaper["notice"] = ({ computes, provider }) =>
    Effect.gen(function*() {
      const others = new Map<string, NameStamp.NameStamp>()
      yield* eachInPortions(computes, (compute) => {
        const stamp = NameStamp.parse(compute.name ?? "")
        if (compute.status === "terminated" || stamp === null || !isOtherStores(stamp)) return
        if (!isKnown(AttemptId.make(stamp.attempt), compute)) others.set(stamp.store ?? "", stamp)
      })
      yield* Effect.forEach(others.values(), (stamp) => tell(provider.id, stamp), { discard: true })
    })

  return {
    judge,
    notice,
    cycle: (providers, options) =>
      Effect.map(
        Effect.forEach(providers, (provider) =>
          Effect.gen(function*() {
            const listed = yield* Effect.result(list(provider))
            return Result.isSuccess(listed)
              ? yield* judge(listed.success, options)
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
