/**
 * What to say when a provider refuses a GPU that no catalog here knows: whether it is one of its types at all, and which may be meant.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { AtlasError, Validation } from "../domain/AtlasError.ts"
import * as GpuCatalog from "../domain/GpuCatalog.ts"
import type { CallOptions } from "../provider/Call.ts"
import type { Service } from "../provider/Provider.ts"

/**
 * A name written as the provider writes its own is sent as it is, since the provider may have more than this program knows. If it is
 * refused and the provider does not list it, the failure says so and what is near.
 */
export const orSuggest =
  (provider: Service, gpus: ReadonlyArray<string>, { baseUrl }: Pick<CallOptions, "baseUrl">) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | AtlasError, R> =>
    Effect.catchCause(self, (cause) =>
      Effect.gen(function*() {
        const [failure, ...others] = cause.reasons
        // the failure is the last candidate's
        const name = gpus.at(-1)
        const error = failure !== undefined && others.length === 0 && Cause.isFailReason(failure) ? failure.error : null
        if (name === undefined || !(error instanceof AtlasError) || error.reason._tag !== "ProviderFault") {
          return yield* Effect.failCause(cause)
        }
        const catalog = yield* GpuCatalog.inUse(provider.id, provider.gpuNames)
        if (Option.isSome(GpuCatalog.nativeId(catalog, provider.id, name))) return yield* Effect.failCause(cause)
        const listed = yield* Effect.orElseSucceed(provider.gpus.list({ baseUrl }), () => null)
        if (listed === null || listed.some(({ id }) => id === name)) return yield* Effect.failCause(cause)
        const near = GpuCatalog.suggest(catalog, name, provider.id)
        const guess = near.length === 0 ? "" : `; did you mean ${near.join(" or ")}?`
        return yield* new AtlasError({
          provider: error.provider,
          operation: error.operation,
          reason: new Validation({
            issues: [{
              path: "gpu",
              message: `${provider.id} has no ${name}${guess}; \`atlas gpus\` lists what it has`
            }]
          })
        })
      }))
