/**
 * Money, always in US dollars.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * An amount of US dollars: finite and not negative.
 *
 * **Example** (A price per hour)
 *
 * ```ts
 * import { Money } from "effect-atlas"
 *
 * const perHour = Money.Usd.make(1.99)
 * ```
 *
 * @category money
 * @since 0.1.0
 */
export const Usd = Schema.Finite.check(
  Schema.isGreaterThanOrEqualTo(0, { expected: "an amount of US dollars, 0 or more" })
).pipe(Schema.brand("Usd"))

/**
 * @category money
 * @since 0.1.0
 */
export type Usd = typeof Usd.Type
