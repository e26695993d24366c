/**
 * The cryptography that bearer tokens and signed URLs need: Web Crypto, so that a browser page can run it, and Node's own for signatures.
 *
 * Browsers give `crypto.subtle` to https pages and to localhost only; elsewhere these effects die.
 */
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as Redacted from "effect/Redacted"
import * as Entropy from "../../domain/Entropy.ts"
import { ask } from "../CryptoCalls.ts"
import * as Base64Url from "./base64Url.ts"

/** 256 bits: as long as the hash that is compared, and too many to guess. */
const secretBytes = 32

const utf8 = new TextEncoder()

/** A new secret of 32 random bytes as 43 characters of base64url. */
export const randomSecret: Effect.Effect<Redacted.Redacted> = Effect.map(
  Entropy.bytes(secretBytes),
  (bytes) => Redacted.make(Base64Url.encode(bytes))
)

/** The plain text of a secret that may be redacted. */
export const reveal = (secret: string | Redacted.Redacted): string =>
  Redacted.isRedacted(secret) ? Redacted.value(secret) : secret

/** SHA-256 of a text's UTF-8 bytes as 64 lower-case hex digits. */
export const sha256Hex = (text: string): Effect.Effect<string> =>
  Effect.map(
    ask(() => globalThis.crypto.subtle.digest("SHA-256", utf8.encode(text))),
    (digest) => Hex.encode(new Uint8Array(digest))
  )

const hmac = { name: "HMAC", hash: "SHA-256" }

type Key = Awaited<ReturnType<typeof globalThis.crypto.subtle.importKey>>

/** A key and the secret it was made from. */
interface Kept {
  readonly secret: string
  readonly key: Key
}

/** Keys that are kept at most; then all are forgotten, so that a flood of secrets takes no more room than this. */
const mostKeys = 1_000

/** Keys by the object that holds their secret: a key is forgotten with it. */
let keys = /* @__PURE__ */ new WeakMap<object, Kept>()
let made = 0

const importKey = async (holder: object, secret: string): Promise<Key> => {
  const key = await globalThis.crypto.subtle.importKey("raw", utf8.encode(secret), hmac, false, ["sign"])
  if (made >= mostKeys) {
    keys = new WeakMap()
    made = 0
  }
  keys.set(holder, { secret, key })
  made += 1
  return key
}

/** Where a runtime has Node's own cryptography: it answers at once, and Web Crypto from another thread. */
const node = /* @__PURE__ */ (() => globalThis.process?.getBuiltinModule?.("node:crypto"))()

/**
 * HMAC-SHA256 of a text's UTF-8 bytes as base64url without padding; an empty secret is a defect. A key of Web Crypto is kept as long
 * as the object that holds the secret.
 */
export const hmacSha256 = (holder: object, secret: string, text: string): Effect.Effect<string> =>
  node === undefined
    ? hmacOfWeb(holder, secret, text)
    : Effect.sync(() => node.createHmac("sha256", secret).update(text).digest("base64url"))

/** The same by Web Crypto alone, as in a browser. */
export const hmacOfWeb = (holder: object, secret: string, text: string): Effect.Effect<string> =>
  Effect.map(
    ask(() => {
      const known = keys.get(holder)
      const sign = (key: Key) => globalThis.crypto.subtle.sign(hmac, key, utf8.encode(text))
      return known?.secret === secret ? sign(known.key) : importKey(holder, secret).then(sign)
    }),
    (signature) => Base64Url.encode(new Uint8Array(signature))
  )

/** Whether two texts are equal, in a time that depends on the length of `expected` alone. */
export const constantTimeEquals = (expected: string, candidate: string): boolean => {
  let difference = expected.length ^ candidate.length
  for (let index = 0; index < expected.length; index++) {
    // past the end charCodeAt is NaN, which counts as 0 here: different lengths have made the answer false already
    difference |= expected.charCodeAt(index) ^ candidate.charCodeAt(index)
  }
  return difference === 0
}
