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

const look = <A>({ isWanted, list }: Search<A>): Effect.Effect<ReadonlyArray<A>, AtlasErrorReason> =>
  Effect.timeoutOrElse(Effect.map(list, (all) => all.filter(isWanted)), {
    duration: lookLimit,
    orElse: () => Effect.fail(new Uncertain({ message: "the list was not read in time" }))
  })

const amended = ({ message, raw, status }: Uncertain, shown: string) =>
  new Uncertain({ message: `${message}; ${shown}`, raw, status })

/**
 * The failure of a create whose answer was lost, with what is there now that is as it was asked for. Looks once, when a new one must
 * be listed.
 *
 * **When to use**
 *
 * Where the list was not read before the create, so that nothing tells a new one from one that was there.
 *
 * @category creating
 * @since 0.1.0
 */
export const told = <A>(search: Search<A>) => (lost: Uncertain): Effect.Effect<never, Uncertain> =>
  Effect.gen(function*() {
    const { idOf, settleWindow, what } = search
    yield* Effect.sleep(Duration.toMillis(settleWindow) * 2)
    const after = yield* Effect.result(look(search))
    if (Result.isFailure(after)) return yield* amended(lost, `looking for ${what} failed: ${after.failure.message}`)
    const ids = after.success.map(idOf).join(", ")
    return yield* amended(
      lost,
      ids === "" ? `looked for ${what}: there is none` : `${what} is there as ${ids}, which may have been there before`
    )
  })

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
  search: Search<A>,
  create: Effect.Effect<B, AtlasErrorReason>
): Effect.Effect<A, AtlasErrorReason> =>
  Effect.gen(function*() {
    const { idOf, settleWindow, what } = search
    const before = yield* Effect.result(look(search))
    const asked = yield* Effect.result(create)
    if (Result.isSuccess(asked)) return asked.success
    const lost = asked.failure
    if (lost._tag !== "Uncertain") return yield* lost
    if (Result.isFailure(before)) return yield* told(search)(lost)

    const start = yield* Clock.monotonicTimeNanos
    const until = 2n * Duration.toNanosUnsafe(settleWindow)
    const known = new Set(before.success.map(idOf))
    while (true) {
      // only a list that is asked for after both windows shows that nothing was made
      const isLast = (yield* Clock.monotonicTimeNanos) - start >= until
      const after = yield* Effect.result(look(search))
      const found = Result.isSuccess(after) ? after.success.filter((one) => !known.has(idOf(one))) : []
      const [first, ...others] = found
      if (first !== undefined) {
        if (others.length === 0 && known.size === 0) return first
        const ids = found.map(idOf).join(", ")
        const old = known.size === 0 ? "" : `, and as ${[...known].join(", ")} before`
        return yield* amended(lost, `${what} is there as ${ids}${old}`)
      }
      if (isLast) {
        return yield* amended(
          lost,
          Result.isSuccess(after)
            ? `looked for ${what}: there is none${known.size === 0 ? "" : ` but ${[...known].join(", ")} of before`}`
            : `looking for ${what} failed: ${after.failure.message}`
        )
      }
      yield* Effect.sleep(Math.max(Duration.toMillis(settleWindow) / 4, 10))
    }
  })
