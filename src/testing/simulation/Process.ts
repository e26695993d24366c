/**
 * A process under test as the simulation runs it: its fibers, clock and randomness are its own, and it can be killed at any
 * moment, after which nothing of it runs again, not even a finalizer.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Scheduler from "effect/Scheduler"
import * as Tracer from "effect/Tracer"
import * as Entropy from "../../domain/Entropy.ts"
import { TimeAsleep } from "../../orchestrator/TimeAsleep.ts"
import type * as Host from "./Host.ts"
import type * as Rng from "./Rng.ts"
import * as Secrets from "./Secrets.ts"

/**
 * A running, ended or killed process.
 *
 * @category models
 * @since 0.1.0
 */
export interface Process {
  readonly name: string
  readonly host: Host.Host
  readonly isAlive: () => boolean
  /** Ends it between two instructions. */
  readonly kill: () => void
  /** Starts an effect in it. */
  readonly run: <A, E>(effect: Effect.Effect<A, E>, done?: (exit: Exit.Exit<A, E>) => void) => void
  /** Delivers an answer from outside: now, when the host wakes, or never when the process was killed. */
  readonly deliver: (answer: () => void) => void
  /** Runs until none of its fibers can go on; false when there was nothing to run. */
  readonly drain: () => boolean
}

/** More rounds than a process ever needs at one moment: beyond them it spins. */
const mostRounds = 100_000

const nanos = 1_000_000n

const clockOf = (host: Host.Host): Clock.Clock => {
  const wall = (): number => Math.floor(host.wall())
  const wallNanos = (): bigint => BigInt(wall()) * nanos
  const monoNanos = (): bigint => BigInt(Math.floor(host.mono() * 1_000_000))
  return {
    currentTimeMillisUnsafe: wall,
    currentTimeMillis: Effect.sync(wall),
    currentTimeNanosUnsafe: wallNanos,
    currentTimeNanos: Effect.sync(wallNanos),
    monotonicTimeNanosUnsafe: monoNanos,
    monotonicTimeNanos: Effect.sync(monoNanos),
    sleep: (duration) => {
      const millis = Duration.toMillis(duration)
      return Effect.callback<void>((resume) => {
        if (!Number.isFinite(millis)) return
        // a timer rings late, never early, and on a whole millisecond
        const cancel = host.after(Math.ceil(millis), () => resume(Effect.void))
        return Effect.sync(cancel)
      })
    }
  }
}

const randomOf = (rng: Rng.Rng) => ({
  nextIntUnsafe: () => Math.floor(rng.next() * 2 ** 53) - 2 ** 52,
  nextDoubleUnsafe: rng.next
})

const entropyOf = (rng: Rng.Rng): Entropy.Source => ({
  bytes: (length) => Effect.sync(() => Uint8Array.from({ length }, () => rng.below(256)))
})

/**
 * A process on a machine.
 *
 * **Details**
 *
 * `isShuffled` takes the fibers that can go on in any order, as no program may rely on one. `onLog` sees every line with
 * its annotations; without a tracer nothing is traced.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly name: string
  readonly host: Host.Host
  readonly rng: Rng.Rng
  readonly isShuffled: boolean
  readonly onLog: (line: string) => void
  readonly tracer: Tracer.Tracer | null
  /** The process runs on without waiting for anything. */
  readonly onSpin: () => void
}): Process => {
  const { host, name, onLog, rng, tracer } = options
  let isAlive = true
  let ready: Array<() => void> = []
  const order = rng.fork()

  const drain = (): boolean => {
    if (ready.length === 0) return false
    for (let rounds = 0; ready.length > 0; rounds++) {
      if (rounds > mostRounds) {
        options.onSpin()
        return true
      }
      if (!options.isShuffled) {
        const batch = ready
        ready = []
        for (const task of batch) {
          if (!isAlive) return true
          task()
        }
        continue
      }
      const [task] = ready.splice(order.below(Math.min(ready.length, 4)), 1)
      task?.()
    }
    return true
  }

  const dispatcher: Scheduler.SchedulerDispatcher = {
    scheduleTask: (task) => {
      if (isAlive) ready.push(task)
    },
    flush: () => void drain()
  }
  const scheduler: Scheduler.Scheduler = {
    executionMode: "async",
    shouldYield: (fiber) => fiber.currentOpCount >= 2048,
    makeDispatcher: () => dispatcher
  }
  const logger = Logger.make<unknown, void>(({ cause, fiber, logLevel, message }) => {
    const marks = Object.entries(fiber.getRef(References.CurrentLogAnnotations)).map(([key, value]) =>
      `${key}=${value}`
    )
    const text = Array.isArray(message) ? message.join(" ") : String(message)
    onLog(`${logLevel} ${text} ${String(cause.reasons)} ${marks.join(" ")}`)
  })
  const clock = clockOf({
    ...host,
    after: (millis, run) =>
      host.after(millis, () => {
        if (isAlive) run()
      })
  })
  const context = Context.make(Clock.Clock, clock).pipe(
    Context.add(TimeAsleep, () => host.read().asleep ?? null),
    Context.add(Scheduler.Scheduler, scheduler),
    Context.add(Random.Random, randomOf(rng.fork())),
    Context.add(Entropy.Entropy, entropyOf(rng.fork())),
    Context.add(Logger.CurrentLoggers, new Set([logger])),
    Context.add(References.TracerEnabled, tracer !== null),
    Context.add(Tracer.Tracer, tracer ?? Secrets.tracer(() => {}))
  )
  return {
    name,
    host,
    isAlive: () => isAlive,
    kill: () => {
      isAlive = false
      ready = []
    },
    run: (effect, done) => {
      if (!isAlive) return
      const fiber = Effect.runForkWith(context)(effect)
      fiber.addObserver((exit) => {
        if (isAlive) done?.(exit)
      })
    },
    deliver: (answer) =>
      host.whenAwake(() => {
        if (isAlive) answer()
      }),
    drain
  }
}
