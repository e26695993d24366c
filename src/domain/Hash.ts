/**
 * A small hash of a text, for names and for telling values apart; it keeps no secret.
 *
 * @since 0.1.0
 */

/**
 * Two 32-bit numbers mixed over the text and the salt, after the public-domain cyrb53: equal for equal texts, well spread.
 *
 * **Gotchas**
 *
 * Not cryptographic: a text can be made for any value.
 *
 * **Example** (The same twice)
 *
 * ```ts
 * import * as Hash from "effect-atlas/domain/Hash"
 *
 * const [high, low] = Hash.mix("team1/session-7")
 * ```
 *
 * @category hashing
 * @since 0.1.0
 */
export const mix = (text: string, salt = 0): readonly [high: number, low: number] => {
  let [high, low] = [0xdeadbeef ^ salt, 0x41c6ce57 ^ salt]
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    high = Math.imul(high ^ code, 2654435761)
    low = Math.imul(low ^ code, 1597334677)
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)
  return [high >>> 0, low >>> 0]
}
