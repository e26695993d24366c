/**
 * Where a provider's API key comes from: the call, the provider's layer, or the environment, in this order.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { type AtlasError, Unauthorized } from "../domain/AtlasError.ts"
import type { Call } from "./Call.ts"
import { read, refused } from "./Setting.ts"

/**
 * How a provider finds its key.
 *
 * @category models
 * @since 0.1.0
 */
export interface ApiKey {
  /** The key for one call; fails as `Unauthorized`, naming the three places to put one, before any request. */
  readonly forCall: (call: Call) => Effect.Effect<Redacted.Redacted, Unauthorized>
  /** Names of the settings that are missing: the environment variable, or nothing. */
  readonly missing: ReadonlyArray<string>
}

const given = (key: Redacted.Redacted | string | null | undefined): Redacted.Redacted | null => {
  if (key === undefined || key === null) return null
  const text = Redacted.isRedacted(key) ? Redacted.value(key) : key
  return text === "" ? null : Redacted.make(text)
}

/**
 * Reads the environment once, where the layer has no key, and finds the key of every call; an empty key counts as not set at
 * every step. A variable that cannot be read fails as `Validation`.
 *
 * **Details**
 *
 * `variable` is the environment variable, `layer` the key given to the provider's layer.
 *
 * **Example** (In an adapter)
 *
 * ```ts
 * import { ApiKey } from "effect-atlas"
 * import * as Effect from "effect/Effect"
 *
 * const keys = ApiKey.make({ variable: "ACME_API_KEY", layer: null })
 * const missing = Effect.map(keys, (key) => key.missing)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly variable: string
  readonly layer?: Redacted.Redacted | string | null | undefined
}): Effect.Effect<ApiKey, AtlasError> =>
  Effect.gen(function*() {
    const ownKey = given(options.layer)
      ?? given(yield* Effect.mapError(read(options.variable), refused("apiKey")))
    const message = "no API key: give `apiKey` with the call, or to the provider's layer, or set "
      + `the environment variable ${options.variable}`
    return {
      forCall: (call) => {
        const key = given(call.apiKey) ?? ownKey
        return key === null ? Effect.fail(new Unauthorized({ message })) : Effect.succeed(key)
      },
      missing: ownKey === null ? [options.variable] : []
    }
  })
