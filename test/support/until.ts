/**
 * Waiting for something outside this process: a real process has no clock that could be moved.
 *
 * Every such wait of the tests is for a condition and goes through here, so that a busy machine makes a test slow and not red.
 */
import * as Effect from "effect/Effect"
import { setTimeout } from "node:timers/promises"

/** Often enough to lose no time, and seldom enough to leave the processor to what is waited for. */
const pauseMillis = 10

/** After so many looks it never happens: at least a minute, and longer on a machine that is busy with other things. */
const looks = 6_000

/** Waits until it is so. */
export const until = async (what: string, isSo: () => boolean | Promise<boolean>): Promise<void> => {
  for (let look = 0; !(await isSo()); look++) {
    if (look === looks) throw new Error(`never happened: ${what}`)
    await setTimeout(pauseMillis)
  }
}

/** {@link until} among effects. */
export const untilSo = (what: string, isSo: () => boolean | Promise<boolean>): Effect.Effect<void> =>
  Effect.promise(() => until(what, isSo))

/** Runs it again, with a pause, until its answer is the one that is waited for. */
export const repeatUntil = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  isEnough: (answer: A) => boolean
): Effect.Effect<A, E, R> =>
  Effect.gen(function*() {
    while (true) {
      const answer = yield* self
      if (isEnough(answer)) return answer
      yield* Effect.promise(() => setTimeout(pauseMillis))
    }
  })
