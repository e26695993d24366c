/**
 * One error for Fly.io platform operations: the app, the operation, and a reason for each way it can fail.
 *
 * Failures of HTTP, of input and of the disk have the reasons of `AtlasError`; the others are Fly's own.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  Forbidden,
  httpStatusOf,
  type Issue,
  NotFound,
  ProviderFault,
  RateLimited,
  StorageFault,
  Timeout,
  Transport,
  Unauthorized,
  Unknown,
  Validation
} from "../domain/AtlasError.ts"
import * as ForeignText from "../domain/ForeignText.ts"

const orNull = <S extends Schema.Constraint>(schema: S) =>
  Schema.NullOr(schema).pipe(Schema.withConstructorDefault(Effect.succeed(null)))

const message = Schema.String.pipe(Schema.withConstructorDefault(Effect.succeed("")))

const id = (name: string) => `effect-atlas/fly/FlyError/${name}`

/** What each of Fly's own reasons means to the caller of a program that does this for it; a missing executable or token is ours. */
const httpStatuses = {
  FlyNotFound: 500,
  FlyTimeout: 504,
  FlyExitCode: 502,
  InvalidDeployDir: 422,
  NoToken: 500,
  PersistFailed: 500,
  ManualCorrupt: 500,
  NoStreamer: 503,
  AlreadyRunning: 409
} as const

type Own = Extract<FlyErrorReason, { readonly _tag: keyof typeof httpStatuses }>

const isOwn = (reason: FlyErrorReason): reason is Own => Object.hasOwn(httpStatuses, reason._tag)

/** A reason's status where an endpoint of an `HttpApi` declares it as an error. */
const inHttp = (tag: keyof typeof httpStatuses) => ({ httpApiStatus: httpStatuses[tag] })

/**
 * Neither `fly` nor `flyctl` is on PATH.
 *
 * @category reasons
 * @since 0.1.0
 */
export class FlyNotFound
  extends Schema.TaggedError<FlyNotFound>(id("FlyNotFound"))("FlyNotFound", { message }, inHttp("FlyNotFound"))
{
  readonly isRetryable = false
}

/**
 * The `fly` command did not finish in time, or wrote nothing for too long; its process group has been ended.
 *
 * @category reasons
 * @since 0.1.0
 */
export class FlyTimeout extends Schema.TaggedError<FlyTimeout>(id("FlyTimeout"))("FlyTimeout", {
  message,
  /** Which limit passed: `activity` is the longest silence, `absolute` the whole run. */
  limit: Schema.Literals(["activity", "absolute"])
}, inHttp("FlyTimeout")) {
  readonly isRetryable = false
}

/**
 * The `fly` command ended with an exit code other than 0; `output` is the end of its output, for the user to read.
 *
 * @category reasons
 * @since 0.1.0
 */
export class FlyExitCode extends Schema.TaggedError<FlyExitCode>(id("FlyExitCode"))("FlyExitCode", {
  message,
  exitCode: Schema.Int,
  output: Schema.String.pipe(Schema.withConstructorDefault(Effect.succeed("")))
}, inHttp("FlyExitCode")) {
  readonly isRetryable = false
}

/**
 * There is no such directory to deploy from.
 *
 * @category reasons
 * @since 0.1.0
 */
export class InvalidDeployDir extends Schema.TaggedError<InvalidDeployDir>(id("InvalidDeployDir"))("InvalidDeployDir", {
  message,
  path: Schema.String
}, inHttp("InvalidDeployDir")) {
  readonly isRetryable = false
}

/**
 * No source has a token for the app.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NoToken extends Schema.TaggedError<NoToken>(id("NoToken"))("NoToken", { message }, inHttp("NoToken")) {
  readonly isRetryable = false
}

/**
 * A token could not be stored or removed.
 *
 * @category reasons
 * @since 0.1.0
 */
export class PersistFailed
  extends Schema.TaggedError<PersistFailed>(id("PersistFailed"))("PersistFailed", { message }, inHttp("PersistFailed"))
{
  readonly isRetryable = true
}

/**
 * A manually set token on disk cannot be read; the file is kept as it is, since that token exists nowhere else.
 *
 * @category reasons
 * @since 0.1.0
 */
export class ManualCorrupt extends Schema.TaggedError<ManualCorrupt>(id("ManualCorrupt"))("ManualCorrupt", {
  message,
  path: Schema.String
}, inHttp("ManualCorrupt")) {
  readonly isRetryable = false
}

