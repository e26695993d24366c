/**
 * Takes Fly's tokens out of what a host or the fly command wrote, before it reaches an error, a topic, a log or the screen.
 */
import * as ForeignText from "../../domain/ForeignText.ts"

const scheme = /^(?:FlyV1|Bearer)$/i

/** A token as it was given, and the tokens of the list that it may be. */
const partsOf = (token: string): ReadonlyArray<string> =>
  [token.trim(), ...token.split(/[\s,]+/)].filter((part) => part !== "" && !scheme.test(part))

/**
 * Finds texts that may hold a part of a secret, many times faster than the search for the parts themselves: whatever twelve
 * characters in a row are taken of a text, four of them begin at a place that nine divides.
 */
const suspicionOf = (parts: ReadonlyArray<string>): RegExp => {
  const pieces = new Set<string>()
  for (const part of parts) {
    for (const form of [part, JSON.stringify(part).slice(1, -1), encodeURIComponent(part.toWellFormed())]) {
      for (let at = 0; at === 0 || at + 4 <= form.length; at += 9) pieces.add(form.slice(at, at + 4))
    }
  }
  return new RegExp([...pieces].map((piece) => piece.replace(/[^A-Za-z0-9]/g, "\\$&")).join("|"))
}

/** Macaroons and tokens of users, by what they begin with, and whatever follows the scheme that only Fly has. */
const shapes = /\bFlyV1\s+[^\s"',]+(?:,[^\s"',]+)*|\b(?:fm\d[a-z]?|fo\d)_[A-Za-z0-9+/=_-]+/g

/** A function that blots out these tokens, as a whole and in part. */
export const own = (tokens: ReadonlyArray<string>): (text: string) => string => {
  const parts = tokens.flatMap(partsOf)
  if (parts.length === 0) return (text) => text
  const suspicion = suspicionOf(parts)
  const hide = ForeignText.hiding(parts)
  return (text) => suspicion.test(text) ? hide(text) : text
}

/** The same, and blots out everything else that looks like a token of Fly. */
export const all = (tokens: ReadonlyArray<string>): (text: string) => string => {
  const hide = own(tokens)
  return (text) => hide(text).replace(shapes, "<redacted>")
}
