/**
 * The text that a URL's signature covers.
 *
 * Both sides must arrive at the same text, byte for byte, whatever software the URL went through. So nothing here
 * uses the URL class or URLSearchParams: they rewrite paths, and encode `~` and `*` differently from other languages.
 */

/** One query parameter: as it stands in the URL, and what it means. */
interface Parameter {
  readonly written: string
  readonly name: string
  readonly value: string
}

/** A URL taken apart; joined again it is the text it was. */
export interface UrlParts {
  /** `scheme://authority` as written; empty when only a path was given. */
  readonly origin: string
  /** As written, never decoded. */
  readonly path: string
  readonly parameters: ReadonlyArray<Parameter>
  /** With its `#`; empty when there is none. */
  readonly fragment: string
}

// a browser reads a backslash as a slash, so an authority must not hide one
const shape = /^([A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#\\]+)?([^?#]*)(?:\?([^#]*))?(#.*)?$/s

/** Control characters and halves of surrogate pairs: no URL holds them, and UTF-8 has no bytes for the latter. */
const impossible = /[\p{Cc}\p{Cs}]/u

const brokenEscape = /%(?![0-9A-Fa-f]{2})/

const decode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text.replaceAll("+", " "))
  } catch {
    return undefined
  }
}

const parseParameter = (written: string): Parameter | undefined => {
  const equals = written.indexOf("=")
  const name = decode(equals === -1 ? written : written.slice(0, equals))
  const value = decode(equals === -1 ? "" : written.slice(equals + 1))
  return name === undefined || value === undefined ? undefined : { written, name, value }
}

/** Takes apart a full URL, or a path with its query; undefined when the text is neither. */
export const parse = (text: string): UrlParts | undefined => {
  const match = impossible.test(text) ? null : shape.exec(text)
  if (match === null) return undefined
  const [, origin = "", path = "", query, fragment = ""] = match
  if (path === "" ? origin === "" && query === undefined : !path.startsWith("/")) return undefined
  if (brokenEscape.test(path)) return undefined
  const parameters: Array<Parameter> = []
  for (const written of (query ?? "").split("&")) {
    if (written === "") continue
    const parameter = parseParameter(written)
    if (parameter === undefined) return undefined
    parameters.push(parameter)
  }
  return { origin, path, parameters, fragment }
}

/** Host and port as a server sees them: lower case, without user info and without the scheme's own port. */
export const hostOf = ({ origin }: UrlParts): string | undefined => {
  try {
    return new URL(origin).host || undefined
  } catch {
    return undefined
  }
}

const utf8 = new TextEncoder()
const unreserved = /[A-Za-z0-9\-._~]/

/** Form encoding: space is `+`, `A-Z a-z 0-9 - . _ ~` stay, every other byte is `%XX` in upper case. */
const formEncoded: ReadonlyArray<string> = /* @__PURE__ */ Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte)
  if (character === " ") return "+"
  return unreserved.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`
})

const formEncode = (bytes: Uint8Array): string => {
  let text = ""
  for (const byte of bytes) text += formEncoded[byte]
  return text
}

const compareBytes = (left: Uint8Array, right: Uint8Array): number => {
  const shared = Math.min(left.length, right.length)
  for (let index = 0; index < shared; index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0)
    if (difference !== 0) return difference
  }
  return left.length - right.length
}

/**
 * `<path>?<query>`: every given parameter, sorted by the UTF-8 bytes of its name, repeated names in their own order.
 *
 * A host goes before the path. It never begins with a slash and a path always does, so a text with a host cannot be
 * mistaken for one without.
 */
export const canonical = (
  path: string,
  parameters: ReadonlyArray<Pick<Parameter, "name" | "value">>,
  host: string
): string => {
  const query = parameters
    .map(({ name, value }) => ({ name: utf8.encode(name), value: utf8.encode(value) }))
    .toSorted((left, right) => compareBytes(left.name, right.name))
    .map(({ name, value }) => `${formEncode(name)}=${formEncode(value)}`)
    .join("&")
  return `${host}${path === "" ? "/" : path}?${query}`
}
