/**
 * The id of an account, by which everything else names it: that of its cloud, unless a program uses two accounts of one.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { AtlasError } from "../domain/AtlasError.ts"
import { decoder } from "../domain/Decode.ts"
import { ProviderId } from "../domain/Ids.ts"

const decodeId = decoder(ProviderId, "id")

/**
 * Checks the id of a provider; fails as `Validation` naming `id`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (id: string): Effect.Effect<ProviderId, AtlasError> => decodeId(id, "provider")

/**
 * The environment variable that holds a setting of an account: no two accounts read the same one, unless their ids differ in `-`
 * and `_` alone.
 *
 * **Example** (Where the key of an account is)
 *
 * ```ts
 * import * as AccountId from "effect-atlas/provider/AccountId"
 *
 * const name = AccountId.variable("acme-eu", "API_KEY") // "ACME_EU_API_KEY"
 * ```
 *
 * @category configuration
 * @since 0.1.0
 */
export const variable = (id: string, setting: string): string => `${id.toUpperCase().replaceAll("-", "_")}_${setting}`
