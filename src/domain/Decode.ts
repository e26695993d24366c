/**
 * Untrusted input in, typed value or `Validation` out: every issue names its field and what is allowed, never a value.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import { type AtlasError, invalid, type Issue } from "./AtlasError.ts"
import type { ProviderId } from "./Ids.ts"

const plainKey = /^[A-Za-z_][A-Za-z0-9_]*$/

const renderPath = (path: ReadonlyArray<PropertyKey>): string =>
  path.reduce<string>((text, key) => {
    if (typeof key === "number" || /^\d+$/.test(String(key))) return `${text}[${String(key)}]`
    const name = String(key)
    if (!plainKey.test(name)) return `${text}[${JSON.stringify(name)}]`
    return text === "" ? name : `${text}.${name}`
  }, "")

const format = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => {
    switch (issue._tag) {
      case "UnexpectedKey":
        return "is not a known field"
      case "MissingKey":
        return "is required"
      default:
        return SchemaIssue.defaultLeafHook(issue)
    }
  }
})

const pathOf = (segments: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined): string =>
  renderPath((segments ?? []).map((segment) => typeof segment === "object" ? segment.key : segment))

/**
 * What a schema found wrong, as issues that name their fields.
 *
 * @category decoding
 * @since 0.1.0
 */
export const issuesOf = (error: Schema.SchemaError): ReadonlyArray<Issue> =>
  format(error.issue).issues.map((issue) => ({ path: pathOf(issue.path), message: issue.message }))

const join = (field: string, path: string): string =>
  field === "" || path === "" ? field + path : path.startsWith("[") ? field + path : `${field}.${path}`

/**
 * A decoder for one schema: unknown fields and wrong types fail as `Validation`, as many as one pass finds.
 *
 * **Details**
 *
 * `field` is the input's place in a larger one: every path begins with it.
 *
 * **Example** (Decoding options)
 *
 * ```ts
 * import { Decode } from "effect-atlas"
 * import * as Schema from "effect/Schema"
 *
 * const decode = Decode.decoder(Schema.Struct({ retries: Schema.Int }))
 * const options = decode({ retries: 3 }, "configure")
 * ```
 *
 * @category decoding
 * @since 0.1.0
 */
export const decoder = <S extends Schema.Constraint>(
  schema: S & { readonly DecodingServices: never },
  field = ""
) => {
  const decode = Schema.decodeUnknownEffect(schema, { errors: "all", onExcessProperty: "error" })
  return (
    input: unknown,
    operation: string,
    provider: ProviderId | null = null
  ): Effect.Effect<S["Type"], AtlasError> =>
    Effect.mapError(
      decode(input),
      (error) =>
        invalid(operation, issuesOf(error).map((issue) => ({ ...issue, path: join(field, issue.path) })), provider)
    )
}

const isPlain = (input: unknown): input is Readonly<Record<PropertyKey, unknown>> =>
  typeof input === "object" && input !== null && Object.getPrototypeOf(input) === Object.prototype

/**
 * The same for a class with a default for every field: only fields that are given are decoded, each on its own.
 *
 * **Details**
 *
 * It answers and refuses what {@link decoder} does, which is asked where a field is not as it should be. No field may need more
 * than its own value to be decoded, and the class has no check over all of them.
 *
 * **Example** (Options of which few are given)
 *
 * ```ts
 * import { Decode } from "effect-atlas"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * class Options extends Schema.Class<Options>("Options")({
 *   retries: Schema.Int.pipe(Schema.withDecodingDefault(Effect.succeed(3))),
 *   name: Decode.nullable(Schema.String)
 * }) {}
 *
 * const options = Decode.sparse(Options)({ retries: 1 }, "configure")
 * ```
 *
 * @category decoding
 * @since 0.1.0
 */
export const sparse = <A extends object>(
  schema: Schema.Constraint & {
    readonly Type: A
    readonly DecodingServices: never
    readonly prototype: A
    readonly fields: Readonly<Record<string, Schema.Constraint & { readonly DecodingServices: never }>>
  }
) => {
  const whole = decoder(schema)
  const readers = new Map<PropertyKey, (value: unknown) => Result.Result<unknown, unknown>>()
  let defaults: A | null = null

  const readerOf = (key: PropertyKey) => {
    const known = readers.get(key)
    if (known !== undefined) return known
    const field = Object.hasOwn(schema.fields, key) ? schema.fields[String(key)] : undefined
    if (field === undefined) return null
    const made = Schema.decodeUnknownResult(field, { onExcessProperty: "error" })
    readers.set(key, made)
    return made
  }

  /** Null for what the whole schema is to look at: input that is odd or wrong. */
  const read = (input: unknown): A | null => {
    if (!isPlain(input)) return null
    const given: Record<string, unknown> = {}
    for (const key of Reflect.ownKeys(input)) {
      const reader = readerOf(key)
      if (reader === null) return null
      const value = input[key]
      // as good as not given
      if (value === undefined) continue
      const decoded = reader(value)
      if (Result.isFailure(decoded)) return null
      given[String(key)] = decoded.success
    }
    defaults ??= Schema.decodeUnknownSync(schema)({})
    return Object.assign(Object.create(schema.prototype), defaults, given)
  }

  return (input: unknown, operation: string, provider: ProviderId | null = null): Effect.Effect<A, AtlasError> =>
    Effect.suspend(() => {
      const made = read(input)
      return made === null ? whole(input, operation, provider) : Effect.succeed(made)
    })
}

const isPositive = (duration: Duration.Duration) => Duration.toMillis(duration) > 0

/** A duration as JSON can hold it and as {@link PositiveDuration} reads it: milliseconds where these say all of it. */
const writtenOf = (duration: Duration.Duration): unknown => {
  const millis = Duration.toMillis(duration)
  if (Duration.equals(duration, Duration.millis(millis)) && Duration.isFinite(duration)) return millis
  return Duration.isFinite(duration) ? `${Duration.toNanosUnsafe(duration)} nanos` : "Infinity"
}

/**
 * Any duration of more than nothing, written the way Effect writes one: `"30 seconds"`, a number of milliseconds, ...
 *
 * @category decoding
 * @since 0.1.0
 */
export const PositiveDuration = Schema.Unknown.pipe(Schema.decodeTo(
  Schema.Duration.check(
    Schema.makeFilter(isPositive, { expected: "a duration above 0, such as \"30 seconds\" or milliseconds" })
  ),
  {
    decode: SchemaGetter.transformEffect((input) => {
      // the boundary to callers without types: fromInput itself refuses what is not a duration
      const duration = Duration.fromInput(input as Duration.Input)
      return Option.isSome(duration)
        ? Effect.succeed(duration.value)
        : Effect.fail(
          new SchemaIssue.InvalidValue({ message: "Expected a duration, such as \"30 seconds\" or milliseconds" })
        )
    }),
    encode: SchemaGetter.transform(writtenOf)
  }
))

/**
 * A field that may be left out or null, and reads as null then.
 *
 * **Details**
 *
 * Null is tried first, which is cheap to tell: some schemas find out that null is none of theirs by throwing.
 *
 * @category decoding
 * @since 0.1.0
 */
export const nullable = <S extends Schema.Constraint>(schema: S) =>
  Schema.Union([Schema.Null, schema]).pipe(Schema.withDecodingDefault(Effect.succeed(null)))