/**
 * Logs or deploys cannot be followed: switched off, closed, or the subscriber read too slowly.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NoStreamer
  extends Schema.TaggedError<NoStreamer>(id("NoStreamer"))("NoStreamer", { message }, inHttp("NoStreamer"))
{
  readonly isRetryable = false
}

/**
 * A poller for the app's logs is already running.
 *
 * @category reasons
 * @since 0.1.0
 */
export class AlreadyRunning extends Schema.TaggedError<AlreadyRunning>(id("AlreadyRunning"))("AlreadyRunning", {
  message
}, inHttp("AlreadyRunning")) {
  readonly isRetryable = false
}

/**
 * Every way a Fly operation can fail.
 *
 * @category reasons
 * @since 0.1.0
 */
export const FlyErrorReason = Schema.Union([
  FlyNotFound,
  FlyTimeout,
  FlyExitCode,
  InvalidDeployDir,
  NoToken,
  PersistFailed,
  ManualCorrupt,
  NoStreamer,
  AlreadyRunning,
  Validation,
  StorageFault,
  Unauthorized,
  Forbidden,
  NotFound,
  RateLimited,
  Timeout,
  ProviderFault,
  Transport,
  Unknown
])

/**
 * @category reasons
 * @since 0.1.0
 */
export type FlyErrorReason = typeof FlyErrorReason.Type

const kinds = {
  FlyNotFound: "fly_not_found",
  FlyTimeout: "fly_timeout",
  FlyExitCode: "fly_exit_code",
  InvalidDeployDir: "invalid_deploy_dir",
  NoToken: "no_token",
  PersistFailed: "persist_failed",
  ManualCorrupt: "manual_corrupt",
  NoStreamer: "no_streamer",
  AlreadyRunning: "already_running",
  Validation: "validation",
  StorageFault: "storage_fault",
  Unauthorized: "unauthorized",
  Forbidden: "forbidden",
  NotFound: "not_found",
  RateLimited: "rate_limited",
  Timeout: "timeout",
  ProviderFault: "provider",
  Transport: "transport",
  Unknown: "unknown"
} as const satisfies Record<FlyErrorReason["_tag"], string>

/**
 * The reason as one word, for logs, metrics and JSON.
 *
 * @category models
 * @since 0.1.0
 */
export type FlyKind = typeof kinds[FlyErrorReason["_tag"]]

/**
 * The one error of Fly.io operations: `app` (null where there is none), `operation` and a `reason`.
 *
 * **When to use**
 *
 * Pick a reason with `Effect.catchReason("FlyError", "NoToken", ...)`; log `error.kind` and `error.message`.
 *
 * @category models
 * @since 0.1.0
 */
export class FlyError extends Schema.TaggedError<FlyError>("effect-atlas/fly/FlyError")("FlyError", {
  app: orNull(Schema.String),
  /** The verb that failed, such as `deploy`. */
  operation: Schema.String,
  reason: FlyErrorReason
}) {
  // decoding passes through it as well, and the shape stays as it is
  // @effect-diagnostics-next-line overriddenSchemaConstructor:off
  constructor(
    input: { readonly app?: string | null; readonly operation: string; readonly reason: FlyErrorReason },
    options?: Schema.MakeOptions
  ) {
    super(input, options)
    // the executable, the log host or a file may have written it
    ForeignText.disarm(this.reason)
  }

  /** `[fly] kind (HTTP status): message` */
  override get message(): string {
    const http = this.status === null ? "" : ` (HTTP ${this.status})`
    return `[fly] ${this.kind}${http}: ${this.reason.message || "no message"}`
  }

  get kind(): FlyKind {
    return kinds[this.reason._tag]
  }

  /** HTTP status of the answer, null when there was none. */
  get status(): number | null {
    return "status" in this.reason ? this.reason.status : null
  }

  /** The HTTP status to answer the caller of this program with, which is not always Fly's. */
  get httpStatus(): number {
    return isOwn(this.reason) ? httpStatuses[this.reason._tag] : httpStatusOf(this.reason)
  }

  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
}

/**
 * The failure for a refused input: a `FlyError` whose reason is `Validation` with these issues.
 *
 * @category constructors
 * @since 0.1.0
 */
export const invalid = (operation: string, issues: ReadonlyArray<Issue>, app: string | null = null): FlyError =>
  new FlyError({ app, operation, reason: new Validation({ issues }) })
