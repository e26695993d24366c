/**
 * Notices a process that asks the same again and again.
 *
 * @since 0.1.0
 */

/** In this time, in milliseconds, */
const window = 30_000
/** so many identical requests of one asker are a loop: whatever may be asked for, it is asked for every second at most. */
const most = 40

/**
 * Counts a request, and answers how many of its kind there were lately when those are too many for so many askers, such as
 * callers of one process that know nothing of each other; default one.
 *
 * @category models
 * @since 0.1.0
 */
export type Repeats = (by: object, label: string, now: number, askers?: number) => number | null

/**
 * Nothing was asked for yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): Repeats => {
  const times = new WeakMap<object, Map<string, Array<number>>>()
  return (by, label, now, askers = 1) => {
    const mine = times.get(by) ?? new Map<string, Array<number>>()
    times.set(by, mine)
    const past = mine.get(label) ?? []
    mine.set(label, past)
    past.push(now)
    if (past.length <= most * askers) return null
    const [first = now] = past.splice(0, past.length - most * askers)
    return now - first < window ? past.length : null
  }
}
