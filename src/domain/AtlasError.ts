/**
 * The one error of computes, jobs and sessions: which provider failed at which operation, and a reason for each way to fail.
 *
 * A reason never holds the request: a request carries keys, and errors end up in logs.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Compute, ComputeStatus } from "./Compute.ts"
import * as ForeignText from "./ForeignText.ts"
import { ComputeId, ProviderId } from "./Ids.ts"

const orNull = <S extends Schema.Constraint>(schema: S) =>
  Schema.NullOr(schema).pipe(Schema.withConstructorDefault(Effect.succeed(null)))

const message = Schema.String.pipe(Schema.withConstructorDefault(Effect.succeed("")))

const answer = {
  /** HTTP status of the answer, null when there was none. */
  status: orNull(Schema.Int),
  /** The provider's body without credentials, null when there was none or it is withheld. */
  raw: orNull(Schema.Json)
}

const facts = { message, ...answer }

const id = (name: string) => `effect-atlas/domain/AtlasError/${name}`

/**
 * What each reason means to the caller of a program that rents for it. A cloud that refuses the program's key says nothing of that
 * caller's own: such a 401 or 403 is a 502, and no reason to sign in again. A `Validation` is 422, since 400 is what does not parse.
 */
const httpStatuses = {
  Unauthorized: 502,
  Forbidden: 502,
  NotFound: 404,
  RateLimited: 429,
  Timeout: 504,
  Unsupported: 501,
  Validation: 422,
  ProviderFault: 502,
  Transport: 502,
  Unknown: 502,
  NoCapacity: 503,
  Uncertain: 502,
  Ended: 410,
  BudgetExceeded: 402,
  NotTracked: 404,
  StorageFault: 500
} as const

/** A reason's status where an endpoint of an `HttpApi` declares it as an error. */
const inHttp = (tag: keyof typeof httpStatuses) => ({ httpApiStatus: httpStatuses[tag] })

/**
 * No API key, or the provider refused it (HTTP 401).
 *
 * @category reasons
 * @since 0.1.0
 */
export class Unauthorized
  extends Schema.TaggedError<Unauthorized>(id("Unauthorized"))("Unauthorized", facts, inHttp("Unauthorized"))
{
  readonly isRetryable = false
}

/**
 * The key is known but may not do this (HTTP 403).
 *
 * @category reasons
 * @since 0.1.0
 */
export class Forbidden extends Schema.TaggedError<Forbidden>(id("Forbidden"))("Forbidden", facts, inHttp("Forbidden")) {
  readonly isRetryable = false
}

/**
 * The provider does not know what was asked for (HTTP 404).
 *
 * @category reasons
 * @since 0.1.0
 */
export class NotFound extends Schema.TaggedError<NotFound>(id("NotFound"))("NotFound", facts, inHttp("NotFound")) {
  readonly isRetryable = false
}

/**
 * Too many requests (HTTP 429); `retryAfter` is how long the provider asked to wait, null when it did not say.
 *
 * @category reasons
 * @since 0.1.0
 */
export class RateLimited extends Schema.TaggedError<RateLimited>(id("RateLimited"))("RateLimited", {
  ...facts,
  retryAfter: orNull(Schema.DurationFromMillis)
}, inHttp("RateLimited")) {
  readonly isRetryable = true
}

/**
 * A time limit passed, ours or the provider's (HTTP 408); `lastSeen` is the compute as last observed, if it was.
 *
 * **Details**
 *
 * Not retryable with `mayHaveActed`: a job that outlasted the wait for it was submitted, and would run a second time.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Timeout extends Schema.TaggedError<Timeout>(id("Timeout"))("Timeout", {
  ...facts,
  lastSeen: orNull(Compute),
  /** Whether what was asked for may have been done, or may still be going on. */
  mayHaveActed: Schema.Boolean.pipe(Schema.withConstructorDefault(Effect.succeed(false)))
}, inHttp("Timeout")) {
  get isRetryable(): boolean {
    return !this.mayHaveActed
  }
}

/**
 * The provider cannot do this; `capability` names what is missing.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Unsupported extends Schema.TaggedError<Unsupported>(id("Unsupported"))("Unsupported", {
  ...facts,
  capability: Schema.String
}, inHttp("Unsupported")) {
  readonly isRetryable = false
}

/**
 * One thing wrong with an input: where (`ports[0].port`; empty for the whole) and what is allowed.
 *
 * @category reasons
 * @since 0.1.0
 */
