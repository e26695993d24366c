/**
 * What outlives a compute at some providers: network volumes, templates, serverless endpoints, and the bill.
 *
 * @since 0.1.0
 */
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { PortProtocol } from "./Compute.ts"
import { ComputeId, ProviderId } from "./Ids.ts"
import { Usd } from "./Money.ts"

const name = Schema.NonEmptyString
const orNull = <S extends Schema.Constraint>(schema: S) =>
  Schema.NullOr(schema).pipe(Schema.withDecodingDefault(Effect.succeed(null)))
const gigabytes = Schema.Int.check(
  Schema.isGreaterThanOrEqualTo(1, { expected: "a whole number of gigabytes, 1 or more" })
)
const providerOpts = Schema.Record(Schema.String, Schema.Json).pipe(Schema.withDecodingDefault(Effect.succeed({})))

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
}) {}

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
    region: orNull(Schema.NonEmptyString),
    tier: orNull(Schema.Literals(["standard", "high_performance"])),
    providerOpts
  })
{}

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
}) {}

/**
 * A template to make: name and image; null leaves a thing to the provider's default.
 *
 * @category models
 * @since 0.1.0
 */
export class TemplateRequest extends Schema.Class<TemplateRequest>("effect-atlas/domain/TemplateRequest")({
  name,
  image: Schema.NonEmptyString,
  ports: Schema.Array(Schema.Struct({ port: Schema.Int, protocol: PortProtocol })).pipe(
    Schema.withDecodingDefault(Effect.succeed([]))
  ),
  env: Schema.Record(Schema.String, Schema.RedactedFromValue(Schema.String)).pipe(
    Schema.withDecodingDefault(Effect.succeed({}))
  ),
  containerDiskGb: orNull(gigabytes),
  volumeGb: orNull(gigabytes),
  command: orNull(Schema.Array(Schema.String)),
  serverless: Schema.Boolean.pipe(Schema.withDecodingDefault(Effect.succeed(false))),
  ssh: orNull(Schema.Boolean),
  jupyter: orNull(Schema.Boolean),
  providerOpts
}) {}

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
}) {}

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
}) {}

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
