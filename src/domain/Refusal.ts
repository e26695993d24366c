/**
 * Which failures of a create prove that no machine was made, and which of those another GPU or provider may avoid.
 *
 * @since 0.1.0
 */
import { type AtlasErrorReason, Uncertain } from "./AtlasError.ts"

const definite: ReadonlySet<AtlasErrorReason["_tag"]> = new Set<AtlasErrorReason["_tag"]>([
  "Unauthorized",
  "Forbidden",
  "NotFound",
  "RateLimited",
  "Unsupported",
  "Validation",
  "NoCapacity",
  "BudgetExceeded",
  "StorageFault"
])

/**
 * Whether a create or a submit that failed like this has certainly made nothing; after any other failure the caller must look.
 *
 * **Details**
 *
 * Refusals are certain, of a `ProviderFault` only those with a 4xx status (but not 408), of a `Transport` only one that says
 * `neverSent`.
 *
 * @category reasons
 * @since 0.1.0
 */
export const isRefusal = (reason: AtlasErrorReason): boolean => {
  switch (reason._tag) {
    case "ProviderFault":
      return reason.status !== null && reason.status >= 400 && reason.status < 500 && reason.status !== 408
    case "Transport":
      return reason.neverSent
    default:
      return definite.has(reason._tag)
  }
}

const sameAnywhere: ReadonlySet<AtlasErrorReason["_tag"]> = new Set<AtlasErrorReason["_tag"]>([
  "Unauthorized",
  "Validation",
  "BudgetExceeded"
])

/**
 * Whether a refusal with this reason would be the same for every candidate (each GPU at each provider), so that there is no
 * use in asking the next one: a bad key, a bad request, a budget that is spent.
 *
 * @category reasons
 * @since 0.1.0
 */
export const isSameAnywhere = (tag: AtlasErrorReason["_tag"]): boolean => sameAnywhere.has(tag)

/**
 * Whether the next candidate may be asked after a create that failed like this: it has certainly made nothing, and another
 * one may answer differently.
 *
 * **Example** (The first GPU that can be had)
 *
 * ```ts
 * import { Atlas, Refusal } from "effect-atlas"
 * import * as Effect from "effect/Effect"
 *
 * const compute = Atlas.spawnCompute({ gpu: "h100" }).pipe(
 *   Effect.catchIf(
 *     ({ reason }) => Refusal.mayTryNext(reason),
 *     () => Atlas.spawnCompute({ gpu: "a100_80g" })
 *   )
 * )
 * ```
 *
 * @category reasons
 * @since 0.1.0
 */
export const mayTryNext = (reason: AtlasErrorReason): boolean => isRefusal(reason) && !isSameAnywhere(reason._tag)

/**
 * The failure of a request that must not be repeated: a refusal, which says that nothing was made, stays as it is; everything
 * else becomes `Uncertain`.
 *
 * @category reasons
 * @since 0.1.0
 */
export const asUnrepeatable = (reason: AtlasErrorReason): AtlasErrorReason =>
  isRefusal(reason) || reason._tag === "Uncertain"
    ? reason
    : new Uncertain({
      message: reason.message,
      status: typeof reason.status === "number" ? reason.status : null,
      raw: reason.raw
    })
