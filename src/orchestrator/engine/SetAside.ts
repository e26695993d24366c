/**
 * Rows that failed alone: each is tried by itself, with a pause of its own, so that it harms no other row.
 */
import type { Now } from "../session/Clock.ts"
import type { SessionId } from "../session/Ids.ts"
import type { Entry } from "./Table.ts"

/** Milliseconds between two tries. */
const firstPause = 100
const longestPause = 10_000
/** A row that may yet be written is given up after so many tries beside others that succeeded, and after this time. */
const mostStrikes = 5
const longestTrial = 60_000

/**
 * What shows that the row itself is at fault: it has no form that can be stored, it cannot be read or is another's, or the rows
 * beside it were written. Without that it may be the store.
 */
export type Proof = "unencodable" | "unreadable" | "others_work" | "none"

/** One row that is tried alone. */
export interface Aside {
  readonly entry: Entry
  readonly since: number
  tries: number
  /** Monotonic clock: the next try. */
  at: number
  /** Failures while other rows were written. */
  strikes: number
  /** Whether others were written since its last failure. */
  hasProof: boolean
  /** Whether the row is to be read before it is written. */
  mustRead: boolean
  isEnded: boolean
}

/** The rows that are tried alone. */
export interface SetAside {
  readonly has: (id: SessionId) => boolean
  readonly size: () => number
  /** A try of a row has failed. Answers whether it is known to be at fault, since now, and whether its session is to be ended. */
  readonly failed: (
    entry: Entry,
    now: Now,
    proof: Proof
  ) => { readonly isBad: boolean; readonly isNowBad: boolean; readonly isToEnd: boolean }
  /** Other rows were written. */
  readonly worked: (now: Now) => void
  readonly remove: (id: SessionId) => void
  /** Lets a row be read again; it is still set aside when that fails. */
  readonly release: (id: SessionId) => void
  /** Takes out the rows that are not known to be at fault. */
  readonly takeUnproven: () => ReadonlyArray<Aside>
  /** Whether another row has failed since any was written, so that it is probably the store. */
  readonly hasOtherUnproven: (id: SessionId) => boolean
  readonly due: (now: Now) => Aside | null
  /** Monotonic clock: the next try of any; infinity without one. */
  readonly next: () => number
}

/** No row is set aside. */
export const make = (): SetAside => {
  const all = new Map<SessionId, Aside>()
  const released = new Map<SessionId, Aside>()
  const isUnproven = ({ hasProof, strikes }: Aside): boolean => strikes === 0 && !hasProof

  return {
    has: (id) => all.has(id),
    size: () => all.size,
    failed: (entry, now, proof) => {
      const { id } = entry.state.spec
      const known = all.get(id) ?? released.get(id)
      released.delete(id)
      const isOver = proof === "unencodable" || proof === "unreadable"
      const one: Aside = known ?? {
        entry,
        since: now.mono,
        tries: 0,
        at: 0,
        strikes: 0,
        hasProof: false,
        mustRead: false,
        isEnded: false
      }
      all.set(id, one)
      const wasBad = one.strikes > 0
      one.tries += 1
      one.at = now.mono + Math.min(longestPause, firstPause * 2 ** (one.tries - 1))
      if (isOver || proof === "others_work" || one.hasProof) one.strikes += 1
      one.hasProof = false
      one.mustRead = proof === "unreadable"
      const isToEnd = !one.isEnded &&
        (isOver || (one.strikes >= mostStrikes && now.mono - one.since >= longestTrial))
      if (isToEnd) one.isEnded = true
      return { isBad: one.strikes > 0, isNowBad: !wasBad && one.strikes > 0, isToEnd }
    },
    worked: (now) => {
      for (const one of all.values()) {
        // one that failed when everything may have failed is tried again at once
        if (isUnproven(one)) one.at = now.mono
        one.hasProof = true
      }
    },
    remove: (id) => {
      all.delete(id)
      released.delete(id)
    },
    release: (id) => {
      const one = all.get(id)
      if (one !== undefined) released.set(id, one)
      all.delete(id)
    },
    takeUnproven: () => {
      const unproven = [...all.values()].filter(isUnproven)
      for (const { entry } of unproven) all.delete(entry.state.spec.id)
      return unproven
    },
    hasOtherUnproven: (id) => [...all].some(([other, one]) => other !== id && isUnproven(one)),
    due: (now) => {
      for (const one of all.values()) if (one.at <= now.mono) return one
      return null
    },
    next: () => {
      let next = Number.POSITIVE_INFINITY
      for (const { at } of all.values()) next = Math.min(next, at)
      return next
    }
  }
}
