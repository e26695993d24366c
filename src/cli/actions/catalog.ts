/**
 * What `atlas gpus` and `providers` do.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Atlas from "../../Atlas.ts"
import { AtlasError, Unsupported } from "../../domain/AtlasError.ts"
import * as Gpu from "../../domain/Gpu.ts"
import type { CloudType, GpuType } from "../../domain/Gpu.ts"
import { isUsable, Providers } from "../../provider/Providers.ts"
import { Shell } from "../Shell.ts"
import * as Table from "../Table.ts"

/** The types that a request with this `--cloud` can rent, each with the price that it pays. */
const atCloud = (types: ReadonlyArray<GpuType>, cloud: Option.Option<CloudType>) =>
  Effect.gen(function*() {
    const wanted = Option.getOrElse(cloud, () => "any" as const)
    const [first] = types
    if (first !== undefined && wanted !== "any" && types.every(({ clouds }) => clouds.length === 0)) {
      return yield* new AtlasError({
        provider: first.provider,
        operation: "listGpuTypes",
        reason: new Unsupported({
          capability: "cloud",
          message: `${first.provider} does not tell ${wanted} machines apart: leave --cloud out`
        })
      })
    }
    return types.flatMap((type) => Gpu.atCloud(type, wanted) ?? [])
  })

/** What one kind of machine costs; null where it is not sold on it. */
const priceOn = (cloudType: CloudType, { clouds }: GpuType) =>
  clouds.find((one) => one.cloudType === cloudType)?.pricePerHour ?? null

/** Prints what a provider rents and for how much: what `up` pays with the same `--cloud`. */
export const gpus = ({ call, cloud }: { readonly call: Atlas.Options; readonly cloud: Option.Option<CloudType> }) =>
  Effect.gen(function*() {
    const { hasColor: color, invocation, out } = yield* Shell
    const types = yield* atCloud(yield* Atlas.listGpuTypes(call), cloud)
    if (invocation.json) {
      return yield* out(JSON.stringify(types.map((type) => ({
        id: type.id,
        provider: type.provider,
        canonical: type.canonical,
        displayName: type.displayName,
        memoryGb: type.memoryGb,
        lowestPricePerHour: type.lowestPricePerHour,
        spotPricePerHour: type.spotPricePerHour,
        stock: type.stock,
        cloudType: type.cloudType,
        securePricePerHour: priceOn("secure", type),
        communityPricePerHour: priceOn("community", type)
      }))))
    }
    yield* out(
      types.length === 0 ? "no GPUs" : Table.render(
        ["ID", "CANONICAL", "NAME", "GB", "PRICE/H", "SECURE/H", "COMMUNITY/H", "SPOT/H", "STOCK", "CLOUD"],
        types.map((type) => [
          type.id,
          type.canonical,
          type.displayName,
          type.memoryGb,
          Table.dollars(type.lowestPricePerHour),
          Table.dollars(priceOn("secure", type)),
          Table.dollars(priceOn("community", type)),
          Table.dollars(type.spotPricePerHour),
          type.stock,
          type.cloudType
        ]),
        { color }
      )
    )
  })

/** Prints every provider; a configured one can be used as it is. */
export const providers = (_: object) =>
  Effect.gen(function*() {
    const { hasColor: color, invocation, out } = yield* Shell
    const all = (yield* Providers).all.map((provider) => ({
      id: provider.id,
      cloud: provider.cloud,
      capabilities: provider.capabilities,
      implemented: provider.implemented,
      configured: isUsable(provider),
      missing: provider.missing
    }))
    yield* out(
      invocation.json ? JSON.stringify(all) : Table.render(
        ["ID", "CLOUD", "STATE", "MISSING", "CAPABILITIES"],
        all.map(({ capabilities, cloud, configured, id, implemented, missing }) => [
          id,
          cloud,
          configured ? "ready" : implemented ? "not configured" : "reserved",
          missing.join(" "),
          capabilities.join(" ")
        ]),
        { color }
      )
    )
  })
