/**
 * The providers an application uses, and which of them is the default.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type AtlasError, invalid, type Issue } from "../domain/AtlasError.ts"
import type { ProviderId } from "../domain/Ids.ts"
import * as Setting from "../domain/Setting.ts"
import { isService, type Made, neutral, Provider, type Service } from "./Provider.ts"

export type { Made } from "./Provider.ts"

/**
 * A provider named by its id, or given as a value made by `Provider.make`.
 *
 * @category models
 * @since 0.1.0
 */
export type Which = string | Made

/**
 * Whether a provider can be asked here: this version can talk to it, and what it needs, such as an API key, is set.
 *
 * @category reading
 * @since 0.1.0
 */
export const isUsable = ({ implemented, missing }: Pick<Service, "implemented" | "missing">): boolean =>
  implemented && missing.length === 0

/**
 * All providers in reach.
 *
 * @category services
 * @since 0.1.0
 */
export class Providers extends Context.Service<Providers, {
  readonly all: ReadonlyArray<Service>
  /** The one asked for, else the default; an unknown or missing one fails as `Validation`. */
  readonly get: (which: Which | undefined, operation: string) => Effect.Effect<Service, AtlasError>
}>()("effect-atlas/provider/Providers") {}

/** The ids that more than one of them has. */
const doublesOf = (all: ReadonlyArray<Service>): ReadonlyArray<ProviderId> => [
  ...new Set(all.filter(({ id }, index) => all.findIndex((one) => one.id === id) < index).map(({ id }) => id))
]

const twice = (id: string): Issue => ({
  path: "id",
  message: `two providers here are called ${id}: give each account of a cloud an \`id\` of its own`
})

/**
 * A registry of these providers; `default` is the id used when a call names none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (made: ReadonlyArray<Made>, options?: { readonly default?: string }): Providers["Service"] => {
  const all = made.map(neutral)
  const byId = new Map<string, Service>(all.map((provider) => [provider.id, provider]))
  const doubles = new Set<string>(doublesOf(all))
  const known = [...byId.keys()].join(", ") || "none"
  const refuse = (operation: string, message: string) =>
    Effect.fail(invalid(operation, [{ path: "provider", message }]))
  return Providers.of({
    all,
    get: (which, operation) => {
      const wanted = which ?? options?.default ?? ""
      if (wanted === "") {
        return refuse(
          operation,
          "no provider: give `provider` with the call, or a default to the layer or in ATLAS_PROVIDER"
        )
      }
      if (typeof wanted !== "string") {
        return isService(wanted) ? Effect.succeed(wanted) : refuse(operation, "give a provider made by Provider.make")
      }
      if (doubles.has(wanted)) {
        return refuse(operation, `two providers here are called ${wanted}; give the provider itself as a value`)
      }
      const found = byId.get(wanted)
      return found === undefined
        ? refuse(
          operation,
          `${
            which === undefined ? "the default, as ATLAS_PROVIDER or the layer names it, is an " : ""
          }unknown provider; `
            + `known here: ${known}`
        )
        : Effect.succeed(found)
    }
  })
}

type Member = Layer.Layer<Provider, unknown, unknown>

type Registry<Members extends ReadonlyArray<Member>> = Layer.Layer<
  Providers,
  Layer.Error<Members[number]> | AtlasError,
  Layer.Services<Members[number]>
>

/**
 * A registry of any layers that give a provider; the default is `ATLAS_PROVIDER`, else the first of them.
 *
 * **Details**
 *
 * `ATLAS_PROVIDER` is read once, while the layer is built; a name that none of these providers has fails each call that relies on
 * it. Two accounts of one cloud stand side by side where each has an `id` of its own; two providers of one id fail the layer as
 * `Validation`.
 *
 * **Example** (Two providers)
 *
 * ```ts
 * import { Providers } from "effect-atlas"
 * import * as LocalProvider from "effect-atlas/providers/LocalProvider"
 * import * as MockProvider from "effect-atlas/providers/MockProvider"
 *
 * const layer = Providers.layer(LocalProvider.layer(), MockProvider.layer())
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <const Members extends ReadonlyArray<Member>>(
  ...members: Members
): Registry<Members> => layerDefault(null, ...members)

/**
 * Like {@link layer}, with the default named here, above `ATLAS_PROVIDER`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerDefault = <const Members extends ReadonlyArray<Member>>(
  defaultId: string | null,
  ...members: Members
): Registry<Members> =>
  // built with the memo map of the whole program: a member that is also provided on its own is the same one
  Layer.fromBuildMemo((memoMap, scope) =>
    Effect.gen(function*() {
      const built: Array<Service> = []
      for (const member of members) {
        // the tuple's union of layers: errors and needs of every member are in the signature above
        const typed = member as Layer.Layer<Provider, Layer.Error<Members[number]>, Layer.Services<Members[number]>>
        built.push(Context.get(yield* Layer.buildWithMemoMap(typed, memoMap, scope), Provider))
      }
      const doubles = doublesOf(built)
      if (doubles.length > 0) return yield* invalid("providers", doubles.map(twice))
      const named = defaultId ?? (yield* Effect.mapError(Setting.read("ATLAS_PROVIDER"), Setting.refused("providers")))
      return Context.make(Providers, make(built, { default: named ?? built[0]?.id ?? "" }))
    })
  )
