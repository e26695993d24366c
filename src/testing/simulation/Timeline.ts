/**
 * True time, in milliseconds, and everything that will happen at some moment of it.
 *
 * @since 0.1.0
 */

interface Entry {
  readonly at: number
  /** Equal times happen in the order in which they were arranged. */
  readonly order: number
  run: (() => void) | null
}

/**
 * What is to come; nothing moves but by `step`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Timeline {
  readonly now: () => number
  /** Arranges something so many milliseconds from now, and answers how to call it off. */
  readonly after: (millis: number, run: () => void) => () => void
  /** Moves on to the next moment and lets it happen; false when there is none before the limit, which is then now. */
  readonly step: (until: number) => boolean
}

const isBefore = (one: Entry, other: Entry): boolean =>
  one.at === other.at ? one.order < other.order : one.at < other.at

/**
 * A timeline that begins at 0.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): Timeline => {
  const heap: Array<Entry> = []
  let now = 0
  let arranged = 0

  const rise = (): void => {
    let place = heap.length - 1
    while (place > 0) {
      const above = (place - 1) >> 1
      const [one, other] = [heap[place], heap[above]]
      if (one === undefined || other === undefined || !isBefore(one, other)) return
      heap[place] = other
      heap[above] = one
      place = above
    }
  }

  const take = (): Entry | undefined => {
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || first === last) return first
    heap[0] = last
    let place = 0
    while (true) {
      const self = heap[place]
      const [left, right] = [heap[place * 2 + 1], heap[place * 2 + 2]]
      if (self === undefined || left === undefined) return first
      const isLeft = right === undefined || isBefore(left, right)
      const least = isLeft ? left : right
      if (!isBefore(least, self)) return first
      const below = place * 2 + (isLeft ? 1 : 2)
      heap[place] = least
      heap[below] = self
      place = below
    }
  }

  return {
    now: () => now,
    after: (millis, run) => {
      // whole milliseconds, so that sums of times stay exact
      const entry: Entry = { at: now + Math.max(0, Math.ceil(millis)), order: arranged++, run }
      heap.push(entry)
      rise()
      return () => {
        entry.run = null
      }
    },
    step: (until) => {
      while (true) {
        const first = heap[0]
        if (first === undefined || first.at > until) {
          now = until
          return false
        }
        take()
        if (first.run === null) continue
        now = first.at
        first.run()
        return true
      }
    }
  }
}
