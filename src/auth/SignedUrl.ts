/**
 * Signed URLs: links that work until a given second and stop working when they are changed.
 *
 * For clients that cannot send a header, such as a video tag, a WebSocket of a browser or a link in a mail. The signature
 * covers the path and every query parameter, and on request the host; not the scheme, the method or the fragment.
 * Use one secret per compute. Runs in a browser too, by Web Crypto.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { type AtlasError, invalid, type Issue } from "../domain/AtlasError.ts"
import { constantTimeEquals, hmacSha256, randomSecret, reveal } from "./internal/webCrypto.ts"

/**
 * A freshly minted signing secret and the environment that hands it to a compute.
 *
 * @category models
 * @since 0.1.0
 */
export interface MintedSecret {
  /** 43 characters of base64url: 32 random bytes. */
  readonly secret: Redacted.Redacted
  /** What the compute needs in its environment to verify URLs. */
  readonly env: Readonly<Record<"ATLAS_SIGNING_SECRET", Redacted.Redacted>>
}

/**
 * What verifying a URL says: `ok`, or the first of `malformed`, `expired` and `bad_signature` that applies.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome = "ok" | "malformed" | "expired" | "bad_signature"

/**
 * What both sides of a signed URL must agree on.
 *
 * @category models
 * @since 0.1.0
 */
export interface VerifyOptions {
  /** The shared secret; not empty. */
  readonly secret: string | Redacted.Redacted
  /** The time to check against, in Unix seconds; the Clock's by default. */
  readonly now?: number | undefined
  /** Whether host and port are covered too; false by default. Needs a full URL. */
  readonly host?: boolean | undefined
}

/**
 * How to sign a URL.
 *
 * @category models
 * @since 0.1.0
 */
export interface SignOptions extends VerifyOptions {
  /**
   * How long the URL works, in whole seconds: a plain number means **seconds** here, anything else is read as an
   * Effect duration such as `"10 minutes"`. 3600 seconds by default.
   */
  readonly expiresIn?: Duration.Input | undefined
}

/**
 * Mints a secret for signing: 32 bytes from the system's cryptographic random source.
 *
 * **Example** (A secret for one compute)
 *
 * ```ts
 * import { SignedUrl } from "effect-atlas"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const { env, secret } = yield* SignedUrl.mintSecret
 *   return { env, url: yield* SignedUrl.sign("https://pod.example.com/stream/42", { secret }) }
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const mintSecret: Effect.Effect<MintedSecret> = Effect.map(
  randomSecret,
  (secret) => ({ secret, env: { ATLAS_SIGNING_SECRET: secret } })
)

// The text that a signature covers. Both sides must arrive at the same text, byte for byte, whatever software the URL went
// through. So nothing here uses the URL class or URLSearchParams: they rewrite paths, and encode `~` and `*` differently
// from other languages.

/** One query parameter: as it is written in the URL, and its decoded name and value. */
interface Parameter {
  readonly written: string
  readonly name: string
  readonly value: string
}

/** A URL taken apart; joined again it is the text it was. */
interface UrlParts {
  /** `scheme://authority` as written; empty when only a path was given. */
  readonly origin: string
  /** As written, never decoded. */
  readonly path: string
  readonly parameters: ReadonlyArray<Parameter>
  /** With its `#`; empty when there is none. */
  readonly fragment: string
}

