/**
 * Ids of a session and of its attempts.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Entropy from "../../domain/Entropy.ts"
import * as Hash from "../../domain/Hash.ts"

const attemptLength = 12
/** 100 bits of randomness, so that no two sessions share an id. */
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
 * The id of one attempt within a session, the last part of its stamped name: 12 base32 characters.
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
  Entropy.word(sessionLength),
  (word) => SessionId.make(word)
)

const digits = (word: number): string => {
  let text = ""
  for (let digit = 0; digit < attemptLength / 2; digit++) text += Entropy.base32[(word >>> (digit * 5)) & 31]
  return text
}

/**
 * The id of a session's nth attempt, always the same: a hash of owner, session, time of creation and number.
 *
 * **Details**
 *
 * `decide` has no randomness, so ids are derived. The time of creation is part of the hash, so a session id that is used
 * again does not lead to the same names.
 *
 * @category constructors
 * @since 0.1.0
 */
export const attemptId = (
  session: { readonly owner: string; readonly id: string; readonly createdAt: number },
  number: number
): AttemptId => {
  const [high, low] = Hash.mix(`${session.owner}/${session.id}/${session.createdAt}/${number}`)
  return AttemptId.make(digits(high) + digits(low))
}

/**
 * A number from 0 to 1 that depends on the text alone, to spread retries without randomness.
 *
 * @category constructors
 * @since 0.1.0
 */
export const spread = (text: string): number => Hash.mix(text)[0] / 0x1_0000_0000
