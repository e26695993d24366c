/** How a container is set up, in a spawn as in a template: ports, environment and command, with the same checks. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import { PortProtocol } from "../Compute.ts"
import * as PortText from "../PortText.ts"
import { RedactedText, withheld } from "../RedactedText.ts"

type Protocol = typeof PortProtocol.Type

/**
 * A port to open: its number inside the compute and its protocol.
 *
 * **Details**
 *
 * `symmetric` asks for the same number outside as inside, where the provider can.
 *
 * @category models
 * @since 0.1.0
 */
export class PortRequest extends Schema.Class<PortRequest>("effect-atlas/domain/PortRequest")({
  port: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65535 }, { expected: "a port from 1 to 65535" })),
  protocol: PortProtocol,
  symmetric: Schema.Boolean
}) {}

const PortFields = Schema.Struct({
  port: Schema.Finite,
  protocol: PortProtocol.pipe(Schema.withDecodingDefault(Effect.succeed("http" as const))),
  symmetric: Schema.Boolean.pipe(Schema.withDecodingDefault(Effect.succeed(false)))
}).pipe(Schema.decodeTo(PortRequest))

const isPort = Schema.is(PortRequest.fields.port)

const PortFromText = Schema.String.pipe(
  Schema.decodeTo(Schema.toType(PortRequest), {
    // all that its constructor would check once more is checked here
    decode: SchemaGetter.transformEffect((text: string): Effect.Effect<PortRequest, SchemaIssue.Issue> => {
      const read = PortText.parse(text)
      if (read === null) {
        return Effect.fail(
          new SchemaIssue.InvalidValue({ message: "Expected a port such as \"8000/http\" or \"22/tcp\"" })
        )
      }
      return isPort(read.port)
        ? Effect.succeed(Object.assign(Object.create(PortRequest.prototype), { ...read, symmetric: false }))
        : Effect.fail(
          new SchemaIssue.Pointer(
            ["port"],
            new SchemaIssue.InvalidValue({ message: "Expected a port from 1 to 65535" })
          )
        )
    }),
    encode: SchemaGetter.transform(({ port, protocol }: PortRequest) => `${port}/${protocol}`)
  })
)

export const text = (expected: string, limit: number) =>
  Schema.String.check(
    Schema.makeFilter(
      (value: string) => value.length > 0 && value.length <= limit && !value.includes("\0") && value.isWellFormed(),
      { expected }
    )
  )

/** A value that is read back from JSON where it was withheld is refused: no container may get that text as a value. */
const EnvValue = Schema.Unknown.pipe(Schema.decodeTo(RedactedText, {
  decode: SchemaGetter.transformEffect((input) => {
    const value = Redacted.isRedacted(input) ? Redacted.value(input) : input
    if (value === withheld) {
      return Effect.fail(
        new SchemaIssue.InvalidValue({ message: "Expected the value, which was left out of this JSON" })
      )
    }
    return typeof value === "string" && !value.includes("\0") && value.isWellFormed()
      ? Effect.succeed(Redacted.make(value))
      : Effect.fail(new SchemaIssue.InvalidValue({ message: "Expected text without NUL characters" }))
  }),
  encode: SchemaGetter.transform((): unknown => withheld)
}))

/** Names only the library may set: they carry credentials and wiring of the compute. */
const reserved =
  /^(ATLAS_PRESHARED_KEY|ATLAS_SIGNING_SECRET|ATLAS_CALLBACK_.*|ATLAS_TASK_ID|ATLAS_PORTS|ATLAS_COMPUTE_NAME)$/

const envNameIssue = (name: string): string | undefined => {
  if (!/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name)) return "is not the name of an environment variable"
  if (reserved.test(name)) return "is reserved: the library sets it"
  return undefined
}

export const Env = Schema.Record(Schema.String, EnvValue).check(
  Schema.makeFilter((env: { readonly [name: string]: unknown }) =>
    Object.keys(env).flatMap((name) => {
      const issue = envNameIssue(name)
      return issue === undefined ? [] : [{ path: [name], issue }]
    })
  )
)

export const ProviderOpts = Schema.Record(Schema.String, Schema.Json).check(
  Schema.makeFilter((opts: { readonly [name: string]: unknown }) =>
    Object.hasOwn(opts, "env") ? { path: ["env"], issue: "use the request's own env field" } : undefined
  )
)

export const Ports = Schema.Array(Schema.Union([PortFields, PortFromText])).check(
  Schema.makeFilter((ports: ReadonlyArray<PortRequest>) =>
    ports.flatMap(({ port }, index) =>
      ports.findIndex((other) => other.port === port) < index
        ? [{ path: [index, "port"], issue: `port ${port} is listed twice` }]
        : []
    )
  )
)

/** A word of a command; unlike a name it may be empty. */
const word = Schema.String.check(
  Schema.makeFilter(
    (value: string) => value.length <= 131_072 && !value.includes("\0") && value.isWellFormed(),
    { expected: "text without NUL characters" }
  )
)

export const Words = Schema.Array(word).pipe(
  Schema.decodeTo(Schema.NullOr(Schema.NonEmptyArray(word)), {
    decode: SchemaGetter.transform((words: ReadonlyArray<string>) => {
      const [first, ...rest] = words
      return first === undefined ? null : [first, ...rest] as const
    }),
    encode: SchemaGetter.transform((words: readonly [string, ...ReadonlyArray<string>] | null) => words ?? [])
  })
)

export const count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1, { expected: "a whole number, 1 or more" }))

/**
 * A port as callers write it; the protocol is `http` unless given.
 *
 * @category models
 * @since 0.1.0
 */
export type PortInput = PortText.PortText | {
  readonly port: number
  readonly protocol?: Protocol | undefined
  readonly symmetric?: boolean | undefined
}

/** What may be printed of fields that can hold secrets: their names. */
export const hidden = (fields: { readonly [name: string]: unknown }, what = "<hidden>") =>
  Object.fromEntries(Object.keys(fields).map((name) => [name, what]))
