/** What stands in an answer: its JSON, and its own words for what went wrong. */
import type * as Headers from "effect/http/Headers"
import type * as Schema from "effect/Schema"

const decoder = new TextDecoder()

/** Real answers are a tenth as deep; deeper ones overflow whoever walks them, long after they were read. */
const deepest = 256
const [quote, backslash] = [0x22, 0x5c]

/** `[` and `{`, which differ in one bit: every byte of every answer is asked. */
const isOpening = (byte: number): boolean => (byte | 0x20) === 0x7b

/** Whether it opens too few brackets to be deep, wherever they stand: true of all but long lists, and known at once. */
const isShallow = (bytes: Uint8Array): boolean => {
  let opened = 0
  for (let index = 0; index < bytes.length; index++) {
    if (isOpening(bytes[index] ?? 0) && ++opened > deepest) return false
  }
  return true
}

/** Looks at bytes, since every character that counts here is one byte, and no other character contains that byte. */
const isBottomless = (bytes: Uint8Array): boolean => {
  let depth = 0
  let isText = false
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0
    if (isText) {
      if (byte === backslash) index += 1
      else if (byte === quote) isText = false
    } else if (byte === quote) isText = true
    else if (isOpening(byte)) {
      if (++depth > deepest) return true
    } else if (byte === 0x5d || byte === 0x7d) depth -= 1
  }
  return false
}

/** A body as JSON; undefined when it is not readable as such. Nothing at all reads as null. */
export const parseJson = (bytes: Uint8Array): Schema.Json | undefined => {
  if (bytes.byteLength === 0) return null
  if (!isShallow(bytes) && isBottomless(bytes)) return undefined
  try {
    return JSON.parse(decoder.decode(bytes))
  } catch {
    return undefined
  }
}

/** A refusing answer's body: JSON, or plain text where it says so. Anything else, such as a page, is not readable. */
export const parseRefusal = (bytes: Uint8Array, headers: Headers.Headers): Schema.Json => {
  const json = parseJson(bytes)
  if (json !== undefined) return json
  return (headers["content-type"] ?? "").toLowerCase().startsWith("text/plain") ? decoder.decode(bytes) : null
}

type JsonObject = { readonly [key: string]: Schema.Json }

const isObject = (value: Schema.Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const own = (body: Schema.Json | undefined, key: string): Schema.Json | undefined =>
  isObject(body) && Object.hasOwn(body, key) ? body[key] : undefined

const textAt = (body: Schema.Json | undefined, key: string): string | undefined => {
  const value = own(body, key)
  return typeof value === "string" && value !== "" ? value : undefined
}

const list = (value: Schema.Json | undefined): ReadonlyArray<Schema.Json> => Array.isArray(value) ? value : []

/** One entry of a problem's `errors`: text, or a place and a message. Its `value` is what we sent, so it stays out. */
const entry = (error: Schema.Json): ReadonlyArray<string> => {
  if (typeof error === "string") return [error]
  const message = textAt(error, "message")
  const location = textAt(error, "location")
  return message === undefined ? [] : [location === undefined ? message : `${location}: ${message}`]
}

/** The provider's own words, from wherever it puts them; empty when there are none. */
export const messageOf = (body: Schema.Json): string => {
  const errors = list(own(body, "errors"))
  const detail = textAt(body, "detail")
  if (detail !== undefined) {
    const entries = errors.flatMap(entry)
    return entries.length === 0 ? detail : `${detail} [${entries.join("; ")}]`
  }
  const [first] = errors
  return textAt(own(body, "error"), "message") ?? textAt(body, "error") ?? textAt(body, "message")
    ?? textAt(first, "message") ?? (typeof first === "string" ? first : typeof body === "string" ? body : "")
}

const plainCode = /^[\w./:-]{1,100}$/

/** The provider's own error code, where it has one. */
export const codeOf = (body: Schema.Json): string | null => {
  const code = textAt(own(body, "error"), "code") ?? textAt(body, "code") ?? textAt(body, "error")
  return code !== undefined && plainCode.test(code) ? code : null
}
