/**
 * Where random bytes come from: the system's cryptographic generator, unless the program provides another source.
 *
 * Tokens, signing secrets and the random part of names all draw from here, so a test or a simulation that swaps the
 * source once can repeat a whole run.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"

/**
 * Something that gives random bytes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Source {
  /** A new array of `length` random bytes, 0 to 65,536. */
  readonly bytes: (length: number) => Effect.Effect<Uint8Array>
}

const fresh = (length: number): Uint8Array => globalThis.crypto.getRandomValues(new Uint8Array(length))

/** The longest draw that is cut from a store, those of names: each question to the system costs as much as a hundred bytes. */
const longestCut = 16
const stored = 512
let store = new Uint8Array(0)
let used = 0

const cut = (length: number): Uint8Array => {
  if (used + length > store.length) {
    store = Uint8Array.from(fresh(stored))
    used = 0
  }
  const drawn = store.slice(used, used + length)
  // given out once, and not kept
  store.fill(0, used, used + length)
  used += length
  return drawn
}

/**
 * The system's cryptographic generator, as Web Crypto gives it in Node and in every browser.
 *
 * @category sources
 * @since 0.1.0
 */
export const system: Source = {
  bytes: (length) => Effect.sync(() => length > longestCut ? fresh(length) : cut(length))
}

/**
 * A predictable source: it draws from Effect's `Random`, so `Random.withSeed` repeats it.
 *
 * **Gotchas**
 *
 * For tests and simulations only. A token made from it is no secret.
 *
 * @category sources
 * @since 0.1.0
 */
export const predictable: Source = {
  bytes: (length) =>
    Effect.map(
      Effect.forEach(Array.from({ length }), () => Random.nextIntBetween(0, 256)),
      (values) => Uint8Array.from(values)
    )
}

/**
 * The source in use; `system` unless another one is provided.
 *
 * @category services
 * @since 0.1.0
 */
export const Entropy = Context.Reference<Source>("effect-atlas/domain/Entropy", { defaultValue: () => system })

/**
 * Makes every draw predictable: for tests and simulations, together with `Random.withSeed`.
 *
 * **Example** (The same token twice)
 *
 * ```ts
 * import { BearerToken, Entropy } from "effect-atlas"
 * import * as Effect from "effect/Effect"
 * import * as Random from "effect/Random"
 *
 * const repeated = BearerToken.mint.pipe(
 *   Effect.provide(Entropy.layerPredictable),
 *   Random.withSeed("run 7")
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerPredictable: Layer.Layer<never> = /* @__PURE__ */ Layer.succeed(Entropy, predictable)

/**
 * Draws `length` random bytes (0 to 65,536) from the source in use.
 *
 * **Example** (Sixteen bytes)
 *
 * ```ts
 * import { Entropy } from "effect-atlas"
 *
 * const nonce = Entropy.bytes(16)
 * ```
 *
 * @category drawing
 * @since 0.1.0
 */
export const bytes = (length: number): Effect.Effect<Uint8Array> =>
  Effect.flatMap(Entropy, (source) => source.bytes(length))

/**
 * Draws `length` random bytes as hexadecimal digits, two a byte, in lower case.
 *
 * **Example** (The name of a temporary file)
 *
 * ```ts
 * import { Entropy } from "effect-atlas"
 * import * as Effect from "effect/Effect"
 *
 * const name = Effect.map(Entropy.hex(6), (suffix) => `.tmp-${suffix}`)
 * ```
 *
 * @category drawing
 * @since 0.1.0
 */
export const hex = (length: number): Effect.Effect<string> => Effect.map(bytes(length), Hex.encode)

/**
 * The digits of RFC 4648 base32 in lower case: safe in every cloud's names and in file names.
 *
 * @category constants
 * @since 0.1.0
 */
export const base32 = "abcdefghijklmnopqrstuvwxyz234567"

/**
 * Draws a random word of `length` base32 digits, 5 bits each.
 *
 * **Example** (An id of 100 bits)
 *
 * ```ts
 * import { Entropy } from "effect-atlas"
 *
 * const id = Entropy.word(20)
 * ```
 *
 * @category drawing
 * @since 0.1.0
 */
export const word = (length: number): Effect.Effect<string> =>
  Effect.map(bytes(length), (drawn) => {
    let text = ""
    for (const byte of drawn) text += base32.charAt(byte & 31)
    return text
  })
