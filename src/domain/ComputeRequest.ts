/**
 * What a caller may ask for when renting: one shape for every provider, its checks and its defaults.
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
import type { AtlasError } from "./AtlasError.ts"
import { PortProtocol } from "./Compute.ts"
import { decoder, PositiveDuration } from "./Decode.ts"
import { CloudType } from "./Gpu.ts"
import type { CanonicalGpu } from "./GpuCatalog.ts"

/**
 * A port to open: its number inside the compute and how it is spoken to.
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

const PortText = Schema.String.pipe(
  Schema.decodeTo(Schema.toEncoded(PortRequest), {
    decode: SchemaGetter.transformEffect((text: string) => {
      const match = /^(\d{1,6})(?:\/(http|tcp))?$/.exec(text)
      return match === null
        ? Effect.fail(new SchemaIssue.InvalidValue({ message: "Expected a port such as \"8000/http\" or \"22/tcp\"" }))
        : Effect.succeed({
          port: Number(match[1]),
          protocol: match[2] === "tcp" ? "tcp" as const : "http" as const,
          symmetric: false
        })
    }),
    encode: SchemaGetter.transform((port: typeof PortRequest.Encoded) => `${port.port}/${port.protocol}`)
  }),
  Schema.decodeTo(PortRequest)
)

const text = (expected: string, limit: number) =>
  Schema.String.check(
    Schema.makeFilter(
      (value: string) => value.length > 0 && value.length <= limit && !value.includes("\0") && value.isWellFormed(),
      { expected }
    )
  )

const nullable = <S extends Schema.Constraint>(schema: S) =>
  Schema.NullOr(schema).pipe(Schema.withDecodingDefault(Effect.succeed(null)))

const EnvValue = Schema.Unknown.pipe(Schema.decodeTo(Schema.Redacted(Schema.String), {
  decode: SchemaGetter.transformEffect((input) => {
    const value = Redacted.isRedacted(input) ? Redacted.value(input) : input
    return typeof value === "string" && !value.includes("\0") && value.isWellFormed()
      ? Effect.succeed(Redacted.make(value))
      : Effect.fail(new SchemaIssue.InvalidValue({ message: "Expected text without NUL characters" }))
  }),
  encode: SchemaGetter.transform((value: Redacted.Redacted): unknown => value)
}))

/** Names only the library may set: they carry credentials and wiring of the compute. */
const reserved = /^(ATLAS_PRESHARED_KEY|ATLAS_SIGNING_SECRET|ATLAS_CALLBACK_.*|ATLAS_TASK_ID|ATLAS_PORTS)$/

const envNameIssue = (name: string): string | undefined => {
  if (!/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name)) return "is not the name of an environment variable"
  if (reserved.test(name)) return "is reserved: the library sets it"
  return undefined
}

const Env = Schema.Record(Schema.String, EnvValue).check(
  Schema.makeFilter((env: { readonly [name: string]: unknown }) =>
    Object.keys(env).flatMap((name) => {
      const issue = envNameIssue(name)
      return issue === undefined ? [] : [{ path: [name], issue }]
    })
  )
)

const ProviderOpts = Schema.Record(Schema.String, Schema.Json).check(
  Schema.makeFilter((opts: { readonly [name: string]: unknown }) =>
    Object.hasOwn(opts, "env") ? { path: ["env"], issue: "use the request's own env field" } : undefined
  )
)

const Ports = Schema.Array(Schema.Union([PortFields, PortText])).check(
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

const Words = Schema.Array(word).pipe(
  Schema.decodeTo(Schema.NullOr(Schema.NonEmptyArray(Schema.String)), {
    decode: SchemaGetter.transform((words: ReadonlyArray<string>) => {
      const [first, ...rest] = words
      return first === undefined ? null : [first, ...rest] as const
    }),
    encode: SchemaGetter.transform((words: readonly [string, ...ReadonlyArray<string>] | null) => words ?? [])
  })
)

const count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1, { expected: "a whole number, 1 or more" }))

/**
 * How the container is protected: not at all, by a bearer token, or by signed URLs.
 *
 * @category models
 * @since 0.1.0
 */
export const AuthScheme = Schema.Literals(["none", "bearer", "signed_url"])

/**
 * One checked request for a compute.
 *
 * **When to use**
 *
 * Give plain options to `Atlas.spawnCompute`, which decodes them; build one yourself with `decode` to check early.
 *
 * **Details**
 *
 * Printing a request shows the names of `env`, never its values, and the keys of `providerOpts`.
 *
 * @category models
 * @since 0.1.0
 */
