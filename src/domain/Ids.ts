/**
 * Branded ids: of a provider and of a compute.
 *
 * An id from outside is checked here once; after that it can stand in a path or a URL.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The name of a provider, such as `acme` or `local`: a lower-case letter, then up to 31 of `a-z 0-9 _ -`.
 *
 * **Details**
 *
 * Two accounts of one cloud are two providers, each with an id of its own, such as `acme-eu` and `acme-us`.
 *
 * **Example** (Naming a provider)
 *
 * ```ts
 * import { Ids } from "effect-atlas"
 *
 * const acme = Ids.ProviderId.make("acme")
 * ```
 *
 * @category ids
 * @since 0.1.0
 */
export const ProviderId = Schema.String.check(
  Schema.isPattern(/^[a-z][a-z0-9_-]{0,31}$/, {
    expected: "a provider id: a lower-case letter, then up to 31 of a-z, 0-9, _ and -"
  })
).pipe(Schema.brand("ProviderId"))

/**
 * @category ids
 * @since 0.1.0
 */
export type ProviderId = typeof ProviderId.Type

/**
 * The id a provider gave a compute: 1 to 128 of `A-Z a-z 0-9 . _ -`, starting with a letter or digit, without `..`.
 *
 * **Details**
 *
 * Anything else is refused before a path or a URL is built from it.
 *
 * **Example** (Checking an id)
 *
 * ```ts
 * import { Ids } from "effect-atlas"
 * import * as Schema from "effect/Schema"
 *
 * const isId = Schema.is(Ids.ComputeId)
 * isId("pod-1") // true
 * isId("../etc") // false
 * ```
 *
 * @category ids
 * @since 0.1.0
 */
export const ComputeId = Schema.String.check(
  Schema.isPattern(/^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, {
    expected: "an id: 1 to 128 letters, digits, '.', '_' or '-', starting with a letter or digit, without '..'"
  })
).pipe(Schema.brand("ComputeId"))

/**
 * @category ids
 * @since 0.1.0
 */
export type ComputeId = typeof ComputeId.Type
