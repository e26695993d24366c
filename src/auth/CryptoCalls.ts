/**
 * Calls of Web Crypto, which works in another thread; the clock of a test stands still until they are answered.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"

let waiting = 0
const answered = () => void (waiting -= 1)

/**
 * Whether an answer of Web Crypto is still to come.
 *
 * @category reading
 * @since 0.1.0
 */
export const isWaiting = (): boolean => waiting > 0

/**
 * A call of Web Crypto; one that fails is a defect.
 *
 * @category running
 * @since 0.1.0
 */
export const ask = <A>(call: () => Promise<A>): Effect.Effect<A> =>
  Effect.promise(() => {
    const answer = call()
    waiting += 1
    answer.then(answered, answered)
    return answer
  })
