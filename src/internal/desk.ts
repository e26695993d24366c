/**
 * How every verb finds its provider.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { CallOptions } from "../provider/Call.ts"
import type { Service } from "../provider/Provider.ts"
import { Providers, type Which } from "../provider/Providers.ts"

/**
 * Options of a call: the provider to use, and those of {@link CallOptions}, which stand above the provider's own.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends CallOptions {
  /** Default: the default of `Providers`. */
  readonly provider?: Which | undefined
}

/**
 * Finds the provider of a call, and asks it with the options that are left.
 *
 * @category asking
 * @since 0.1.0
 */
export const at = <A, E, R>(
  operation: string,
  options: Options | undefined,
  ask: (provider: Service, call: CallOptions | undefined) => Effect.Effect<A, E, R>
): Effect.Effect<A, AtlasError | E, Providers | R> =>
  Effect.flatMap(Providers, (providers) => {
    if (options === undefined) {
      return Effect.flatMap(providers.get(undefined, operation), (found) => ask(found, undefined))
    }
    const { provider, ...call } = options
    return Effect.flatMap(providers.get(provider, operation), (found) => ask(found, call))
  })
