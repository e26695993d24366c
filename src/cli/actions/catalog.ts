/**
 * What `atlas gpus` and `providers` do.
 */
import * as Effect from "effect/Effect"
import * as Atlas from "../../Atlas.ts"
import { isUsable, Providers } from "../../provider/Providers.ts"
import { Shell } from "../Shell.ts"
import * as Table from "../Table.ts"

/** Prints what a provider rents and for how much. */
export const gpus = ({ call }: { readonly call: Atlas.Options }) =>
  Effect.gen(function*() {
    const { hasColor: color, invocation, out } = yield* Shell
    const types = yield* Atlas.listGpuTypes(call)
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
        cloudType: type.cloudType
      }))))
    }
    yield* out(
      types.length === 0 ? "no GPUs" : Table.render(
        ["ID", "CANONICAL", "NAME", "GB", "PRICE/H", "SPOT/H", "STOCK", "CLOUD"],
        types.map((type) => [
          type.id,
          type.canonical,
          type.displayName,
          type.memoryGb,
          Table.dollars(type.lowestPricePerHour),
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
      capabilities: provider.capabilities,
      implemented: provider.implemented,
      configured: isUsable(provider),
      missing: provider.missing
    }))
    yield* out(
      invocation.json ? JSON.stringify(all) : Table.render(
        ["ID", "STATE", "MISSING", "CAPABILITIES"],
        all.map(({ capabilities, configured, id, implemented, missing }) => [
          id,
          configured ? "ready" : implemented ? "not configured" : "reserved",
          missing.join(" "),
          capabilities.join(" ")
        ]),
        { color }
      )
    )
  })