// a browser reads a backslash as a slash, so an authority must not hide one
const urlShape = /^([A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#\\]+)?([^?#]*)(?:\?([^#]*))?(#.*)?$/s

/** Control characters and halves of surrogate pairs: no URL holds them, and UTF-8 has no bytes for the latter. */
const impossible = /[\p{Cc}\p{Cs}]/u

const brokenEscape = /%(?![0-9A-Fa-f]{2})/

const decodeText = (text: string): string | undefined => {
  if (!/[+%]/.test(text)) return text
  try {
    return decodeURIComponent(text.replaceAll("+", " "))
  } catch {
    return undefined
  }
}

const parseParameter = (written: string): Parameter | undefined => {
  const equals = written.indexOf("=")
  const name = decodeText(equals === -1 ? written : written.slice(0, equals))
  const value = decodeText(equals === -1 ? "" : written.slice(equals + 1))
  return name === undefined || value === undefined ? undefined : { written, name, value }
}

/** Takes apart a full URL, or a path with its query; undefined when the text is neither. */
const parseUrl = (text: string): UrlParts | undefined => {
  const match = impossible.test(text) ? null : urlShape.exec(text)
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
const hostOf = ({ origin }: UrlParts): string | undefined => {
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

const asItIs = /^[A-Za-z0-9\-._~]*$/

const formEncode = (text: string): string => {
  if (asItIs.test(text)) return text
  let encoded = ""
  for (const byte of utf8.encode(text)) encoded += formEncoded[byte]
  return encoded
}

/** Compares two texts by their UTF-8 bytes, which for ASCII are their characters. */
const compareBytes = (left: string, right: string): number => {
  if (left === right) return 0
  if (asItIs.test(left) && asItIs.test(right)) return left < right ? -1 : 1
  const [one, other] = [utf8.encode(left), utf8.encode(right)]
  const at = one.findIndex((byte, index) => byte !== other[index])
  return at === -1 ? one.length - other.length : (one[at] ?? 0) - (other[at] ?? -1)
}

/**
 * `<path>?<query>`: every given parameter, sorted by the UTF-8 bytes of its name, repeated names in their own order.
 *
 * A host goes before the path. It never begins with a slash and a path always does, so a text with a host cannot be
 * mistaken for one without.
 */
const canonical = (
  path: string,
  parameters: ReadonlyArray<Pick<Parameter, "name" | "value">>,
  host: string
): string => {
  const query = parameters
    .toSorted((left, right) => compareBytes(left.name, right.name))
    .map(({ name, value }) => `${formEncode(name)}=${formEncode(value)}`)
    .join("&")
  return `${host}${path === "" ? "/" : path}?${query}`
}

const defaultExpiresIn = 3600

const emptySecret: Issue = { path: "secret", message: "must not be empty" }
const notSeconds: Issue = { path: "now", message: "must be a number of Unix seconds" }
const notWholeSeconds: Issue = { path: "expiresIn", message: "must be a whole number of seconds, 1 or more" }
const notUrl: Issue = {
  path: "url",
  message: "must be a full URL or a path that starts with '/', without broken percent-encoding"
}
const noHost: Issue = { path: "url", message: "must be a full URL with a valid host when the host is signed" }

/** The current second. A fraction is dropped, so a URL works to the end of its last second. */
const unixSeconds = (now: number | undefined): Effect.Effect<number> =>
  now === undefined
    ? Effect.map(Clock.currentTimeMillis, (millis) => Math.floor(millis / 1000))
    : Effect.succeed(Math.floor(now))

/** What holds the secret as long as it is in use: where it is plain text, the options that name it. */
const holderOf = (options: VerifyOptions): object => Redacted.isRedacted(options.secret) ? options.secret : options

const secondsOf = (expiresIn: Duration.Input): number =>
  typeof expiresIn === "number"
    ? expiresIn
    : Option.match(Duration.fromInput(expiresIn), { onNone: () => Number.NaN, onSome: Duration.toSeconds })

/** The host to cover: empty when the host is not signed, undefined when it should be and the URL has none. */
const coveredHost = (url: UrlParts, host: boolean | undefined): string | undefined => host === true ? hostOf(url) : ""

/**
 * Signs a full URL, or a path with its query: adds the parameters `exp` (Unix seconds) and `sig`.
 *
 * **Details**
 *
 * An `exp` or `sig` that the URL already has is replaced; everything else stays as written, fragment included. Fails as
 * `Validation` when the URL cannot be parsed, the secret is empty, or `expiresIn` is not a positive whole number
 * of seconds.
 *
 * **Gotchas**
 *
 * The path is signed as written. Encode it first: a browser sends `/a b` as `/a%20b`, which has another signature.
 *
 * **Example** (A link for ten minutes)
 *
 * ```ts
 * import { SignedUrl } from "effect-atlas"
 * import type * as Redacted from "effect/Redacted"
 *
 * const link = (secret: Redacted.Redacted) =>
 *   SignedUrl.sign("https://pod.example.com/stream/42?user=42", { secret, expiresIn: "10 minutes" })
 * ```
 *
 * @category signing
 * @since 0.1.0
 */
export const sign: (url: string, options: SignOptions) => Effect.Effect<string, AtlasError> = /* @__PURE__ */ Effect
  .fnUntraced(
    function*(url, options) {
      const secret = reveal(options.secret)
      const now = yield* unixSeconds(options.now)
      const expiresIn = secondsOf(options.expiresIn ?? defaultExpiresIn)
      const exp = now + expiresIn
      const parts = parseUrl(url)
      const host = parts && coveredHost(parts, options.host)
      const issues: Array<Issue> = []
      if (parts === undefined) issues.push(notUrl)
      else if (host === undefined) issues.push(noHost)
      if (secret === "") issues.push(emptySecret)
      if (!Number.isFinite(now)) issues.push(notSeconds)
      if (!(Number.isInteger(expiresIn) && expiresIn > 0)) issues.push(notWholeSeconds)
      else if (Number.isFinite(now) && !Number.isSafeInteger(exp)) {
        issues.push({
          path: "expiresIn",
          message: "must be smaller: the URL would expire at a second beyond what a number can hold"
        })
      }
      if (parts === undefined || host === undefined || issues.length > 0) {
        return yield* invalid("SignedUrl.sign", issues)
      }
      const kept = parts.parameters.filter(({ name }) => name !== "exp" && name !== "sig")
      const expiry = { name: "exp", value: String(exp), written: `exp=${exp}` }
      const signature = yield* hmacSha256(holderOf(options), secret, canonical(parts.path, [...kept, expiry], host))
      const query = [...kept, expiry].map(({ written }) => written).join("&")
      return `${parts.origin}${parts.path}?${query}&sig=${signature}${parts.fragment}`
    }
  )

const wholeInteger = /^-?[0-9]+$/

/**
 * Says whether a full URL, or a path with its query, is signed with this secret and still valid.
 *
 * **Details**
 *
 * The outcome is a value: `malformed` (no URL, broken percent-encoding, `exp` or `sig` missing, empty or
 * repeated, `exp` not a whole integer), then `expired` (`exp` is before now; the second `exp` itself is still valid),
 * then `bad_signature`, else `ok`. No URL makes it fail. It fails as `Validation` only for wrong options: an empty
 * secret, or a `now` that is not a number.
 *
 * **Example** (Guarding a path)
 *
 * ```ts
 * import { SignedUrl } from "effect-atlas"
 * import * as Effect from "effect/Effect"
 * import type * as Redacted from "effect/Redacted"
 *
 * const statusOf = (pathAndQuery: string, secret: Redacted.Redacted) =>
 *   Effect.map(SignedUrl.verify(pathAndQuery, { secret }), (outcome) => outcome === "ok" ? 200 : 403)
 * ```
 *
 * @category verifying
 * @since 0.1.0
 */
export const verify: (urlOrPath: string, options: VerifyOptions) => Effect.Effect<Outcome, AtlasError> =
  /* @__PURE__ */ Effect
    .fnUntraced(function*(urlOrPath, options) {
      const secret = reveal(options.secret)
      const now = yield* unixSeconds(options.now)
      const issues: Array<Issue> = []
      if (secret === "") issues.push(emptySecret)
      if (!Number.isFinite(now)) issues.push(notSeconds)
      if (issues.length > 0) return yield* invalid("SignedUrl.verify", issues)

      const parts = parseUrl(urlOrPath)
      const host = parts && coveredHost(parts, options.host)
      if (parts === undefined || host === undefined) return "malformed"
      const valuesOf = (wanted: string) =>
        parts.parameters.filter(({ name }) => name === wanted).map(({ value }) => value)
      const [exp = "", ...moreExpiries] = valuesOf("exp")
      const [sig = "", ...moreSignatures] = valuesOf("sig")
      const isRepeated = moreExpiries.length + moreSignatures.length > 0
      if (isRepeated || sig === "" || !wholeInteger.test(exp)) return "malformed"
      if (Number(exp) < now) return "expired"
      const covered = parts.parameters.filter(({ name }) => name !== "sig")
      const expected = yield* hmacSha256(holderOf(options), secret, canonical(parts.path, covered, host))
      return constantTimeEquals(expected, sig) ? "ok" : "bad_signature"
    })
