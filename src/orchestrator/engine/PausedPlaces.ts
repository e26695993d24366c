/**
 * Places that have asked to be left alone for long, known to all sessions, so that each of them need not find out by a create.
 */
import type { Candidate } from "../session/RentRequest.ts"

/** Whatever a place asks for, it is believed for this long: a wrong header there must not stop us for days. */
const longestPause = 3_600_000

interface Pause {
  /** Monotonic clock: the end of the pause. */
  readonly until: number
  /** Monotonic clock: from then on one create may ask whether the pause is over already. */
  probeAt: number
}

/** The pauses of places: of each GPU at each provider. */
export interface PausedPlaces {
  /** Milliseconds until this place may be asked for a machine; 0 when it may be now. Of those that ask early, one is let through. */
  readonly left: (candidate: Candidate, mono: number) => number
  /** A create was refused for coming too fast; `retryAfter` is what the place has asked for, in milliseconds. */
  readonly limited: (candidate: Candidate, retryAfter: number, mono: number) => void
  /** A create got as far as to be answered otherwise. */
  readonly answered: (candidate: Candidate) => void
}

const keyOf = ({ gpu, provider, regionHints }: Candidate): string => JSON.stringify([provider, gpu, regionHints])

/** No place is paused yet; pauses that are not longer than `longestWait` are left to the sessions. */
export const make = (longestWait: number): PausedPlaces => {
  const pauses = new Map<string, Pause>()
  return {
    left: (candidate, mono) => {
      const key = keyOf(candidate)
      const pause = pauses.get(key)
      if (pause === undefined) return 0
      if (mono >= pause.until) {
        pauses.delete(key)
        return 0
      }
      if (mono < pause.probeAt) return pause.until - mono
      pause.probeAt = mono + longestWait
      return 0
    },
    limited: (candidate, retryAfter, mono) => {
      if (retryAfter <= longestWait) return
      const until = mono + Math.min(retryAfter, longestPause)
      pauses.set(keyOf(candidate), { until, probeAt: mono + longestWait })
    },
    answered: (candidate) => void pauses.delete(keyOf(candidate))
  }
}
