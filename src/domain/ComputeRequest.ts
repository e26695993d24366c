/**
 * What a caller may ask for when renting: one shape for every provider, its checks and its defaults.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { AtlasError } from "./AtlasError.ts"
import { nullable, PositiveDuration, sparse } from "./Decode.ts"
import { CloudType } from "./Gpu.ts"
import type { CanonicalGpu } from "./GpuCatalog.ts"
import { count, Env, hidden, type PortInput, Ports, ProviderOpts, text, Words } from "./internal/container.ts"

export { type PortInput, PortRequest } from "./internal/container.ts"

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
 * Printing a request shows the names of `env`, never its values, and the keys of `providerOpts`. As JSON it has `<redacted>` in place of
 * each value of `env`, which is refused where it is read; send the plain options to another process instead.
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
      env: hidden(this.env, "<redacted>"),
      providerOpts: hidden(this.providerOpts)
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
  readonly ports?: ReadonlyArray<PortInput> | undefined
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

// most requests give a few of its many fields
const decodeInput = sparse(ComputeRequest)

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
