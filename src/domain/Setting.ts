/**
 * One setting of the environment, as text.
 *
 * `Config` reads whole trees and decodes them by schemas; a provider wants a key and an address, and every program that
 * is bundled would carry the rest.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"

/**
 * Reads a setting from the current `ConfigProvider`, as `Config.String` does; null when it is missing or empty.
 *
 * **Example** (Where a cloud is reached)
 *
 * ```ts
 * import * as Setting from "effect-atlas/domain/Setting"
 *
 * const baseUrl = Setting.read("ACME_BASE_URL")
 * ```
 *
 * @category configuration
 * @since 0.1.0
 */
export const read = (name: string): Effect.Effect<string | null, Config.ConfigError> =>
  Effect.flatMap(ConfigProvider.ConfigProvider, (provider) =>
    provider.load([name]).pipe(
      Effect.mapBoth({
        onSuccess: (node) => node?.value || null,
        onFailure: (error) => new Config.ConfigError(error)
      })
    ))

/**
 * Reads a setting whose source may also be out of reach, as that of an optional default: null then, too.
 *
 * **Example** (Where files are kept)
 *
 * ```ts
 * import * as Setting from "effect-atlas/domain/Setting"
 *
 * const directory = Setting.readOptional("ACME_DIR")
 * ```
 *
 * @category configuration
 * @since 0.1.0
 */
export const readOptional = (name: string): Effect.Effect<string | null> => Effect.orElseSucceed(read(name), () => null)
