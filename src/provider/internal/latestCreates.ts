/** The latest creates that a provider answered: an absence right after one proves nothing. */
import type * as NameStamp from "../NameStamp.ts"

/** What was made, and when its create was answered, on the monotonic clock. */
export interface Latest extends NameStamp.Named {
  readonly at: bigint
}

/** Remembers creates for so many nanoseconds. */
export const make = (nanos: bigint) => {
  // in the order of time, so that a look for what is old ends at the first that is young: thousands may be in it
  const all = new Map<string, Latest>()
  return {
    get: (computeId: string): Latest | undefined => all.get(computeId),
    remember: (computeId: string, name: string, at: bigint): void => {
      for (const [old, latest] of all) {
        if (at - latest.at <= nanos) break
        all.delete(old)
      }
      // one that is told again becomes the youngest
      all.delete(computeId)
      all.set(computeId, { at, name, rentedAs: null })
    }
  }
}
