/**
 * Names of a session and of its attempts.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Entropy from "../../domain/Entropy.ts"

/** RFC 4648 base32, lower case; the alphabet of a stamped name's attempt. */
const alphabet = "abcdefghijklmnopqrstuvwxyz234567"
const attemptLength = 12
/** 100 bits: no two sessions ever share one. */
const sessionLength = 20

/**
 * The id of one orchestrated compute through all its attempts: 1 to 64 of `A-Z a-z 0-9 _ -`.
 *
 * @category ids
 * @since 0.1.0
 */
export const SessionId = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9_-]{1,64}$/, { expected: "a session id: 1 to 64 letters, digits, '_' or '-'" })
).pipe(Schema.brand("SessionId"))

/**
 * @category ids
 * @since 0.1.0
 */
export type SessionId = typeof SessionId.Type

/**
 * The id of one rent within a session, the last part of its stamped name: 12 base32 characters.
 *
 * @category ids
 * @since 0.1.0
 */
export const AttemptId = Schema.String.check(
  Schema.isPattern(/^[a-z2-7]{12}$/, { expected: "an attempt: 12 base32 characters" })
).pipe(Schema.brand("AttemptId"))

/**
 * @category ids
 * @since 0.1.0
 */
export type AttemptId = typeof AttemptId.Type

/**
 * A new session id from the system's random source.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeSessionId: Effect.Effect<SessionId> = Effect.map(
  Entropy.bytes(sessionLength),
  (bytes) => SessionId.make(Array.from(bytes, (byte) => alphabet[byte & 31]).join(""))
)

/** Two 32-bit lanes mixed over the text, after the public-domain cyrb53: spreads well, is no secret. */
const mix = (text: string): readonly [number, number] => {
  let high = 0xdeadbeef
  let low = 0x41c6ce57
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    high = Math.imul(high ^ code, 2654435761)
    low = Math.imul(low ^ code, 1597334677)
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)
  return [high >>> 0, low >>> 0]
}

const digits = (word: number): string => {
  let text = ""
  for (let digit = 0; digit < attemptLength / 2; digit++) text += alphabet[(word >>> (digit * 5)) & 31]
  return text
}

/**
 * The id of a session's nth attempt, the same whenever it is asked for: a hash of owner, session, birth and number.
 *
 * **Details**
 *
 * `decide` has no randomness, so ids are derived. The session's own id is random and its birth is part of the hash: an id
 * that is used again does not bring old names back.
 *
 * @category constructors
 * @since 0.1.0
 */
export const attemptId = (
  session: { readonly owner: string; readonly id: string; readonly createdAt: number },
  number: number
): AttemptId => {
  const [high, low] = mix(`${session.owner}/${session.id}/${session.createdAt}/${number}`)
  return AttemptId.make(digits(high) + digits(low))
}

/**
 * A share of 0 to 1 that depends on the text alone, for spreading back-off without randomness.
 *
 * @category constructors
 * @since 0.1.0
 */
export const spread = (text: string): number => mix(text)[0] / 0x1_0000_0000
