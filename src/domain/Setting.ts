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
import { type AtlasError, invalid } from "./AtlasError.ts"

const unusable = (name: string, why: string) =>
  new Config.ConfigError(new ConfigProvider.SourceError({ message: `${name} ${why}` }))

/**
 * Reads a setting from the current `ConfigProvider`, as `Config.String` does; null when it is missing or empty.
 *
 * **Details**
 *
 * One that cannot be read, or is no text, fails and is named: it never counts as not set.
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
    Effect.matchEffect(provider.load([name]), {
      onFailure: ({ message }) => Effect.fail(unusable(name, `cannot be read: ${message}`)),
      onSuccess: (node) =>
        node?._tag === "Array" && node.value === undefined
          ? Effect.fail(unusable(name, "is a list, not a text"))
          : Effect.succeed(node?.value || null)
    }))

/**
 * Refuses a setting that cannot be read, in a call whose failures are of `AtlasError`.
 *
 * @category configuration
 * @since 0.1.0
 */
export const refused = (operation: string) => ({ message }: Config.ConfigError): AtlasError =>
  invalid(operation, [{ path: "environment", message }])

/**
 * Options of which each field may be given as it is, or as a `Config` that reads it; or one `Config` of all of them. Whatever
 * `Config.Wrap` allows for options without options inside is one of these.
 *
 * @category models
 * @since 0.1.0
 */
export type Wrap<A> = Config.Config<A> | { readonly [K in keyof A]: A[K] | Config.Config<A[K]> }

/** A field's default: read only where the field is left out. */
type Defaults<A> = { readonly [K in keyof A]?: Effect.Effect<A[K], Config.ConfigError> }

/**
 * Reads options that are given as {@link Wrap}; a field that is left out has its default read instead, such as a variable.
 *
 * **Example** (An address that a variable names, unless the caller reads another one)
 *
 * ```ts
 * import * as Setting from "effect-atlas/domain/Setting"
 *
 * const options = (given: Setting.Wrap<{ readonly baseUrl?: string | null }>) =>
 *   Setting.unwrap(given, () => ({ baseUrl: Setting.read("ACME_BASE_URL") }))
 * ```
 *
 * @category configuration
 * @since 0.1.0
 */
export const unwrap = <A extends object>(
  wrapped: Wrap<A>,
  defaults: (given: Partial<A>) => Defaults<A> = () => ({})
): Effect.Effect<A, Config.ConfigError> =>
  Effect.gen(function*() {
    const read: Record<string, unknown> = {}
    for (const [name, value] of Object.entries(Config.isConfig(wrapped) ? yield* wrapped : wrapped)) {
      read[name] = Config.isConfig(value) ? yield* value : value
    }
    // the boundary to fields that are known by name alone: each is read as the types of `wrapped` and `defaults` say
    const given = read as Partial<A>
    for (
      const [name, config] of Object.entries<Effect.Effect<unknown, Config.ConfigError> | undefined>(defaults(given))
    ) {
      if (read[name] === undefined && config !== undefined) read[name] = yield* config
    }
    // as above, now with every default
    return read as A
  })
