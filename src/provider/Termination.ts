/**
 * Termination: ending a compute until its absence is verified, and finding what an unanswered create may have made.
 *
 * "Accepted" is not "gone": a compute counts as ended only when the provider no longer knows it or says `terminated`.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import { type AtlasErrorReason, Uncertain } from "../domain/AtlasError.ts"
import type { Compute } from "../domain/Compute.ts"
import type { ComputeId } from "../domain/Ids.ts"
import * as TimeSpan from "../domain/TimeSpan.ts"
import * as NameStamp from "./NameStamp.ts"

/** Long enough for a slow cloud to delete, short enough for a process that is asked to stop. */
const endBudget = 30_000
const firstPause = 100
const longestPause = 5000

/**
 * The calls that finding and ending need of a provider, bound to the options of one call.
 *
 * @category models
 * @since 0.1.0
 */
export interface ComputeCalls {
  readonly named: (name: string) => Effect.Effect<ReadonlyArray<Compute>, AtlasErrorReason>
  readonly get: (id: ComputeId) => Effect.Effect<Compute, AtlasErrorReason>
  readonly terminate: (id: ComputeId) => Effect.Effect<void, AtlasErrorReason>
}

/**
 * Failures that another try cannot cure: the call itself is wrong, or there is no key to make it with.
 *
 * @category guards
 * @since 0.1.0
 */
export const isHopeless = (reason: AtlasErrorReason): boolean =>
  reason._tag === "Validation" || reason._tag === "Unsupported"
  || (reason._tag === "Unauthorized" && reason.status === null)

/** Milliseconds, like all times here. */
const elapsedSince = (start: bigint) => Effect.map(Clock.monotonicTimeNanos, (now) => Number(now - start) / 1_000_000)

const isGone = (compute: Compute) => compute.status === "terminated"

/** The oldest first, then by id, so that every process keeps the same one. */
const oldestFirst = (a: Compute, b: Compute): number =>
  (a.createdAt?.epochMilliseconds ?? Number.MAX_VALUE) - (b.createdAt?.epochMilliseconds ?? Number.MAX_VALUE)
  || (a.id < b.id ? -1 : 1)

/** A live compute before an ended one. */
const bestFirst = (a: Compute, b: Compute): number => Number(b.isLive) - Number(a.isLive) || oldestFirst(a, b)

/** The computes of exactly this name, each once however often the listing shows it, without those that are gone. */
const namesakes = (listed: ReadonlyArray<Compute>, name: string): ReadonlyArray<Compute> =>
  [...new Map(listed.map((compute) => [compute.id, compute])).values()]
    .filter((compute) => compute.name === name && !isGone(compute))
    .toSorted(bestFirst)

/**
 * The compute that was rented under this name and has another one now, where its provider shows that: the oldest alone, since
 * a person can copy a machine with all that its container gets.
 */
const renamed = (listed: ReadonlyArray<Compute>, name: string): ReadonlyArray<Compute> =>
  listed.filter((compute) => NameStamp.isRenamed(name, compute) && !isGone(compute)).toSorted(oldestFirst).slice(0, 1)

/** One listing; one that never answers must not hold up a caller that is being interrupted. */
const look = (calls: ComputeCalls, name: string) =>
  Effect.timeoutOrElse(calls.named(name), {
    duration: endBudget,
    orElse: () =>
      Effect.fail(
        new Uncertain({ computeName: name, message: `${name} could not be looked for: no listing was read in time` })
      )
  })

/**
 * Looks for computes of this name until one is found, or until the settle window has passed twice.
 *
 * **Details**
 *
 * Answers the one to keep first and leaves out what is terminated. Where a complete listing made after both windows does not
 * have the name, the oldest that was rented under it and renamed since is the answer; empty means that there is none either.
 * Fails when that last listing failed, since a failed listing proves nothing, and as `Uncertain` when a listing does not answer.
 *
 * @category looking
 * @since 0.1.0
 */
export const find = (
  calls: ComputeCalls,
  name: string,
  settleWindow: Duration.Duration
): Effect.Effect<ReadonlyArray<Compute>, AtlasErrorReason> => {
  const window = Duration.toMillis(settleWindow)
  const until = window * 2
  return Effect.gen(function*() {
    const start = yield* Clock.monotonicTimeNanos
    const pause = Math.max(window / 4, 10)
    while (true) {
      // asked before the look: only a listing begun after both windows proves absence
      const settled = (yield* elapsedSince(start)) >= until
      const looked = yield* Effect.result(look(calls, name))
      if (Result.isSuccess(looked)) {
        const found = namesakes(looked.success, name)
        if (found.length > 0) return found
      }
      if (settled) return yield* Effect.fromResult(Result.map(looked, (all) => renamed(all, name)))
      yield* Effect.sleep(pause)
    }
  })
}

