/**
 * Goes through a hundred thousand things without holding up the rest of the process.
 */
import * as Effect from "effect/Effect"

/** How many are handled, in some ten milliseconds, before other fibers and the event loop run. */
const portion = 1_000

/** Calls `use` with each of the items; they may change meanwhile. */
export const eachInPortions = <A>(items: Iterable<A>, use: (item: A) => void): Effect.Effect<void> =>
  Effect.gen(function*() {
    let count = 0
    for (const item of items) {
      use(item)
      count += 1
      // a turn of the event loop: timers and sockets run, not only other fibers
      if (count % portion === 0) yield* Effect.yieldNow
    }
  })
