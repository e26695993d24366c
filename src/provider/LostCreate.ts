/**
 * Creates of resources that no stamped name tells apart, such as volumes and templates: sent once, and looked for by what was asked
 * when the answer is lost.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { type AtlasErrorReason, Uncertain } from "../domain/AtlasError.ts"

/**
 * What is looked for, and how.
 *
 * @category models
 * @since 0.1.0
 */
export interface Search<A> {
  /** What it is called in a failure, such as `a network volume called models of 100 GB in EU-RO-1`. */
  readonly what: string
  /** The whole list. */
  readonly list: Effect.Effect<ReadonlyArray<A>, AtlasErrorReason>
  /** Whether it is as it was asked for. */
  readonly isWanted: (one: A) => boolean
  readonly idOf: (one: A) => string
  /** How long a new one may be missing from the list. */
  readonly settleWindow: Duration.Duration
}

/** A list that never answers must not hold up the failure. */
const lookLimit = Duration.seconds(30)

/**
 * Sends a create once. When its answer is lost, what it made is looked for; the create is never sent again.
 *
 * **Details**
 *
 * It succeeds with what is found only where that is certainly its own: exactly one that is as it was asked for, and none before.
 * Everything else stays `Uncertain`, with a message that names what was found. The list is read before the create too: otherwise
 * nothing would tell a new one from one that was there. The looks go on for two settle windows, and each may take 30 seconds.
 *
 * **Example** (A disk of a cloud of one's own)
 *
 * ```ts
 * import * as LostCreate from "effect-atlas/provider/LostCreate"
 * import type { AtlasErrorReason } from "effect-atlas/domain/AtlasError"
 * import * as Duration from "effect/Duration"
 * import type * as Effect from "effect/Effect"
 *
 * interface Disk {
 *   readonly id: string
 *   readonly name: string
 * }
 *
 * const makeDisk = (
 *   name: string,
 *   cloud: {
 *     readonly list: Effect.Effect<ReadonlyArray<Disk>, AtlasErrorReason>
 *     readonly create: Effect.Effect<Disk, AtlasErrorReason>
 *   }
 * ) =>
 *   LostCreate.once({
 *     what: `a disk called ${name}`,
 *     list: cloud.list,
 *     isWanted: (disk) => disk.name === name,
 *     idOf: ({ id }) => id,
 *     settleWindow: Duration.seconds(5)
 *   }, cloud.create)
 * ```
 *
 * @category creating
 * @since 0.1.0
 */
export const once = <A, B extends A>(
  { idOf, isWanted, list, settleWindow, what }: Search<A>,
  create: Effect.Effect<B, AtlasErrorReason>
): Effect.Effect<A, AtlasErrorReason> =>
  Effect.gen(function*() {
    const look = Effect.timeoutOrElse(Effect.map(list, (all) => all.filter(isWanted)), {
      duration: lookLimit,
      orElse: () => Effect.fail(new Uncertain({ message: "the list was not read in time" }))
    })
    const before = yield* Effect.result(look)
    const asked = yield* Effect.result(create)
    if (Result.isSuccess(asked)) return asked.success
    const lost = asked.failure
    if (lost._tag !== "Uncertain") return yield* lost
    const { message, raw, status } = lost
    const uncertain = (shown: string) => new Uncertain({ message: `${message}; ${shown}`, raw, status })

    const start = yield* Clock.monotonicTimeNanos
    const until = 2n * Duration.toNanosUnsafe(settleWindow)
    const known = new Set(Result.isSuccess(before) ? before.success.map(idOf) : [])
    while (true) {
      // only a list that is asked for after both windows shows that nothing was made
      const isLast = (yield* Clock.monotonicTimeNanos) - start >= until
      const after = yield* Effect.result(look)
      const found = Result.isSuccess(after) ? after.success.filter((one) => !known.has(idOf(one))) : []
      const [first, ...others] = found
      if (first !== undefined) {
        if (others.length === 0 && known.size === 0 && Result.isSuccess(before)) return first
        const ids = found.map(idOf).join(", ")
        return yield* uncertain(
          Result.isSuccess(before)
            ? `${what} is there as ${ids}${known.size === 0 ? "" : `, and as ${[...known].join(", ")} before`}`
            : `${what} is there as ${ids}, which may have been there before`
        )
      }
      if (isLast) {
        return yield* uncertain(
          Result.isSuccess(after)
            ? `looked for ${what}: there is none${known.size === 0 ? "" : ` but ${[...known].join(", ")} of before`}`
            : `looking for ${what} failed: ${after.failure.message}`
        )
      }
      yield* Effect.sleep(Duration.max(Duration.times(settleWindow, 0.25), Duration.millis(10)))
    }
  })
