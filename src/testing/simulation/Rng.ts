/**
 * A random source that gives the same on every machine, and children of it that do not disturb each other.
 *
 * @since 0.1.0
 */

/**
 * Draws from one seed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rng {
  /** 0 to 1, without 1. */
  readonly next: () => number
  readonly chance: (share: number) => boolean
  /** A whole number from 0 up to, without, the limit. */
  readonly below: (limit: number) => number
  /** A number between two. */
  readonly between: (low: number, high: number) => number
  readonly pick: <A>(first: A, ...rest: ReadonlyArray<A>) => A
  readonly one: <A>(all: ReadonlyArray<A>) => A | undefined
  /** Another source; what is drawn from it moves nothing here. */
  readonly fork: () => Rng
}

/**
 * The source of a seed: mulberry32, which is small and public domain.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (seed: number): Rng => {
  let state = (seed ^ 0x9e3779b9) >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let word = Math.imul(state ^ (state >>> 15), 1 | state)
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word
    return ((word ^ (word >>> 14)) >>> 0) / 0x1_0000_0000
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return {
    next,
    chance: (share) => next() < share,
    below,
    between: (low, high) => low + next() * (high - low),
    pick: (first, ...rest) => {
      const all = [first, ...rest]
      return all[below(all.length)] ?? first
    },
    one: (all) => all[below(all.length)],
    fork: () => make(below(0x1_0000_0000))
  }
}