export interface Issue {
  readonly path: string
  readonly message: string
}

/**
 * The input was refused here, before anything was sent; every issue names its field.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Validation extends Schema.TaggedError<Validation>(id("Validation"))("Validation", {
  issues: Schema.Array(Schema.Struct({ path: Schema.String, message: Schema.String })),
  ...answer
}, inHttp("Validation")) {
  readonly isRetryable = false
  override get message(): string {
    const issues = this.issues.map(({ message, path }) => path === "" ? message : `${path}: ${message}`)
    return ForeignText.line(issues.join("; "))
  }
}

/**
 * The provider failed or answered something malformed (any other 4xx or 5xx); `code` is its own error code.
 *
 * @category reasons
 * @since 0.1.0
 */
export class ProviderFault extends Schema.TaggedError<ProviderFault>(id("ProviderFault"))("ProviderFault", {
  ...facts,
  code: orNull(Schema.String)
}, inHttp("ProviderFault")) {
  get isRetryable(): boolean {
    return this.status !== null && this.status >= 500
  }
}

/**
 * No HTTP answer: name look-up, connection, TLS or a reset; `causeName` is the class of what was thrown.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Transport extends Schema.TaggedError<Transport>(id("Transport"))("Transport", {
  ...facts,
  causeName: orNull(Schema.String),
  /** Whether it is certain that nothing was sent, as with a refused connection; else it may have arrived. */
  neverSent: Schema.Boolean.pipe(Schema.withConstructorDefault(Effect.succeed(false)))
}, inHttp("Transport")) {
  readonly isRetryable = true
}

/**
 * An answer that no other reason fits, such as a redirect that is not followed.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Unknown extends Schema.TaggedError<Unknown>(id("Unknown"))("Unknown", facts, inHttp("Unknown")) {
  readonly isRetryable = false
}

/**
 * Refused for want of machines: nothing was created, another candidate may do.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NoCapacity extends Schema.TaggedError<NoCapacity>(id("NoCapacity"))("NoCapacity", {
  ...facts,
  /** What was asked for, as the provider names it. */
  candidate: orNull(Schema.String)
}, inHttp("NoCapacity")) {
  readonly isRetryable = false
}

/**
 * It may or may not have happened: look before asking again, never repeat.
 *
 * **Details**
 *
 * `computeName` is the stamped name under which a rented compute would be found, `computeId` its id where that is known.
 * `lastSeen` is a compute that was certainly made by this very call, under another name than it was asked for.
 * With `saidNoCapacity` the provider gave the want of machines as its reason: once a look shows that nothing was made, it is a
 * `NoCapacity`.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Uncertain extends Schema.TaggedError<Uncertain>(id("Uncertain"))("Uncertain", {
  ...facts,
  computeName: orNull(Schema.String),
  computeId: orNull(ComputeId),
  lastSeen: orNull(Compute),
  saidNoCapacity: Schema.Boolean.pipe(Schema.withConstructorDefault(Effect.succeed(false)))
}, inHttp("Uncertain")) {
  readonly isRetryable = false
}

/**
 * The compute that was waited for has ended; `status` is the compute's last status, `exitCode` how its command ended.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Ended extends Schema.TaggedError<Ended>(id("Ended"))("Ended", {
  message,
  raw: answer.raw,
  status: ComputeStatus,
  exitCode: orNull(Schema.Int)
}, inHttp("Ended")) {
  readonly isRetryable = false
}

/**
 * It would cost more than the cap allows.
 *
 * @category reasons
 * @since 0.1.0
 */
export class BudgetExceeded
  extends Schema.TaggedError<BudgetExceeded>(id("BudgetExceeded"))("BudgetExceeded", facts, inHttp("BudgetExceeded"))
{
  readonly isRetryable = false
}

/**
 * The orchestrator tracks no such session.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NotTracked
  extends Schema.TaggedError<NotTracked>(id("NotTracked"))("NotTracked", facts, inHttp("NotTracked"))
{
  readonly isRetryable = false
}

/**
 * The library's own state on disk or in a database could not be read or written, so nothing was decided on it.
 *
 * @category reasons
 * @since 0.1.0
 */
export class StorageFault
  extends Schema.TaggedError<StorageFault>(id("StorageFault"))("StorageFault", facts, inHttp("StorageFault"))
{
  readonly isRetryable = false
}