const endWithin = (
  calls: ComputeCalls,
  id: ComputeId,
  budget: number,
  settledAt: bigint
): Effect.Effect<void, AtlasErrorReason> =>
  Effect.gen(function*() {
    const start = yield* Clock.monotonicTimeNanos
    let pause = firstPause
    while (true) {
      const absenceCounts = (yield* Clock.monotonicTimeNanos) >= settledAt
      const asked = yield* Effect.result(calls.terminate(id))
      // a look decides, whatever the answer to the delete was
      const seen = yield* Effect.result(calls.get(id))
      if (Result.isFailure(asked) && isHopeless(asked.failure) && Result.isFailure(seen)) return yield* asked.failure
      if (Result.isSuccess(seen) ? isGone(seen.success) : absenceCounts && seen.failure._tag === "NotFound") return
      // the disk of this very machine refuses, and says why: asking again would only hide that
      if (Result.isFailure(asked) && asked.failure._tag === "StorageFault") return yield* asked.failure
      if ((yield* elapsedSince(start)) >= budget) {
        const why = Result.isFailure(asked) ? asked.failure.message : "it is still there"
        return yield* new Uncertain({
          computeId: id,
          message: `${id} could not be ended within ${TimeSpan.format(budget)} and may still cost money: ${why}`
        })
      }
      yield* Effect.sleep(pause)
      pause = Math.min(pause * 2, longestPause)
    }
  })

/**
 * Ends a compute and verifies that it is gone, asking again with back-off for up to 30 seconds.
 *
 * **Details**
 *
 * A compute that is not there counts as ended, but not before `settledAt` (monotonic nanoseconds): until then the provider
 * may not list it yet. What cannot be verified in time fails as `Uncertain` with the id.
 *
 * @category ending
 * @since 0.1.0
 */
export const end = (calls: ComputeCalls, id: ComputeId, settledAt = 0n): Effect.Effect<void, AtlasErrorReason> =>
  Effect.gen(function*() {
    const start = yield* Clock.monotonicTimeNanos
    const unsettled = settledAt > start ? Number(settledAt - start) / 1_000_000 : 0
    return yield* Effect.timeoutOrElse(endWithin(calls, id, unsettled + endBudget, settledAt), {
      // one call that never answers must not outlive the budget
      duration: unsettled + endBudget * 2,
      orElse: () =>
        Effect.fail(
          new Uncertain({ computeId: id, message: `${id} could not be ended: no look was made in time` })
        )
    })
  })

/**
 * Ends all of these and verifies each; where one cannot be ended, the others still are, and this fails with its failure.
 *
 * @category ending
 * @since 0.1.0
 */
export const endAll = (calls: ComputeCalls, all: ReadonlyArray<Compute>): Effect.Effect<void, AtlasErrorReason> =>
  Effect.flatMap(
    Effect.forEach(all, (compute) => Effect.exit(end(calls, compute.id)), { concurrency: "unbounded" }),
    (ended) => Exit.asVoidAll(ended)
  )

/**
 * How the computes of a name are ended.
 *
 * @category models
 * @since 0.1.0
 */
export interface NameOptions {
  /** Monotonic nanoseconds: only a complete listing begun then or later proves that no other is left; default now. */
  readonly settledAt?: bigint | undefined
  /** Milliseconds between the looks before that; default none but the first, which is made at once. */
  readonly every?: number | undefined
  /** The one that stays; default none. */
  readonly keep?: ComputeId | undefined
  /** Whether to end the {@link find | renamed} compute of a create that was lost, where none has the name; default false. */
  readonly isLost?: boolean | undefined
}

/** Ends each of these that can be ended, and fails as the first that could not be. */
const sweep = (calls: ComputeCalls, name: string, { every, isLost, keep, settledAt = 0n }: NameOptions) =>
  Effect.gen(function*() {
    let pause = firstPause
    let wasSeen = false
    /** Monotonic nanoseconds of the first look that could have proved it. */
    let provingSince: bigint | null = null
    while (true) {
      const begunAt = yield* Clock.monotonicTimeNanos
      const isProof = begunAt >= settledAt
      if (isProof) provingSince ??= begunAt
      const looked = yield* Effect.result(look(calls, name))
      if (Result.isSuccess(looked)) {
        const found = namesakes(looked.success, name)
        wasSeen ||= found.length > 0
        const lost = isProof && isLost === true && !wasSeen ? renamed(looked.success, name) : []
        const ended = yield* Effect.result(
          endAll(calls, [...found, ...lost].filter(({ id }) => id !== keep))
        )
        // what could not be ended before the proof is found again by it
        if (isProof) return yield* Effect.fromResult(ended)
      } else if (
        isHopeless(looked.failure) || (provingSince !== null && (yield* elapsedSince(provingSince)) >= endBudget)
      ) {
        return yield* new Uncertain({
          computeName: name,
          message: `whether another compute is called ${name} is not known, and it may cost money: ${
            looked.failure.message || looked.failure._tag
          }`
        })
      }
      // in whole milliseconds, as far as clocks sleep
      const left = Math.ceil(Number(settledAt - (yield* Clock.monotonicTimeNanos)) / 1_000_000)
      if (Result.isFailure(looked)) {
        yield* Effect.sleep(left > 0 ? Math.min(pause, left) : pause)
        pause = Math.min(pause * 2, longestPause)
      } else yield* Effect.sleep(Math.max(0, Math.min(left, every ?? left)))
    }
  })

/**
 * Ends every compute that bears exactly this name but the one to keep, and verifies each; looks at once, and again when it
 * has settled.
 *
 * **Details**
 *
 * Succeeds when a complete listing begun at `settledAt` or later has shown none, or when all it showed are gone. Without such
 * a listing it fails as `Uncertain` with the name, after trying for 30 seconds.
 *
 * @category ending
 * @since 0.1.0
 */
export const endNamed = (
  calls: ComputeCalls,
  name: string,
  options: NameOptions = {}
): Effect.Effect<void, AtlasErrorReason> => sweep(calls, name, options)
