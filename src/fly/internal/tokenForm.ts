/**
 * What a token looks like: one line, one word or a scheme and a word, such as `FlyV1 fm2_...,fm2_...`.
 */
import * as Redacted from "effect/Redacted"

/** Tokens are a few kilobytes of macaroons. */
const longest = 16 * 1024

const one = /^(?:(?:FlyV1|Bearer) )?[\x21-\x7e]+$/i

/** Parts by the prefixes that Fly gives its tokens; nothing else that a program prints looks like this. */
const flys = /^(?:(?:FlyV1|Bearer) )?f[mo]\d[a-z]?_[A-Za-z0-9+/=_-]+(?:,f[mo]\d[a-z]?_[A-Za-z0-9+/=_-]+)*$/

/** A token that a person or a setting gave: trimmed, of any alphabet; null when it is empty or no token at all. */
export const given = (text: string): Redacted.Redacted | null => {
  const trimmed = text.trim()
  return trimmed.length <= longest && one.test(trimmed) ? Redacted.make(trimmed) : null
}

/** A token in the output of a program, where anything may stand: only what is made of parts that Fly makes; else null. */
export const printed = (text: string): Redacted.Redacted | null => {
  const trimmed = text.trim()
  return trimmed.length <= longest && flys.test(trimmed) ? Redacted.make(trimmed) : null
}