/**
 * Every way an operation can fail.
 *
 * @category reasons
 * @since 0.1.0
 */
export const AtlasErrorReason = Schema.Union([
  Unauthorized,
  Forbidden,
  NotFound,
  RateLimited,
  Timeout,
  Unsupported,
  Validation,
  ProviderFault,
  Transport,
  Unknown,
  NoCapacity,
  Uncertain,
  Ended,
  BudgetExceeded,
  NotTracked,
  StorageFault
])

/**
 * @category reasons
 * @since 0.1.0
 */
export type AtlasErrorReason = typeof AtlasErrorReason.Type

const kinds = {
  Unauthorized: "unauthorized",
  Forbidden: "forbidden",
  NotFound: "not_found",
  RateLimited: "rate_limited",
  Timeout: "timeout",
  Unsupported: "unsupported",
  Validation: "validation",
  ProviderFault: "provider",
  Transport: "transport",
  Unknown: "unknown",
  NoCapacity: "no_capacity",
  Uncertain: "uncertain",
  Ended: "ended",
  BudgetExceeded: "budget_exceeded",
  NotTracked: "not_tracked",
  StorageFault: "storage_fault"
} as const satisfies Record<AtlasErrorReason["_tag"], string>

/**
 * The reason as one word, for logs, metrics and JSON.
 *
 * @category models
 * @since 0.1.0
 */
export type Kind = typeof kinds[AtlasErrorReason["_tag"]]

/**
 * The HTTP status that a program answers its own caller with where this reason ends a request; see HttpErrors.
 *
 * @category http
 * @since 0.1.0
 */
export const httpStatusOf = (reason: AtlasErrorReason): number => httpStatuses[reason._tag]

/**
 * The one error of computes, jobs and sessions: `provider`, `operation` and a `reason`.
 *
 * **When to use**
 *
 * Pick a reason with `Effect.catchReason("AtlasError", "NotFound", ...)`; log `error.kind` and `error.message`.
 *
 * **Example** (One reason handled, the rest left in the channel)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 * import * as Effect from "effect/Effect"
 *
 * const gone = (id: string) =>
 *   Atlas.terminate(id).pipe(
 *     Effect.catchReason("AtlasError", "NotFound", () => Effect.void)
 *   )
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export class AtlasError extends Schema.TaggedError<AtlasError>("effect-atlas/domain/AtlasError")("AtlasError", {
  provider: Schema.NullOr(ProviderId),
  /** The verb that failed, such as `spawnCompute`. */
  operation: Schema.String,
  reason: AtlasErrorReason
}) {
  // decoding passes through it as well, and the shape stays as it is
  // @effect-diagnostics-next-line overriddenSchemaConstructor:off
  constructor(
    input: { readonly provider: ProviderId | null; readonly operation: string; readonly reason: AtlasErrorReason },
    options?: Schema.MakeOptions
  ) {
    super(input, options)
    // an adapter, a driver or a provider may have written it
    ForeignText.disarm(this.reason)
  }

  /** `[provider] kind (HTTP status): message` */
  override get message(): string {
    const http = this.status === null ? "" : ` (HTTP ${this.status})`
    return `[${this.provider ?? "atlas"}] ${this.kind}${http}: ${this.reason.message || "no message"}`
  }

  get kind(): Kind {
    return kinds[this.reason._tag]
  }

  /** HTTP status of the answer, null when there was none. */
  get status(): number | null {
    return typeof this.reason.status === "number" ? this.reason.status : null
  }

  /** The HTTP status to answer the caller of this program with, which is not always the provider's. */
  get httpStatus(): number {
    return httpStatusOf(this.reason)
  }

  /** The provider's body without credentials, null when there was none. */
  get raw(): Schema.Json {
    return this.reason.raw
  }

  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
}

/**
 * Refuses an input: an `AtlasError` whose reason is `Validation` with these issues.
 *
 * **Example** (Naming the field)
 *
 * ```ts
 * import { AtlasError } from "effect-atlas"
 *
 * const error = AtlasError.invalid("spawnCompute", [{ path: "image", message: "this provider needs an image" }])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const invalid = (
  operation: string,
  issues: ReadonlyArray<Issue>,
  provider: ProviderId | null = null
): AtlasError => new AtlasError({ provider, operation, reason: new Validation({ issues }) })
