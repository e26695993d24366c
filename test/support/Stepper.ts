/**
 * A scheduler and a clock that move only when told, so that every moment of a run has a number.
 *
 * A fiber gets `opsPerTurn` operations a turn; a turn is one step. When no fiber has anything to do, the next step
 * moves the clock to the next sleeper. Nothing here waits for real time.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"

/** Far more steps than any run here takes: a run that needs more hangs. */
const tooMany = 200_000

/** Hashes that Web Crypto is working on in another thread: the clock must not move before they are there. */
const hashing = new Set<Promise<unknown>>()
const digest = globalThis.crypto.subtle.digest.bind(globalThis.crypto.subtle)
globalThis.crypto.subtle.digest = (algorithm, data) => {
  const hash = digest(algorithm, data).finally(() => hashing.delete(hash))
  hashing.add(hash)
  return hash
}

export interface Stepper {
  readonly fork: <A, E, R>(effect: Effect.Effect<A, E, R>, context: Context.Context<R>) => Fiber.Fiber<A, E>
  /** One turn of one fiber, or one jump of the clock; false when there is nothing left to do. */
  readonly step: () => boolean
  /** Steps until the fiber is done; undefined when it hangs. */
  readonly finish: <A, E>(fiber: Fiber.Fiber<A, E>) => Exit.Exit<A, E> | undefined
  /** The same for fibers that also wait for Web Crypto, whose promises come when they come. */
  readonly finishAsync: <A, E>(fiber: Fiber.Fiber<A, E>) => Promise<Exit.Exit<A, E> | undefined>
  readonly advance: (duration: Duration.Input) => void
}

export const make = (opsPerTurn: number): Stepper => {
  const tasks: Array<() => void> = []
  let sleepers: ReadonlyArray<{ readonly at: number; readonly wake: () => void }> = []
  let now = 0

  const scheduler: Scheduler.Scheduler = {
    executionMode: "async",
    shouldYield: (fiber) => fiber.currentOpCount >= opsPerTurn,
    makeDispatcher: () => ({ scheduleTask: (task) => void tasks.push(task), flush: () => {} })
  }

  const nanos = () => BigInt(Math.round(now * 1e6))
  const clock: Clock.Clock = {
    currentTimeMillisUnsafe: () => now,
    currentTimeMillis: Effect.sync(() => now),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: nanos,
    monotonicTimeNanos: Effect.sync(nanos),
    sleep: (duration) =>
      Effect.callback<void>((resume) => {
        const sleeper = { at: now + Duration.toMillis(duration), wake: () => resume(Effect.void) }
        sleepers = [...sleepers, sleeper].toSorted((a, b) => a.at - b.at)
        return Effect.sync(() => {
          sleepers = sleepers.filter((one) => one !== sleeper)
        })
      })
  }

  const step = (): boolean => {
    const task = tasks.shift()
    if (task !== undefined) {
      task()
      return true
    }
    const [first, ...rest] = sleepers
    if (first === undefined || first.at === Infinity) return false
    sleepers = rest
    now = Math.max(now, first.at)
    first.wake()
    return true
  }

  return {
    // services go into the context and not around the effect: its last operation is then the fiber's last
    fork: (effect, context) =>
      Effect.runForkWith(
        context.pipe(Context.add(Clock.Clock, clock), Context.add(Scheduler.Scheduler, scheduler))
      )(effect),
    step,
    finish: (fiber) => {
      for (let steps = 0; steps < tooMany && fiber.pollUnsafe() === undefined; steps++) {
        if (!step()) break
      }
      return fiber.pollUnsafe()
    },
    finishAsync: async (fiber) => {
      for (let steps = 0; steps < tooMany && fiber.pollUnsafe() === undefined; steps++) {
        while (tasks.length > 0) step()
        // not by turns that count as steps: on a busy machine a hash takes as many turns as you like
        await Promise.allSettled(hashing)
        await new Promise(setImmediate)
        if (tasks.length === 0 && hashing.size === 0 && fiber.pollUnsafe() === undefined && !step()) break
      }
      return fiber.pollUnsafe()
    },
    advance: (duration) => {
      now += Duration.toMillis(Duration.fromInputUnsafe(duration))
    }
  }
}
