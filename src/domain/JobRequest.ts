/**
 * What a caller may ask of a serverless endpoint.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Schema from "effect/Schema"
import type { AtlasError } from "./AtlasError.ts"
import { decoder, PositiveDuration } from "./Decode.ts"

const text = Schema.String.check(
  Schema.makeFilter((value: string) => value.length > 0 && value.length <= 256 && !value.includes("\0"), {
    expected: "text of 1 to 256 characters"
  })
)

const isWebUrl = (value: string): boolean => {
  const url = URL.parse(value)
  return url !== null && (url.protocol === "https:" || url.protocol === "http:")
}

/**
 * One checked job: `mode` decides whether submitting waits (`sync`) or not (`async`, `stream`).
 *
 * **Details**
 *
 * Printing it shows neither its input nor its webhook, policy or `providerOpts`.
 *
 * @category models
 * @since 0.1.0
 */
export class JobRequest extends Schema.Class<JobRequest>("effect-atlas/domain/JobRequest")({
  endpoint: text,
  input: Schema.Json,
  mode: Schema.Literals(["async", "sync", "stream"]).pipe(
    Schema.withDecodingDefault(Effect.succeed("async" as const))
  ),
  /** How long a `sync` job may take in all, connection and retries included; default 30 seconds. */
  timeout: PositiveDuration.pipe(Schema.withDecodingDefault(Effect.succeed(Duration.seconds(30)))),
  /** Where the provider reports the end of the job. */
  webhook: Schema.NullOr(
    Schema.String.check(Schema.makeFilter(isWebUrl, { expected: "an http(s) URL" }))
  ).pipe(Schema.withDecodingDefault(Effect.succeed(null))),
  policy: Schema.Record(Schema.String, Schema.Json).pipe(Schema.withDecodingDefault(Effect.succeed({}))),
  /** Merged last into what the provider is sent. */
  providerOpts: Schema.Record(Schema.String, Schema.Json).pipe(Schema.withDecodingDefault(Effect.succeed({})))
}) {
  override toString(): string {
    return `JobRequest(${this.endpoint} ${this.mode})`
  }

  /** Everything that may be printed: what was sent along may hold secrets. */
  toJSON(): unknown {
    return { endpoint: this.endpoint, mode: this.mode, timeout: String(this.timeout) }
  }

  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

/**
 * A job as callers write it; `endpoint` and `input` are required, see {@link JobRequest} for the rest.
 *
 * @category models
 * @since 0.1.0
 */
export interface Input {
  readonly endpoint: string
  readonly input: Schema.Json
  readonly mode?: "async" | "sync" | "stream" | undefined
  readonly timeout?: Duration.Input | undefined
  readonly webhook?: string | null | undefined
  readonly policy?: Readonly<Record<string, Schema.Json>> | undefined
  readonly providerOpts?: Readonly<Record<string, Schema.Json>> | undefined
}

/**
 * A job that was submitted: its endpoint and its id.
 *
 * @category models
 * @since 0.1.0
 */
export const JobRef = Schema.Struct({ endpoint: text, id: text })

/**
 * @category models
 * @since 0.1.0
 */
export type JobRef = typeof JobRef.Type

const decodeInput = decoder(JobRequest)

/**
 * Checks plain options and fills in the defaults; a request built before is taken as it is.
 *
 * **Example** (Checking early)
 *
 * ```ts
 * import { JobRequest } from "effect-atlas"
 *
 * const request = JobRequest.decode({ endpoint: "abc123", input: { prompt: "hello" }, mode: "sync" })
 * ```
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (input: Input | JobRequest, operation = "runJob"): Effect.Effect<JobRequest, AtlasError> =>
  input instanceof JobRequest ? Effect.succeed(input) : decodeInput(input, operation)
