/**
 * Refusals for want of machines, told by their words: clouds use many statuses for one, and one status for many refusals.
 *
 * @since 0.1.0
 */

/**
 * A phrase that a cloud uses when it has no machine left, in any case of letters and with any blanks between, and where that was seen.
 *
 * @category models
 * @since 0.1.0
 */
export interface CapacityWords {
  readonly words: string
  /** A public report, a document or a recorded answer; the status it came with. */
  readonly source: string
}

/** What these say does not depend on the words of a message: the key, the balance, the right, the address, the pace. */
const othersMeanings: ReadonlySet<number> = new Set([401, 402, 403, 404, 429])

/**
 * Whether a refusal with this status and message says that there is no machine left; `table` is the cloud's own.
 *
 * **When to use**
 *
 * In the `classify` of an adapter's calls that create or start a machine. Of a create that a server answered with 5xx the edge
 * looks first whether it was done all the same.
 *
 * **Example** (The table of a cloud of one's own)
 *
 * ```ts
 * import * as CapacityWords from "effect-atlas/provider/CapacityWords"
 *
 * const saysSoldOut = CapacityWords.reader([
 *   { words: "no host can take it", source: "the reference of acme's API, 503" }
 * ])
 *
 * saysSoldOut({ status: 503, message: "Sorry, no host can take it now" }) // true
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const reader = (
  table: ReadonlyArray<CapacityWords>
): (refusal: { readonly status: number; readonly message: string }) => boolean => {
  const phrases = table.map(({ words }) => words.toLowerCase())
  return ({ message, status }) => {
    if (status < 400 || othersMeanings.has(status)) return false
    const said = message.toLowerCase().replace(/\s+/g, " ")
    return phrases.some((phrase) => said.includes(phrase))
  }
}
