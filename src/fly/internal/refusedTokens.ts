/**
 * Which tokens were refused for which app, as hashes: what was refused once is not handed out again by any source.
 */
import * as Redacted from "effect/Redacted"
import { createHash } from "node:crypto"

/** An app is refused a token now and then; beyond this many the oldest are forgotten, so that names cannot fill memory. */
const limit = 10_000

const entry = (app: string, token: Redacted.Redacted): string =>
  `${app} ${createHash("sha256").update(Redacted.value(token)).digest("base64")}`

export const make = () => {
  const entries = new Set<string>()
  return {
    has: (app: string, token: Redacted.Redacted): boolean => entries.size > 0 && entries.has(entry(app, token)),
    add: (app: string, token: Redacted.Redacted): void => {
      entries.add(entry(app, token))
      const [oldest] = entries
      if (entries.size > limit && oldest !== undefined) entries.delete(oldest)
    },
    /** Somebody says that it is good after all. */
    forgive: (app: string, token: Redacted.Redacted): void => void entries.delete(entry(app, token))
  }
}

export type RefusedTokens = ReturnType<typeof make>
