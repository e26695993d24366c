/**
 * Compute as every provider reports it: one shape for a pod, a machine, an instance or a process.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Schema from "effect/Schema"
import * as Credential from "./Credential.ts"
import { ComputeId, ProviderId } from "./Ids.ts"
import { Usd } from "./Money.ts"

/**
 * What a compute is doing: `provisioning running stopped terminated failed`.
 *
 * @category models
 * @since 0.1.0
 */
export const ComputeStatus = Schema.Literals(["provisioning", "running", "stopped", "terminated", "failed"])

/**
 * @category models
 * @since 0.1.0
 */
export type ComputeStatus = typeof ComputeStatus.Type

/**
 * Protocol of a port.
 *
 * @category models
 * @since 0.1.0
 */
export const PortProtocol = Schema.Literals(["http", "tcp"])

/**
 * A port inside the compute and where it can be reached from outside; `external` and `url` are null while unknown.
 *
 * @category models
 * @since 0.1.0
 */
export class PortBinding extends Schema.Class<PortBinding>("effect-atlas/domain/PortBinding")({
  internal: Schema.Int,
  external: Schema.NullOr(Schema.Int),
  protocol: PortProtocol,
  url: Schema.NullOr(Schema.String)
}) {}

/** What a provider may not say; left out when a compute is made, it is null. */
const orNull = <S extends Schema.Constraint>(schema: S) =>
  Schema.NullOr(schema).pipe(Schema.withConstructorDefault(Effect.succeed(null)))

const absent = orNull(Schema.String)

/**
 * A rented compute, as its provider last reported it.
 *
 * **Details**
 *
 * `raw` is the provider's own answer without credentials. Printing a compute shows neither `raw` nor `auth`.
 * What a provider does not say is null, and may be left out when a compute is made: only `id`, `provider` and `status` are
 * needed. Without `gpuCount` it is one, without `ports` there are none.
 *
 * **Example** (Reading a compute)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 * import * as Effect from "effect/Effect"
 *
 * const firstUrl = (id: string) =>
 *   Effect.map(Atlas.getCompute(id), (compute) => compute.ports[0]?.url ?? null)
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export class Compute extends Schema.Class<Compute>("effect-atlas/domain/Compute")({
  id: ComputeId,
  provider: ProviderId,
  status: ComputeStatus,
  /** The stamped name, unless it was renamed at the provider; see NameStamp. */
  name: absent,
  /** The stamped name it was rented under, where the provider still says it; a copy made at the provider can say it too. */
  rentedAs: absent,
  publicIp: absent,
  ports: Schema.Array(PortBinding).pipe(Schema.withConstructorDefault(Effect.succeed([]))),
  /** The provider's own name of the GPU. */
  gpuType: absent,
  gpuCount: Schema.Int.pipe(Schema.withConstructorDefault(Effect.succeed(1))),
  /** US dollars per hour; null when unknown. */
  costPerHour: orNull(Usd),
  region: absent,
  image: absent,
  /** Filled only in the answer to the caller that rented it; null once it is encoded. */
  auth: Credential.Kept,
  createdAt: orNull(Schema.DateTimeUtc),
  /** How the command ended, where the provider says so. */
  exitCode: orNull(Schema.Int),
  /** Why it failed, in a sentence, where the provider says so. */
  failure: absent,
  raw: orNull(Schema.Json)
}) {
  /** Whether it may still cost money: everything but `terminated` and `failed`. */
  get isLive(): boolean {
    return this.status === "provisioning" || this.status === "running" || this.status === "stopped"
  }

  override toString(): string {
    return `Compute(${this.provider}/${this.id} ${this.status})`
  }

  /** Everything that may be printed: all fields but `auth` and `raw`. */
  toJSON(): Omit<typeof Compute.Encoded, "auth" | "raw" | "createdAt"> & { readonly createdAt: string | null } {
    return {
      id: this.id,
      provider: this.provider,
      status: this.status,
      name: this.name,
      rentedAs: this.rentedAs,
      publicIp: this.publicIp,
      ports: this.ports.map((port) => ({ ...port })),
      gpuType: this.gpuType,
      gpuCount: this.gpuCount,
      costPerHour: this.costPerHour,
      region: this.region,
      image: this.image,
      createdAt: this.createdAt === null ? null : DateTime.formatIso(this.createdAt),
      exitCode: this.exitCode,
      failure: this.failure
    }
  }

  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}
