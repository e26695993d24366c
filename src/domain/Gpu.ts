/**
 * GPUs as every provider offers them: one shape for what can be rented, its price and how much is left.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Schema from "effect/Schema"
import { ProviderId } from "./Ids.ts"
import { Usd } from "./Money.ts"

/**
 * How much of a GPU type is left: `high medium low unavailable`, or `unknown` when the provider does not say.
 *
 * @category models
 * @since 0.1.0
 */
export const GpuStock = Schema.Literals(["high", "medium", "low", "unavailable", "unknown"])

/**
 * @category models
 * @since 0.1.0
 */
export type GpuStock = typeof GpuStock.Type

/**
 * Which machines: those in the provider's own data centers (`secure`), those of third parties (`community`), or `any`.
 *
 * @category models
 * @since 0.1.0
 */
export const CloudType = Schema.Literals(["secure", "community", "any"])

/**
 * @category models
 * @since 0.1.0
 */
export type CloudType = typeof CloudType.Type

/**
 * What a GPU type costs on one kind of machine, and how much of it is there.
 *
 * @category models
 * @since 0.1.0
 */
export const CloudOffer = Schema.Struct({
  cloudType: Schema.Literals(["secure", "community"]),
  /** US dollars per hour for one GPU, on demand; null when the provider does not say. */
  pricePerHour: Schema.NullOr(Usd),
  stock: GpuStock
})

/**
 * @category models
 * @since 0.1.0
 */
export type CloudOffer = typeof CloudOffer.Type

/** What a provider may not say; left out when a GPU type is made, it is null. */
const orNull = <S extends Schema.Constraint>(schema: S) =>
  Schema.NullOr(schema).pipe(Schema.withConstructorDefault(Effect.succeed(null)))

/**
 * A kind of GPU that a provider rents, as it last reported it.
 *
 * **Details**
 *
 * `raw` is the provider's own answer. Printing a GPU type does not show it. What a provider does not say is null, and may
 * be left out when a GPU type is made: only `id`, `provider` and `displayName` are needed. Without `stock` it is `unknown`,
 * without `cloudType` it is `any`.
 *
 * **Example** (The cheapest)
 *
 * ```ts
 * import type { Gpu } from "effect-atlas"
 *
 * const cheapest = (types: ReadonlyArray<Gpu.GpuType>) =>
 *   types
 *     .filter((type) => type.lowestPricePerHour !== null)
 *     .toSorted((left, right) => (left.lowestPricePerHour ?? 0) - (right.lowestPricePerHour ?? 0))[0]
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export class GpuType extends Schema.Class<GpuType>("effect-atlas/domain/GpuType")({
  /** The provider's own name. */
  id: Schema.String,
  provider: ProviderId,
  /** The name it has in the GPU catalog; null when the catalog does not know it. */
  canonical: orNull(Schema.String),
  displayName: Schema.String,
  /** Memory of one GPU in GB. */
  memoryGb: orNull(Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))),
  /** US dollars per hour for one GPU, on demand: the lowest there is. What a request pays depends on its `cloudType`, see {@link atCloud}. */
  lowestPricePerHour: orNull(Usd),
  /** US dollars per hour for one GPU that may be taken away again. */
  spotPricePerHour: orNull(Usd),
  stock: GpuStock.pipe(Schema.withConstructorDefault(Effect.succeed("unknown"))),
  cloudType: CloudType.pipe(Schema.withConstructorDefault(Effect.succeed("any"))),
  /** Each kind of machine it is sold on, where the provider tells them apart. */
  clouds: Schema.Array(CloudOffer).pipe(
    Schema.withDecodingDefault(Effect.succeed([])),
    Schema.withConstructorDefault(Effect.succeed([]))
  ),
  raw: orNull(Schema.Json)
}) {
  override toString(): string {
    return `GpuType(${this.provider}/${this.id} ${this.stock})`
  }

  /** Everything that may be printed: all fields but `raw`. */
  toJSON(): Omit<typeof GpuType.Encoded, "raw"> {
    const { raw: _raw, ...printed } = this
    return printed
  }

  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

/**
 * The offer that a request with this `cloudType` rents: its price and what is left are those of that kind of machine. Null where
 * the type is not sold on it.
 *
 * **Details**
 *
 * `any` is the provider's own machines (`secure`), and those of third parties only for a type that it does not sell itself. Where the
 * provider tells no kinds apart, a request for one of them rents nothing.
 *
 * **Example** (What a request pays)
 *
 * ```ts
 * import { Gpu } from "effect-atlas"
 *
 * const priceOf = (type: Gpu.GpuType) => Gpu.atCloud(type, "community")?.lowestPricePerHour ?? null
 * ```
 *
 * @category look-ups
 * @since 0.1.0
 */
export const atCloud = (type: GpuType, cloudType: CloudType): GpuType | null => {
  const wanted = cloudType === "any" ? type.clouds.find((one) => one.cloudType === "secure") ?? type.clouds[0] : (
    type.clouds.find((one) => one.cloudType === cloudType)
  )
  if (wanted === undefined) return cloudType === "any" ? type : null
  return new GpuType({
    ...type,
    lowestPricePerHour: wanted.pricePerHour,
    stock: wanted.stock,
    cloudType: cloudType === "any" ? type.cloudType : cloudType
  })
}