export class ComputeRequest extends Schema.Class<ComputeRequest>("effect-atlas/domain/ComputeRequest")({
  /** Canonical GPU name; null leaves the choice to the provider. */
  gpu: nullable(text("a GPU name", 128)),
  gpuCount: count.pipe(Schema.withDecodingDefault(Effect.succeed(1))),
  image: nullable(text("an image name", 1024)),
  cloudType: CloudType.pipe(Schema.withDecodingDefault(Effect.succeed("any" as const))),
  spot: Schema.Boolean.pipe(Schema.withDecodingDefault(Effect.succeed(false))),
  /** Preferred regions, best first. */
  regionHints: Schema.Array(text("a region", 128)).pipe(Schema.withDecodingDefault(Effect.succeed([]))),
  ports: Ports.pipe(Schema.withDecodingDefault(Effect.succeed([]))),
  /** Environment of the container; values are redacted from here on. */
  env: Env.pipe(Schema.withDecodingDefault(Effect.succeed({}))),
  volumeGb: nullable(count),
  containerDiskGb: nullable(count),
  networkVolumeId: nullable(text("an id", 256)),
  templateId: nullable(text("an id", 256)),
  /** What the caller calls it; the rented name is stamped from it. */
  name: nullable(text("a name of 1 to 256 characters", 256)),
  auth: AuthScheme.pipe(Schema.withDecodingDefault(Effect.succeed("none" as const))),
  /** Read by the orchestrator only: end after this long without a touch. */
  idleTtl: nullable(PositiveDuration),
  /** Merged last into what the provider is sent. */
  providerOpts: ProviderOpts.pipe(Schema.withDecodingDefault(Effect.succeed({}))),
  /** Replaces the image's own command; an empty list means the same as null. */
  command: nullable(Words),
  /** Whether a compute whose command has ended deletes itself, where the provider can. */
  selfTerminate: Schema.Boolean.pipe(Schema.withDecodingDefault(Effect.succeed(true)))
}) {
  toJSON(): unknown {
    return {
      ...this,
      idleTtl: this.idleTtl === null ? null : String(this.idleTtl),
      env: Object.fromEntries(Object.keys(this.env).map((name) => [name, "<redacted>"])),
      providerOpts: Object.fromEntries(Object.keys(this.providerOpts).map((name) => [name, "<hidden>"]))
    }
  }

  override toString(): string {
    return `ComputeRequest(${this.gpu ?? this.image ?? this.command?.[0] ?? "-"})`
  }

  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

/**
 * A request as callers write it; everything is optional, see {@link ComputeRequest} for meanings and defaults.
 *
 * **Details**
 *
 * `ports` takes `"8000/http"` or `{ port, protocol, symmetric }` (protocol `http` unless given); `env` takes text or
 * `Redacted` text; `idleTtl` any duration.
 *
 * @category models
 * @since 0.1.0
 */
export interface Input {
  readonly gpu?: CanonicalGpu | null | undefined
  readonly gpuCount?: number | undefined
  readonly image?: string | null | undefined
  readonly cloudType?: CloudType | undefined
  readonly spot?: boolean | undefined
  readonly regionHints?: ReadonlyArray<string> | undefined
  readonly ports?:
    | ReadonlyArray<
      string | {
        readonly port: number
        readonly protocol?: "http" | "tcp" | undefined
        readonly symmetric?: boolean | undefined
      }
    >
    | undefined
  readonly env?: Readonly<Record<string, string | Redacted.Redacted>> | undefined
  readonly volumeGb?: number | null | undefined
  readonly containerDiskGb?: number | null | undefined
  readonly networkVolumeId?: string | null | undefined
  readonly templateId?: string | null | undefined
  readonly name?: string | null | undefined
  readonly auth?: "none" | "bearer" | "signed_url" | undefined
  readonly idleTtl?: Duration.Input | null | undefined
  readonly providerOpts?: Readonly<Record<string, Schema.Json>> | undefined
  readonly command?: ReadonlyArray<string> | null | undefined
  readonly selfTerminate?: boolean | undefined
}

const decodeInput = decoder(ComputeRequest)

/**
 * Checks plain options and fills in the defaults; a request built before is taken as it is.
 *
 * **Details**
 *
 * Fails as `Validation`: unknown field, wrong type, a port outside 1..65535 or listed twice, a NUL in `env` or
 * `command`, a reserved or malformed environment name, `env` inside `providerOpts`.
 *
 * **Example** (Checking a request early)
 *
 * ```ts
 * import { ComputeRequest } from "effect-atlas"
 *
 * const request = ComputeRequest.decode({ gpu: "h100", ports: ["8000/http"], auth: "bearer" })
 * ```
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (
  input: Input | ComputeRequest,
  operation = "spawnCompute"
): Effect.Effect<ComputeRequest, AtlasError> =>
  input instanceof ComputeRequest ? Effect.succeed(input) : decodeInput(input, operation)
