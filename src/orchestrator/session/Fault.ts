/**
 * The facts of a failure, which may be stored and published: no class, no body, no request.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as AtlasError from "../../domain/AtlasError.ts"
import * as ForeignText from "../../domain/ForeignText.ts"
import { ComputeId, ProviderId } from "../../domain/Ids.ts"
import { integerOrNull, pauseOrNull } from "./internal/bounds.ts"

/** Enough for a sentence and its detail, so that a provider's error page does not fill the row. */
const longestMessage = 500

const reasons = [
  "Unauthorized",
  "Forbidden",
  "NotFound",
  "RateLimited",
  "Timeout",
  "Unsupported",
  "Validation",
  "ProviderFault",
  "Transport",
  "Unknown",
  "NoCapacity",
  "Uncertain",
  "Ended",
  "BudgetExceeded",
  "NotTracked",
  "StorageFault"
] as const satisfies ReadonlyArray<AtlasError.AtlasErrorReason["_tag"]>

/**
 * A failure without its body: its reason, its message, the HTTP status and how long the provider asked to wait. An
 * `Uncertain` one also has the name to look for, and the machine that may have been made.
 *
 * @category models
 * @since 0.1.0
 */
export const Fault = Schema.Struct({
  reason: Schema.Literals(reasons),
  provider: Schema.NullOr(ProviderId),
  /** At most 500 characters. */
  message: Schema.String,
  status: Schema.NullOr(Schema.Int),
  /** How long the provider asked to wait, where it did. */
  retryAfter: Schema.NullOr(Schema.DurationFromMillis),
  computeName: Schema.optionalKey(Schema.String),
  computeId: Schema.optionalKey(ComputeId),
  /** Of an `Uncertain` one: the provider gave the want of machines as its reason. */
  saidNoCapacity: Schema.optionalKey(Schema.Literal(true))
})

/**
 * @category models
 * @since 0.1.0
 */
export type Fault = typeof Fault.Type

/**
 * The facts of an error; its body, issue list and compute, if any, are left out.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromError = ({ provider, reason }: AtlasError.AtlasError): Fault => ({
  reason: reason._tag,
  provider,
  message: ForeignText.line(reason.message, { max: longestMessage }),
  status: typeof reason.status === "number" ? integerOrNull(reason.status) : null,
  retryAfter: reason._tag === "RateLimited" && reason.retryAfter !== null
    ? pauseOrNull(reason.retryAfter)
    : null,
  ...(reason._tag === "Uncertain" && reason.computeName !== null ? { computeName: reason.computeName } : {}),
  ...(reason._tag === "Uncertain" && reason.computeId !== null ? { computeId: reason.computeId } : {}),
  ...(reason._tag === "Uncertain" && reason.saidNoCapacity ? { saidNoCapacity: true } : {})
})

/**
 * A fault of our own, which no provider reported.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (reason: Fault["reason"], message: string, provider: ProviderId | null = null): Fault => ({
  reason,
  provider,
  message,
  status: null,
  retryAfter: null
})

const toReason = (fault: Fault): AtlasError.AtlasErrorReason => {
  const { computeId = null, computeName = null, message, saidNoCapacity = false, status } = fault
  const facts = { message, status }
  switch (fault.reason) {
    case "Unauthorized":
      return new AtlasError.Unauthorized(facts)
    case "Forbidden":
      return new AtlasError.Forbidden(facts)
    case "NotFound":
      return new AtlasError.NotFound(facts)
    case "RateLimited":
      return new AtlasError.RateLimited({ ...facts, retryAfter: fault.retryAfter })
    case "Timeout":
      return new AtlasError.Timeout(facts)
    case "Unsupported":
      return new AtlasError.Unsupported({ ...facts, capability: "compute" })
    case "Validation":
      return new AtlasError.Validation({ status, issues: [{ path: "", message }] })
    case "ProviderFault":
      return new AtlasError.ProviderFault(facts)
    case "Transport":
      return new AtlasError.Transport(facts)
    case "NoCapacity":
      return new AtlasError.NoCapacity(facts)
    case "Uncertain":
      return new AtlasError.Uncertain({ ...facts, computeName, computeId, saidNoCapacity })
    case "Ended":
      return new AtlasError.Ended({ message, status: "terminated" })
    case "BudgetExceeded":
      return new AtlasError.BudgetExceeded(facts)
    case "NotTracked":
      return new AtlasError.NotTracked(facts)
    case "StorageFault":
      return new AtlasError.StorageFault(facts)
    case "Unknown":
      return new AtlasError.Unknown(facts)
  }
}

/**
 * The error again, for a caller that handles reasons; what {@link fromError} left out stays out.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toError = (fault: Fault, operation: string): AtlasError.AtlasError =>
  new AtlasError.AtlasError({ provider: fault.provider, operation, reason: toReason(fault) })
