/** Reading an answer: its JSON, the provider's message for what went wrong, and both without the secrets of the request. */
import type * as Headers from "effect/http/Headers"
import * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"
import * as ForeignText from "../../domain/ForeignText.ts"

const decoder = new TextDecoder()

/** Real answers are a tenth as deep; a recursive walk over a deeper one could overflow the stack, long after it was read. */
const deepest = 256
const [quote, backslash] = [0x22, 0x5c]

/** `[` and `{`, which differ in one bit: every byte of every answer is asked. */
const isOpening = (byte: number): boolean => (byte | 0x20) === 0x7b

/** Whether it has too few opening brackets to be deep: true of all but long lists, and quick to find out. */
const isShallow = (bytes: Uint8Array): boolean => {
  let opened = 0
  for (let index = 0; index < bytes.length; index++) {
    if (isOpening(bytes[index] ?? 0) && ++opened > deepest) return false
  }
  return true
}

/** The quote that ends the text whose quote is at `start`. */
const endOfText = (bytes: Uint8Array, start: number): number => {
  let index = start + 1
  while (index < bytes.length && bytes[index] !== quote) index += bytes[index] === backslash ? 2 : 1
  return index
}

/** Looks at bytes, since every character that counts here is one byte, and no other character contains that byte. */
const isBottomless = (bytes: Uint8Array): boolean => {
  let depth = 0
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0
    if (byte === quote) index = endOfText(bytes, index)
    else if (isOpening(byte)) {
      if (++depth > deepest) return true
    } else if (byte === 0x5d || byte === 0x7d) depth -= 1
  }
  return false
}

/** A body as text and as JSON; undefined when it is not readable as such. Nothing at all reads as null. */
const read = (bytes: Uint8Array): { readonly text: string; readonly json: Schema.Json } | undefined => {
  if (bytes.byteLength === 0) return { text: "", json: null }
  if (!isShallow(bytes) && isBottomless(bytes)) return undefined
  try {
    const text = decoder.decode(bytes)
    return { text, json: JSON.parse(text) }
  } catch {
    return undefined
  }
}

/** Shorter credentials are tried out only, and may be words of any answer. */
const shortestCredential = 8

const mapTexts = (json: Schema.Json, change: (text: string) => string): Schema.Json => {
  if (typeof json === "string") return change(json)
  if (Array.isArray(json)) return json.map((one: Schema.Json) => mapTexts(one, change))
  if (typeof json !== "object" || json === null) return json
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, mapTexts(value, change)]))
}

/** A success as JSON: exactly as it came, but for the credential of its request, which is blotted out in whatever field repeats it. */
export const parseSuccess = (bytes: Uint8Array, credentials: ReadonlyArray<string>): Schema.Json | undefined => {
  const answer = read(bytes)
  if (answer === undefined) return undefined
  const { json, text } = answer
  const telling = credentials.filter(({ length }) => length >= shortestCredential)
  // written with escapes it would not be found in the text
  const mayEcho = text.includes("\\u00") || telling.some((one) => text.includes(one))
  if (!mayEcho) return json
  const hide = ForeignText.hiding(telling)
  return mapTexts(json, (one) => telling.some((credential) => one.includes(credential)) ? hide(one) : one)
}

/** A refusing answer's body: JSON, or plain text where it says so. Anything else, such as a page, is not readable. */
export const parseRefusal = (bytes: Uint8Array, headers: Headers.Headers): Schema.Json => {
  const answer = read(bytes)
  if (answer !== undefined) return answer.json
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

/** The provider's own message, from the field where it stands; empty when there is none. */
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

/** Longer than any error message; a longer body is a page or a dump. */
const longestRaw = 64 * 1024
/** Deeper bodies are not kept: a recursive walk over them could overflow the stack. */
const deepestScrub = 32

/** Compared in lower case and without `-` and `_`. */
const secretKey =
  /^(?:env(?:ironment)?(?:vars|variables)?|pwd|auth|jwt|cookies?|setcookie)$|apikey|token|authorization|passw(?:or)?d|passphrase|secret|credential|privatekey|accesskey|presharedkey|jupyter|startscript|signature/

const isSecretKey = (key: string): boolean => secretKey.test(key.toLowerCase().replace(/[-_]/g, ""))

/** Lists in which a validator repeats what it was sent. */
const isIssueList = (key: string): boolean => key === "errors" || key === "detail"

/** User info and query of any URL in a text: either can hold a key. */
const urls = /\b([a-z][a-z0-9+.-]*:\/\/)(?:[^\s/?#"'@]*@)?([^\s?#"'<>]*)(?:[?#][^\s"'<>]*)?/gi

/** Every redacted text in a value that is sent. */
export const secretsIn = (value: unknown): ReadonlyArray<string> => {
  const found: Array<string> = []
  const visit = (one: unknown, depth: number): void => {
    if (Redacted.isRedacted(one)) {
      const secret = Redacted.value(one)
      if (typeof secret === "string") found.push(secret)
    } else if (depth < deepestScrub && typeof one === "object" && one !== null) {
      for (const part of Object.values(one)) visit(part, depth + 1)
    }
  }
  visit(value, 0)
  return found
}

export interface Scrub {
  readonly text: (text: string) => string
  /** A body without credentials; null when it is too large or too deep to be worth keeping. */
  readonly json: (body: Schema.Json, bytes: number) => Schema.Json
}

/** Cleans answers to a request that carried these secrets. */
export const makeScrub = (secrets: ReadonlyArray<string>): Scrub => {
  const hideSecrets = ForeignText.hiding(secrets)
  const hide = (text: string): string => hideSecrets(text).replace(urls, "$1$2")

  const walk = (body: Schema.Json, depth: number, isIssue: boolean): Schema.Json => {
    if (depth > deepestScrub) throw new RangeError()
    if (typeof body === "string") return hide(body)
    if (Array.isArray(body)) return body.map((one: Schema.Json) => walk(one, depth + 1, isIssue))
    if (typeof body !== "object" || body === null) return body
    return Object.fromEntries(
      Object.entries(body).flatMap(([key, value]) =>
        isSecretKey(key) || (isIssue && (key === "value" || key === "input"))
          ? []
          : [[hide(key), walk(value, depth + 1, isIssueList(key) && Array.isArray(value))]]
      )
    )
  }

  return {
    // hidden before anything is cut or removed, or a part of a secret would pass; and again, since an escape may have split one
    text: (text) => ForeignText.line(hide(text.slice(0, longestRaw)), { secrets }),
    json: (body, bytes) => {
      if (bytes > longestRaw) return null
      try {
        return walk(body, 0, false)
      } catch {
        return null
      }
    }
  }
}
