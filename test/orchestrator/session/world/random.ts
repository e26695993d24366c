/** A small random source from a seed, the same on every computer, so that a play can be repeated. */
export const random = (seed: number) => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let word = Math.imul(state ^ (state >>> 15), 1 | state)
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word
    return ((word ^ (word >>> 14)) >>> 0) / 0x1_0000_0000
  }
  return {
    next,
    chance: (share: number): boolean => next() < share,
    below: (limit: number): number => Math.floor(next() * limit),
    pick: <A>(first: A, ...rest: ReadonlyArray<A>): A => {
      const all = [first, ...rest]
      return all[Math.floor(next() * all.length)] ?? first
    }
  }
}

export type Random = ReturnType<typeof random>
