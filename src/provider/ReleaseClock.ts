/**
 * The clock that machines are handed back on. A test that closes a scope waits for it and moves no clock meanwhile, so a
 * hand-back that slept on the clock of the test would never end.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"

const realClock = Context.get(Context.empty(), Clock.Clock)

/** How often, in real time, a hand-back that sleeps looks whether its program's clock moves. */
const lookEvery = Duration.millis(50)

/** Sleepers that look within this, in nanoseconds of real time, are one look. */
const sameLook = 40_000_000n

/** So many looks in a row that find the clock where it was show that the test does not move it. */
const looksAtRest = 20

/** How far the clock goes on with every look after that: the 30 seconds of a close pass in one and a half. */
const stepNanos = 1_000_000_000n

/** What does not wait for the clock comes first, so that no limit passes only because the processor is busy with other things. */
const turnOfOthers = Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow, { discard: true })

/**
 * A clock that goes on by itself during a hand-back, where the one that it is made of stands still.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReleaseClock {
  readonly clock: Clock.Clock
  /** Runs a hand-back on this clock; until it is over, whatever else sleeps on the clock wakes with it. */
  readonly during: <A, E, R>(release: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/**
 * A clock for hand-backs; the real one stays as it is.
 *
 * **Details**
 *
 * It is the clock of the program until that has not moved for about a second of real time while something is handed back.
 * From then on it goes on by itself, a second with every look, until the program's clock moves again. So the waits of a hand-back
 * keep their order and their lengths on the clock that all of its calls read.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (base: Clock.Clock): ReleaseClock => {
  if (base === realClock) return { clock: base, during: (release) => release }
  const running = Latch.makeUnsafe()
  let releases = 0
  /** Nanoseconds that this clock is ahead of its base. */
  let ahead = 0n
  let seen = base.monotonicTimeNanosUnsafe()
  let looks = 0
  let lookedAt = 0n

  const look = Effect.sync(() => {
    const real = realClock.monotonicTimeNanosUnsafe()
    if (real - lookedAt < sameLook) return
    lookedAt = real
    const now = base.monotonicTimeNanosUnsafe()
    looks = now === seen ? looks + 1 : 0
    seen = now
    if (looks > looksAtRest) ahead += stepNanos
  })

  const monotonic = () => base.monotonicTimeNanosUnsafe() + ahead
  const wall = () => base.currentTimeNanosUnsafe() + ahead
  const millis = () => base.currentTimeMillisUnsafe() + Number(ahead / 1_000_000n)

  const untilAhead = (until: bigint) =>
    Effect.gen(function*() {
      while (monotonic() < until) {
        yield* running.await
        yield* realClock.sleep(lookEvery)
        yield* turnOfOthers
        yield* look
      }
    })

  const clock: Clock.Clock = {
    ...base,
    currentTimeMillisUnsafe: millis,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanosUnsafe: wall,
    currentTimeNanos: Effect.sync(wall),
    monotonicTimeNanosUnsafe: monotonic,
    monotonicTimeNanos: Effect.sync(monotonic),
    sleep: (duration) =>
      Duration.isFinite(duration) && Duration.isPositive(duration)
        ? Effect.suspend(() =>
          Effect.raceFirst(base.sleep(duration), untilAhead(monotonic() + Duration.toNanosUnsafe(duration)))
        )
        : base.sleep(duration)
  }

  const begin = Effect.sync(() => {
    releases += 1
    running.openUnsafe()
  })
  const finish = Effect.sync(() => {
    releases -= 1
    if (releases === 0) running.closeUnsafe()
  })
  return {
    clock,
    during: (release) =>
      Effect.acquireUseRelease(begin, () => Effect.provideService(release, Clock.Clock, clock), () => finish)
  }
}

/**
 * Runs a hand-back on a clock of its own; see {@link make}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const during = <A, E, R>(release: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.clockWith((clock) => make(clock).during(release))
