/**
 * Takes Fly's tokens out of what a host or the fly command wrote, before it reaches an error, a topic, a log or the screen.
 */
import * as ForeignText from "../../domain/ForeignText.ts"

const scheme = /^(?:FlyV1|Bearer)$/i

/** A token as it was given, and the tokens of the list that it may be. */
const partsOf = (token: string): ReadonlyArray<string> =>
  [token.trim(), ...token.split(/[\s,]+/)].filter((part) => part !== "" && !scheme.test(part))

/** The secret itself, and as JSON and URLs write it. */
const formsOf = (part: string): ReadonlyArray<string> => [
  part,
  JSON.stringify(part).slice(1, -1),
  encodeURIComponent(part.toWellFormed())
]

/** Four characters of a text as a number below 65,536; four others may have the same. */
const pieceAt = (text: string, at: number): number => {
  const [one, two] = [text.charCodeAt(at), text.charCodeAt(at + 1)]
  const [three, four] = [text.charCodeAt(at + 2), text.charCodeAt(at + 3)]
  return Math.imul((one | two << 16) ^ (three << 8 | four << 24), 0x9e3779b1) >>> 16
}

/**
 * Finds texts that may hold a part of a secret, many times faster than the search for the parts themselves: of whatever twelve
 * characters in a row it has, four begin at a place that nine divides, and those are four characters of the secret. Of a secret that
 * is shorter than twelve the whole is looked for, at more places.
 */
const suspicionOf = (parts: ReadonlyArray<string>): (text: string) => boolean => {
  const forms = parts.flatMap(formsOf).filter((form) => form.length >= 4)
  const step = Math.min(9, ...forms.map((form) => form.length - 3))
  const pieces = new Uint8Array(65_536)
  const exact = new Set<string>()
  for (const form of forms) {
    for (let at = 0; at + 4 <= form.length; at++) {
      pieces[pieceAt(form, at)] = 1
      exact.add(form.slice(at, at + 4))
    }
  }
  return (text) => {
    for (let at = 0; at + 4 <= text.length; at += step) {
      if (pieces[pieceAt(text, at)] === 1 && exact.has(text.slice(at, at + 4))) return true
    }
    return false
  }
}

/** Macaroons and tokens of users, by what they begin with, and whatever follows the scheme that only Fly has. */
const shapes = /\bFlyV1\s+[^\s"',]+(?:,[^\s"',]+)*|\b(?:fm\d[a-z]?|fo\d)_[A-Za-z0-9+/=_-]+/g

/** A function that blots out these tokens, as a whole and in part. */
export const own = (tokens: ReadonlyArray<string>): (text: string) => string => {
  const parts = tokens.flatMap(partsOf)
  if (parts.length === 0) return (text) => text
  const isSuspicious = suspicionOf(parts)
  const hide = ForeignText.hiding(parts)
  return (text) => isSuspicious(text) ? hide(text) : text
}

/** The same, and blots out everything else that looks like a token of Fly. */
export const all = (tokens: ReadonlyArray<string>): (text: string) => string => {
  const hide = own(tokens)
  return (text) => hide(text).replace(shapes, "<redacted>")
}
