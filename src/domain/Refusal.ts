/**
 * What a failed create says about the machine: only a refusal means that there is none.
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
 * Whether a create or a submit that failed like this has certainly made nothing; whatever else it says must be looked into.
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

/**
 * What a request that must not be repeated failed with, as far as it can be believed: only a refusal says that nothing was
 * made; everything else is `Uncertain`.
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
