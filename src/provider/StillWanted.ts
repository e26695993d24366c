/**
 * Calling off a create that was not sent yet: a caller that does not need its machine any more says so, and whatever still waits
 * to send the request asks before it does.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { Transport } from "../domain/AtlasError.ts"

const always = Effect.succeed(true)

/** How often something that waits asks. */
const askEvery = "1 second"

const calledOff = () => new Transport({ message: "not sent: the create was called off", neverSent: true })

/**
 * Whether the creates of this fiber are still wanted; default yes.
 *
 * **When to use**
 *
 * Provide it around `compute.rent` where the need for the machine may end while the create waits for its turn. An orchestrator
 * does.
 *
 * **Details**
 *
 * `compute.rent` asks once, and `ProviderHttp` before each attempt of a `create` and every second while it waits for the
 * account's limits or between two attempts. A create that was called off fails as `Transport` with `neverSent`. An attempt that
 * is under way is not touched: it may have made a machine. What is not wanted once stays so.
 *
 * **Example** (Until noon)
 *
 * ```ts
 * import * as StillWanted from "effect-atlas/provider/StillWanted"
 * import * as Clock from "effect/Clock"
 * import * as Effect from "effect/Effect"
 *
 * const untilNoon = (noon: number) =>
 *   Effect.provideService(StillWanted.StillWanted, Effect.map(Clock.currentTimeMillis, (now) => now < noon))
 * ```
 *
 * @category references
 * @since 0.1.0
 */
export const StillWanted = Context.Reference<Effect.Effect<boolean>>("effect-atlas/provider/StillWanted", {
  defaultValue: () => always
})

/**
 * Fails when the create of this fiber was called off. An adapter that lets creates wait asks this right before it sends one.
 *
 * @category checks
 * @since 0.1.0
 */
export const check: Effect.Effect<void, Transport> = Effect.flatMap(
  StillWanted,
  (isWanted) => Effect.flatMap(isWanted, (wanted) => wanted ? Effect.void : Effect.fail(calledOff()))
)

/**
 * Runs a create that may wait before it is sent, and gives it up while it waits as soon as it is called off. It must
 * {@link check} right before it sends; from then on, while `mayHaveActed` says so, it is left alone.
 *
 * @category checks
 * @since 0.1.0
 */
export const unlessCalledOff = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  mayHaveActed: () => boolean
): Effect.Effect<A, E | Transport, R> =>
  Effect.flatMap(StillWanted, (isWanted) => {
    if (isWanted === always) return self
    const watch: Effect.Effect<never, Transport> = Effect.gen(function*() {
      while (true) {
        yield* Effect.sleep(askEvery)
        if (!(yield* isWanted) && !mayHaveActed()) return yield* calledOff()
      }
    })
    return Effect.raceFirst(self, watch)
  })
