/**
 * Options of a single call: they override the provider's own options, which override the environment.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import type { AtlasError } from "../domain/AtlasError.ts"
import { decoder, nullable, PositiveDuration } from "../domain/Decode.ts"
import { RedactedText } from "../domain/RedactedText.ts"

const Secret = Schema.Unknown.pipe(Schema.decodeTo(Schema.NullOr(RedactedText), {
  decode: SchemaGetter.transformEffect((input) => {
    const value = Redacted.isRedacted(input) ? Redacted.value(input) : input
    if (value === undefined || value === null || value === "") return Effect.succeed(null)
    return typeof value === "string" && /^[\x21-\x7e]+$/.test(value)
      ? Effect.succeed(Redacted.make(value))
      : Effect.fail(new SchemaIssue.InvalidValue({ message: "Expected one word of printable characters" }))
  }),
  encode: SchemaGetter.transform((value: Redacted.Redacted | null): unknown => value)
}))

const HeaderValue = Schema.Unknown.pipe(Schema.decodeTo(RedactedText, {
  decode: SchemaGetter.transformEffect((input) => {
    const value = Redacted.isRedacted(input) ? Redacted.value(input) : input
    return typeof value === "string" && !/[\r\n\0]/.test(value)
      ? Effect.succeed(Redacted.make(value))
      : Effect.fail(new SchemaIssue.InvalidValue({ message: "Expected text on one line" }))
  }),
  encode: SchemaGetter.transform((value: Redacted.Redacted): unknown => value)
}))

const isBaseUrl = (text: string): boolean => {
  const url = URL.parse(text)
  return url !== null && (url.protocol === "https:" || url.protocol === "http:") && url.username === ""
    && url.password === "" && url.search === "" && url.hash === ""
}

/**
 * Checked options of one call, as adapters get them.
 *
 * @category models
 * @since 0.1.0
 */
export class Call extends Schema.Class<Call>("effect-atlas/provider/Call")({
  /** The key for this call; null to use the provider's. An empty one counts as not given. */
  apiKey: Secret.pipe(Schema.withDecodingDefault(Effect.succeed(null))),
  baseUrl: nullable(
    Schema.String.check(
      Schema.makeFilter(isBaseUrl, { expected: "an http(s) URL without user info, query or fragment" })
    )
  ),
  /** Headers added to the requests of this call. */
  headers: Schema.Record(Schema.String, HeaderValue).pipe(Schema.withDecodingDefault(Effect.succeed({}))),
  /** Limit for the whole call, retries included. */
  timeout: nullable(PositiveDuration),
  /** Retries after the first try of a call that may be repeated. */
  retries: nullable(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 }, { expected: "0 to 100" }))),
  /** What else an adapter understands, passed through untouched. */
  options: Schema.Record(Schema.String, Schema.Unknown).pipe(Schema.withDecodingDefault(Effect.succeed({})))
}) {
  /** Everything that may be printed: an adapter's own options can hold secrets, so only their names are. */
  toJSON(): unknown {
    return { ...this, options: Object.fromEntries(Object.keys(this.options).map((name) => [name, "<hidden>"])) }
  }

  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

/**
 * Options of one call as callers write them; all of them optional.
 *
 * **Details**
 *
 * `apiKey` and header values may be text or `Redacted`; `timeout` is any duration; `retries` 0 to 100; `options` goes
 * to the adapter untouched. Malformed or unknown options are refused without printing them, since they can hold a key.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallOptions {
  readonly apiKey?: string | Redacted.Redacted | null | undefined
  readonly baseUrl?: string | null | undefined
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted>> | undefined
  readonly timeout?: Duration.Input | null | undefined
  readonly retries?: number | null | undefined
  readonly options?: Readonly<Record<string, unknown>> | undefined
}

const decodeCall = decoder(Call)
const none = Effect.runSync(decodeCall({}, "call"))

/**
 * Checks the options of one call; fails as `Validation` naming the field, never its value.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (
  options: CallOptions | Call | undefined,
  operation: string
): Effect.Effect<Call, AtlasError> =>
  options === undefined
    ? Effect.succeed(none)
    : options instanceof Call
    ? Effect.succeed(options)
    : decodeCall(options, operation)
