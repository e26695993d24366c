/**
 * What outlives a compute at some providers: network volumes, templates, serverless endpoints, and the bill.
 *
 * @since 0.1.0
 */
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { nullable } from "./Decode.ts"
import { ComputeId, ProviderId } from "./Ids.ts"
import { Env, hidden, type PortInput, Ports, ProviderOpts, text, Words } from "./internal/container.ts"
import { Usd } from "./Money.ts"

const name = text("a name of 1 to 256 characters", 256)
const gigabytes = Schema.Int.check(
  Schema.isGreaterThanOrEqualTo(1, { expected: "a whole number of gigabytes, 1 or more" })
)

/**
 * A disk of its own that computes can mount.
 *
 * @category models
 * @since 0.1.0
 */
export class NetworkVolume extends Schema.Class<NetworkVolume>("effect-atlas/domain/NetworkVolume")({
  id: Schema.NonEmptyString,
  provider: ProviderId,
  name: Schema.NullOr(Schema.String),
  sizeGb: Schema.NullOr(Schema.Finite),
  region: Schema.NullOr(Schema.String),
  raw: Schema.Json
}) {
  override toString(): string {
    return `NetworkVolume(${this.provider}/${this.id})`
  }

  toJSON(): unknown {
    const { raw: _, ...shown } = this
    return shown
  }

  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

/**
 * A network volume to make: name and size in GB; some providers need the region.
 *
 * @category models
 * @since 0.1.0
 */
export class NetworkVolumeRequest
  extends Schema.Class<NetworkVolumeRequest>("effect-atlas/domain/NetworkVolumeRequest")({
    name,
    sizeGb: gigabytes,
    region: nullable(text("a region", 128)),
    tier: nullable(Schema.Literals(["standard", "high_performance"])),
    providerOpts: ProviderOpts.pipe(Schema.withDecodingDefault(Effect.succeed({})))
  })
{
  override toString(): string {
    return `NetworkVolumeRequest(${this.name} ${this.sizeGb} GB)`
  }

  toJSON(): unknown {
    return { ...this, providerOpts: hidden(this.providerOpts) }
  }

  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

/**
 * A container set up once and rented by its id.
 *
 * @category models
 * @since 0.1.0
 */
export class Template extends Schema.Class<Template>("effect-atlas/domain/Template")({
  id: Schema.NonEmptyString,
  provider: ProviderId,
  name: Schema.NullOr(Schema.String),
  image: Schema.NullOr(Schema.String),
  serverless: Schema.Boolean,
  raw: Schema.Json
}) {
  override toString(): string {
    return `Template(${this.provider}/${this.id})`
  }

  toJSON(): unknown {
    const { raw: _, ...shown } = this
    return shown
  }

  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

/**
 * A template to make: name and image; null leaves a thing to the provider's default.
 *
 * **Details**
 *
 * Printing it shows the names of `env`, never its values, and the keys of `providerOpts`.
 *
 * @category models
 * @since 0.1.0
 */
export class TemplateRequest extends Schema.Class<TemplateRequest>("effect-atlas/domain/TemplateRequest")({
  name,
  image: text("an image name", 1024),
  ports: Ports.pipe(Schema.withDecodingDefault(Effect.succeed([]))),
  env: Env.pipe(Schema.withDecodingDefault(Effect.succeed({}))),
  containerDiskGb: nullable(gigabytes),
  volumeGb: nullable(gigabytes),
  command: nullable(Words),
  serverless: Schema.Boolean.pipe(Schema.withDecodingDefault(Effect.succeed(false))),
  ssh: nullable(Schema.Boolean),
  jupyter: nullable(Schema.Boolean),
  providerOpts: ProviderOpts.pipe(Schema.withDecodingDefault(Effect.succeed({})))
}) {
  override toString(): string {
    return `TemplateRequest(${this.name})`
  }

  toJSON(): unknown {
    return { ...this, env: hidden(this.env, "<redacted>"), providerOpts: hidden(this.providerOpts) }
  }

  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

/**
 * A template as callers write it; `name` and `image` are required, see {@link TemplateRequest} for the rest.
 *
 * **Details**
 *
 * `ports`, `env` and `command` are written as those of a compute, and checked the same way.
 *
 * @category models
 * @since 0.1.0
 */
export interface TemplateInput {
  readonly name: string
  readonly image: string
  readonly ports?: ReadonlyArray<PortInput> | undefined
  readonly env?: Readonly<Record<string, string | Redacted.Redacted>> | undefined
  readonly containerDiskGb?: number | null | undefined
  readonly volumeGb?: number | null | undefined
  readonly command?: ReadonlyArray<string> | null | undefined
  readonly serverless?: boolean | undefined
  readonly ssh?: boolean | null | undefined
  readonly jupyter?: boolean | null | undefined
  readonly providerOpts?: Readonly<Record<string, Schema.Json>> | undefined
}

/**
 * A serverless endpoint: workers that take jobs (`queue`) or requests (`load_balancer`).
 *
 * @category models
 * @since 0.1.0
 */
export class Endpoint extends Schema.Class<Endpoint>("effect-atlas/domain/Endpoint")({
  id: Schema.NonEmptyString,
  provider: ProviderId,
  name: Schema.NullOr(Schema.String),
  type: Schema.NullOr(Schema.Literals(["queue", "load_balancer", "unknown"])),
  workersMin: Schema.NullOr(Schema.Finite),
  workersMax: Schema.NullOr(Schema.Finite),
  gpuPools: Schema.Array(Schema.String),
  regionHints: Schema.Array(Schema.String),
  networkVolumeIds: Schema.Array(Schema.String),
  createdAt: Schema.NullOr(Schema.DateTimeUtc),
  raw: Schema.Json
}) {
  override toString(): string {
    return `Endpoint(${this.provider}/${this.id})`
  }

  toJSON(): unknown {
    const { raw: _, ...shown } = this
    return shown
  }

  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

/**
 * What one compute has cost within a window, as the provider bills it: never a live figure.
 *
 * @category models
 * @since 0.1.0
 */
export class Spend extends Schema.Class<Spend>("effect-atlas/domain/Spend")({
  computeId: ComputeId,
  provider: ProviderId,
  totalUsd: Usd,
  gpuUsd: Schema.NullOr(Usd),
  cpuUsd: Schema.NullOr(Usd),
  diskUsd: Schema.NullOr(Usd),
  from: Schema.NullOr(Schema.DateTimeUtc),
  to: Schema.NullOr(Schema.DateTimeUtc),
  raw: Schema.Json
}) {
  override toString(): string {
    return `Spend(${this.provider}/${this.computeId} $${this.totalUsd})`
  }

  toJSON(): unknown {
    const { raw: _, ...shown } = this
    return shown
  }

  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

/**
 * The window of a bill; the provider's own default where an end is left out.
 *
 * @category models
 * @since 0.1.0
 */
export const SpendWindow = Schema.Struct({
  from: Schema.optional(Schema.NullOr(Schema.DateTimeUtc)),
  to: Schema.optional(Schema.NullOr(Schema.DateTimeUtc))
})

/**
 * @category models
 * @since 0.1.0
 */
export interface SpendWindow {
  readonly from?: DateTime.Utc | null | undefined
  readonly to?: DateTime.Utc | null | undefined
}
