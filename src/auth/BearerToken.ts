/**
 * Bearer tokens: a random key that a compute gets in its environment and its callers send in a header.
 *
 * The token is returned once. Store the hash: it is enough to check a token and cannot be turned back into one.
 * Uses Web Crypto only, so it also runs in a browser.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { constantTimeEquals, randomSecret, reveal, sha256Hex } from "./internal/webCrypto.ts"

/**
 * A newly minted token and its other forms.
 *
 * @category models
 * @since 0.1.0
 */
export interface Minted {
  /** 43 characters of base64url: 32 random bytes. */
  readonly token: Redacted.Redacted
  /** SHA-256 of the token's text as 64 lower-case hex digits; safe to store. */
  readonly hash: string
  /** `Bearer <token>`, the value of an Authorization header. */
  readonly header: Redacted.Redacted
  /** What the compute needs in its environment to check the token itself. */
  readonly env: Readonly<Record<"ATLAS_PRESHARED_KEY", Redacted.Redacted>>
}

/**
 * The SHA-256 of a token's text, as 64 lower-case hex digits.
 *
 * **Example** (Hashing a token)
 *
 * ```ts
 * import { BearerToken } from "effect-atlas"
 *
 * const hash = BearerToken.hash("abc") // ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
 * ```
 *
 * @category hashing
 * @since 0.1.0
 */
export const hash = (token: string | Redacted.Redacted): Effect.Effect<string> =>
  Effect.suspend(() => sha256Hex(reveal(token)))

/**
 * Mints a token of 32 bytes from the system's cryptographic random source.
 *
 * **Gotchas**
 *
 * This module keeps no copy: a token that the caller does not store is lost.
 *
 * **Example** (Minting, keeping the hash)
 *
 * ```ts
 * import { BearerToken } from "effect-atlas"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const { env, hash } = yield* BearerToken.mint
 *   return { env, stored: hash }
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const mint: Effect.Effect<Minted> = Effect.gen(function*() {
  const token = yield* randomSecret
  return {
    token,
    hash: yield* hash(token),
    header: Redacted.make(`Bearer ${Redacted.value(token)}`),
    env: { ATLAS_PRESHARED_KEY: token }
  }
})

/**
 * Whether a candidate is the token behind a hash; compares in constant time and never fails.
 *
 * **Details**
 *
 * `candidate` is the bare token, without `Bearer `. An empty candidate, one of another length and a hash that is not
 * 64 lower-case hex digits are false.
 *
 * **Example** (Checking a request)
 *
 * ```ts
 * import { BearerToken } from "effect-atlas"
 *
 * const isAllowed = (authorization: string, storedHash: string) =>
 *   BearerToken.verify(authorization.replace(/^Bearer /, ""), storedHash)
 * ```
 *
 * @category verifying
 * @since 0.1.0
 */
export const verify = (candidate: string | Redacted.Redacted, hash: string): Effect.Effect<boolean> =>
  Effect.suspend(() => {
    const text = reveal(candidate)
    if (text === "") return Effect.succeed(false)
    return Effect.map(sha256Hex(text), (actual) => constantTimeEquals(hash, actual))
    // a wiped secret, a value that is not a text, a page without Web Crypto: a token that cannot be checked is refused
  }).pipe(Effect.catchDefect(() => Effect.succeed(false)))
