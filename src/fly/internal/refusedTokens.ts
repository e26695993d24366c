/**
 * Which tokens the log host refused for which app: each is passed over for a while and then tried again, since a host may refuse
 * a good token once. Only the host's own refusal is kept here.
 */
import type * as Redacted from "effect/Redacted"
import { createHash } from "node:crypto"
import { identityOf } from "./tokenForm.ts"

const firstPause = 30_000_000_000n
const longestPause = 600_000_000_000n

/** Refused tokens are rare; beyond this many the oldest are forgotten, so that callers' app names cannot fill memory. */
const mostRefused = 10_000

interface Refusal {
  /** How long the token is passed over. */
  readonly pause: bigint
  /** Until when, on the clock that does not step. */
  readonly until: bigint
  /** Grows with every refusal, so that the one refused longest ago is known. */
  readonly order: number
}

const entryOf = (app: string, token: Redacted.Redacted): string =>
  `${app} ${createHash("sha256").update(identityOf(token)).digest("base64")}`

/** The refusals, as hashes; `now` is monotonic, in nanoseconds. */
export const make = (now: () => bigint) => {
  const refusals = new Map<string, Refusal>()
  let count = 0
  const find = (app: string, token: Redacted.Redacted): Refusal | undefined =>
    refusals.size === 0 ? undefined : refusals.get(entryOf(app, token))
  return {
    /** Whether the token is to be passed over now. */
    has: (app: string, token: Redacted.Redacted): boolean => {
      const found = find(app, token)
      return found !== undefined && found.until > now()
    },
    /** When it was refused last, in an order of its own; 0 for a token that was not. */
    orderOf: (app: string, token: Redacted.Redacted): number => find(app, token)?.order ?? 0,
    /** The host refused it. Many callers may report the same answer, so a token that is passed over already waits no longer. */
    add: (app: string, token: Redacted.Redacted): void => {
      const entry = entryOf(app, token)
      const before = refusals.get(entry)
      const at = now()
      const isNew = before === undefined || at - before.until > longestPause
      const pause = isNew ? firstPause : before.until > at ? before.pause : before.pause * 2n
      const bounded = pause > longestPause ? longestPause : pause
      const until = !isNew && before.until > at ? before.until : at + bounded
      // moved to the end: the first one is forgotten first
      refusals.delete(entry)
      refusals.set(entry, { pause: bounded, until, order: ++count })
      const [oldest] = refusals.keys()
      if (refusals.size > mostRefused && oldest !== undefined) refusals.delete(oldest)
    },
    /** The user has set this very token by hand: it is tried at once. */
    forgive: (app: string, token: Redacted.Redacted): void => void refusals.delete(entryOf(app, token))
  }
}

export type RefusedTokens = ReturnType<typeof make>
