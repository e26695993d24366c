/** The latest creates that a provider answered: an absence right after one proves nothing. */
import type * as NameStamp from "../NameStamp.ts"

/** What was made, and when its create was answered, on the monotonic clock. */
export interface Latest extends NameStamp.Named {
  readonly at: bigint
}

/** So many forgotten ones may stand before the oldest until they are dropped. */
const mostForgotten = 1024

/** Remembers creates for so many nanoseconds. */
export const make = (nanos: bigint) => {
  const all = new Map<string, Latest>()
  // in the order of time, so that a look for what is old ends at the first that is young: thousands may be in it
  const order: Array<readonly [computeId: string, at: bigint]> = []
  let oldest = 0
  const forget = (now: bigint): void => {
    for (let first = order[oldest]; first !== undefined && now - first[1] > nanos; first = order[oldest]) {
      const [computeId, at] = first
      // one that was told again is younger
      if (all.get(computeId)?.at === at) all.delete(computeId)
      oldest += 1
    }
    if (oldest >= mostForgotten) {
      order.splice(0, oldest)
      oldest = 0
    }
  }
  return {
    get: (computeId: string): Latest | undefined => all.get(computeId),
    remember: (computeId: string, name: string, at: bigint): void => {
      forget(at)
      all.set(computeId, { at, name, rentedAs: null })
      order.push([computeId, at])
    }
  }
}
