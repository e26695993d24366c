/**
 * The forms in which a Fly token is given, and the one form in which it is kept, compared and sent.
 *
 * A token is a comma-separated list of parts, with a scheme word before it or without one. People paste it with quotes, line ends
 * and doubled schemes; Fly's own command takes all of that, and so does this.
 */
import * as Redacted from "effect/Redacted"

/** Tokens are a few kilobytes of macaroons. */
const longestToken = 16 * 1024

const scheme = /^(FlyV1|Bearer)(?:\s+|$)/i
/** `fm2_`, and the older permission and discharge parts `fm1r_` and `fm1a_`. */
const macaroon = /^fm\d[a-z]?_/
/** What Fly's own tokens are made of; nothing else that a program prints looks like this. */
const flyPart = /^f[mo]\d[a-z]?_[A-Za-z0-9+/=_-]+$/
/** The printable characters that a header may hold, without those that are pasted around a token. */
const anyPart = /^[\x21\x23-\x26\x28-\x2b\x2d-\x5f\x61-\x7e]+$/
/** What is pasted around a token: white space, a byte order mark and quotes. */
const around = /^[\s\ufeff"'`\u2018\u2019\u201c\u201d]+|[\s\ufeff"'`\u2018\u2019\u201c\u201d]+$/g

interface Form {
  /** The scheme that was given, the innermost of several. */
  readonly scheme: "FlyV1" | "Bearer" | null
  readonly parts: ReadonlyArray<string>
}

/** A text without what was pasted around it, and the last of the scheme words before it. */
const peel = (text: string): { readonly given: Form["scheme"]; readonly bare: string } => {
  let given: Form["scheme"] = null
  let bare = text.replace(around, "")
  for (let found = scheme.exec(bare); found !== null; found = scheme.exec(bare)) {
    given = found[1]?.toLowerCase() === "flyv1" ? "FlyV1" : "Bearer"
    bare = bare.slice(found[0].length).replace(around, "")
  }
  return { given, bare }
}

/** The parts of a token; null for a text that is no token. */
const read = (text: string, part: RegExp): Form | null => {
  // a longer text is not even looked at
  if (text.length > 2 * longestToken) return null
  const { bare, given } = peel(text)
  const pieces = bare.split(",").map(peel)
  const parts = pieces.map((one) => one.bare).filter((one) => one !== "")
  if (parts.length === 0 || !parts.every((one) => part.test(one))) return null
  return { scheme: given ?? pieces.find((one) => one.given !== null)?.given ?? null, parts }
}

/** The one form of a token: its parts without blanks, after the scheme word if there was one. */
const render = ({ parts, scheme: given }: Form): string => {
  const list = parts.join(",")
  return given === null ? list : `${parts.some((one) => macaroon.test(one)) ? "FlyV1" : given} ${list}`
}

const parse = (part: RegExp) => (text: string): Redacted.Redacted | null => {
  const form = read(text, part)
  const token = form === null ? "" : render(form)
  return token === "" || token.length > longestToken ? null : Redacted.make(token)
}

/** A token that a person or a setting gave, in its one form; null when the text is empty or no token at all. */
export const parseGiven = parse(anyPart)

/** A token in the output of a program, which may print anything: only what is made of Fly's own parts, else null. */
export const parsePrinted = parse(flyPart)

/**
 * The `Authorization` header for a token, null for a text that is no token: the log host refuses the wrong scheme. Of a mixed list
 * only the macaroons are sent, as Fly's own command does.
 */
export const authorizationOf = (token: string): string | null => {
  const form = read(token, anyPart)
  if (form === null) return null
  const macaroons = form.parts.filter((one) => macaroon.test(one))
  return macaroons.length > 0 ? `FlyV1 ${macaroons.join(",")}` : `Bearer ${form.parts.join(",")}`
}

/** What tells one token from another: two texts that are sent alike are one token. */
export const identityOf = (token: Redacted.Redacted): string => {
  const text = Redacted.value(token)
  return authorizationOf(text) ?? text
}
