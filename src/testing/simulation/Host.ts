/**
 * A machine that runs processes under test, with two clocks of its own: its wall clock can be set, and it can fall asleep.
 *
 * @since 0.1.0
 */
import type { Clock } from "../../orchestrator/Session.ts"
import type * as Timeline from "./Timeline.ts"

/** Where the wall clocks begin: a moment of 2023, in milliseconds. */
export const epoch = 1_700_000_000_000

/**
 * A machine that runs processes under test.
 *
 * @category models
 * @since 0.1.0
 */
export interface Host {
  readonly name: string
  /** Whether it tells how long it has been suspended. */
  readonly tellsSleep: boolean
  readonly wall: () => number
  /** Stands still while the machine is suspended. */
  readonly mono: () => number
  /** One reading of its clocks. */
  readonly read: () => Clock.Now
  /** What a session's wall clock reads at least, when it has last read its clocks so. */
  readonly leastWall: (last: Clock.Now) => number
  readonly isAsleep: () => boolean
  /** Sets the wall clock forward or back. */
  readonly jump: (millis: number) => void
  /** Suspends the machine for so long. */
  readonly suspend: (millis: number) => void
  /** Begins the monotonic clock anew, as switching the machine off and on does. */
  readonly reboot: () => void
  /** Lets something happen now, or when the machine wakes. */
  readonly whenAwake: (run: () => void) => void
  /** Lets something happen when so much of the monotonic clock has passed; answers how to call it off. */
  readonly after: (millis: number, run: () => void) => () => void
  /** Whether the wall clock was ever set back. */
  readonly wentBack: () => boolean
  /** Whether the wall clock was ever moved, or the machine asleep. */
  readonly isTouched: () => boolean
  /** True time since which the machine has been awake. */
  readonly awakeSince: () => number
}

/**
 * A machine whose clocks agree with true time until the simulation moves them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (name: string, timeline: Timeline.Timeline, tellsSleep = false): Host => {
  let offset = 0
  let slept = 0
  let bootedAt = -1_000
  let sleptBeforeBoot = 0
  let wakesAt: number | null = null
  let fellAsleepAt = 0
  let awakeSince = 0
  let wentBack = false
  let isTouched = false
  const held: Array<() => void> = []

  const mono = (): number => (wakesAt === null ? timeline.now() : fellAsleepAt) - slept - bootedAt

  const wake = (): void => {
    slept += timeline.now() - fellAsleepAt
    wakesAt = null
    awakeSince = timeline.now()
    for (const run of held.splice(0)) run()
  }

  const whenAwake = (run: () => void): void => {
    if (wakesAt === null) run()
    else held.push(run)
  }

  const wall = (): number => epoch + timeline.now() + offset
  const asleep = (): number => slept - sleptBeforeBoot

  return {
    name,
    tellsSleep,
    wall,
    mono,
    read: () => {
      const both = { wall: Math.floor(wall()), mono: Math.floor(mono()) }
      return tellsSleep ? { ...both, asleep: asleep() } : both
    },
    leastWall: (last) => {
      const awake = last.wall + Math.max(0, mono() - last.mono)
      return tellsSleep ? awake + Math.max(0, asleep() - (last.asleep ?? 0)) : Math.max(wall(), awake)
    },
    isAsleep: () => wakesAt !== null,
    jump: (millis) => {
      offset += millis
      isTouched = true
      if (millis < 0) wentBack = true
    },
    suspend: (millis) => {
      if (wakesAt !== null) return
      isTouched = true
      fellAsleepAt = timeline.now()
      wakesAt = fellAsleepAt + millis
      timeline.after(millis, wake)
    },
    reboot: () => {
      sleptBeforeBoot = slept
      bootedAt = timeline.now() - slept - 1_000
    },
    whenAwake,
    after: (millis, run) => {
      const due = mono() + millis
      let cancel: () => void = () => {}
      const arrange = (): void => {
        cancel = timeline.after(Math.max(0, due - mono()), () =>
          whenAwake(() => {
            if (mono() >= due) run()
            else arrange()
          }))
      }
      let isOff = false
      whenAwake(() => {
        if (!isOff) arrange()
      })
      return () => {
        isOff = true
        cancel()
      }
    },
    wentBack: () => wentBack,
    isTouched: () => isTouched,
    awakeSince: () => awakeSince
  }
}
