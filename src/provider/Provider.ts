/**
 * A provider as its users see it: facets of typed calls, each with a span, metrics and one kind of error.
 *
 * An adapter goes in, the full service comes out (`make`). What the adapter lacks answers `Unsupported`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { type AtlasError, Unsupported } from "../domain/AtlasError.ts"
import type { GpuEntry } from "../domain/GpuCatalog.ts"
import * as AccountId from "./AccountId.ts"
import type { Adapter } from "./Adapter.ts"
import type { Flag } from "./Capability.ts"
import type { FacetName, Facets, Identity, Service } from "./Facets.ts"
import { makeService } from "./internal/service.ts"
import * as LayerSettings from "./LayerSettings.ts"

export type * from "./Facets.ts"

/**
 * The type of a provider with exactly these facets, so that asking for another does not compile.
 *
 * **Example** (A provider that rents and stops)
 *
 * ```ts
 * import type { Provider } from "effect-atlas"
 *
 * const pause = (acme: Provider.Of<"compute" | "power">, id: string) => acme.power.stop(id)
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export type Of<Facet extends FacetName> = Pick<Service, keyof Identity | Facet>

/**
 * The provider in use.
 *
 * @category services
 * @since 0.1.0
 */
export class Provider extends Context.Service<Provider, Service>()("effect-atlas/provider/Provider") {}

/**
 * Makes the full service from an adapter: spans, metrics, credentials, name stamps, filters and `Unsupported` answers.
 *
 * **Details**
 *
 * Spans are named `Provider.<operation>`. The result has exactly the facets of the adapter in its type. Throws for an `id` that
 * is no `ProviderId`; {@link layer} fails instead.
 *
 * **Example** (A provider of one's own, as small as it gets)
 *
 * ```ts
 * import { AtlasError, Provider } from "effect-atlas"
 * import * as Effect from "effect/Effect"
 *
 * const nowhere = Effect.fail(new AtlasError.NotFound({ message: "there is nothing here" }))
 *
 * const acme = Provider.make({
 *   id: "acme",
 *   flags: ["http_proxy"],
 *   compute: {
 *     spawn: () => Effect.fail(new AtlasError.NoCapacity({ message: "sold out" })),
 *     get: () => nowhere,
 *     list: () => Effect.succeed([]),
 *     terminate: () => nowhere
 *   }
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <const A, Prepared = never>(adapter: A & Adapter<Prepared>): Of<Extract<keyof A, FacetName>> =>
  makeService<Prepared>(adapter, true)

/**
 * A provider made by `Provider.make`, with any facets in its type.
 *
 * @category models
 * @since 0.1.0
 */
export type Made = Identity & Pick<Facets, "compute">

/**
 * Whether a provider was made by {@link make} and so answers every facet.
 *
 * @category guards
 * @since 0.1.0
 */
export const isService = (made: Made & Partial<Facets>): made is Service =>
  made.power !== undefined && made.gpus !== undefined && made.logs !== undefined && made.jobs !== undefined
  && made.volumes !== undefined && made.templates !== undefined && made.endpoints !== undefined
  && made.billing !== undefined

/**
 * The same provider with every facet in its type; those the adapter lacks fail as `Unsupported`.
 *
 * **Gotchas**
 *
 * Throws a `TypeError` for a value that {@link make} did not make.
 *
 * @category conversions
 * @since 0.1.0
 */
export const neutral = (made: Made): Service => {
  if (!isService(made)) throw new TypeError(`${made.id} was not made by Provider.make`)
  return made
}

/**
 * Reserves a name: a provider that answers its capabilities, says `implemented: false`, and refuses everything else.
 *
 * @category constructors
 * @since 0.1.0
 */
export const placeholder = (
  id: string,
  flags: ReadonlyArray<Flag>,
  gpuNames: ReadonlyArray<GpuEntry> = []
): Service => {
  const refuse = Effect.suspend(() =>
    Effect.fail(
      new Unsupported({
        capability: "compute",
        message: `${id} is a reserved name: this version cannot talk to it yet`
      })
    )
  )
  return makeService({
    id,
    flags,
    gpuNames,
    compute: {
      check: () => refuse,
      spawn: () => refuse,
      get: () => refuse,
      list: () => refuse,
      terminate: () => refuse
    }
  }, false)
}

/**
 * A layer for a provider made from an adapter: gives it as {@link Provider}, and under its own tag with its exact type. An id
 * that is none, or a setting such as `settleWindow` that cannot be one, fails as `Validation`.
 *
 * **Example** (A tag of one's own)
 *
 * ```ts
 * import { AtlasError, Provider } from "effect-atlas"
 * import * as Context from "effect/Context"
 * import * as Effect from "effect/Effect"
 *
 * const nowhere = Effect.fail(new AtlasError.NotFound({ message: "there is nothing here" }))
 * const adapter = {
 *   id: "acme",
 *   compute: { spawn: () => nowhere, get: () => nowhere, list: () => Effect.succeed([]), terminate: () => nowhere }
 * }
 * class Acme extends Context.Service<Acme, Provider.Of<"compute">>()("acme/Acme") {}
 *
 * const layer = Provider.layer(Acme, Effect.succeed(adapter))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <Self, A, E, R, Prepared = never>(
  tag: Context.Key<Self, Of<Extract<keyof A, FacetName>>>,
  adapter: Effect.Effect<A & Adapter<Prepared>, E, R>
): Layer.Layer<Self | Provider, E | AtlasError, Exclude<R, Scope.Scope>> =>
  Layer.effectContext(
    Effect.flatMap(adapter, (made) =>
      Effect.map(Effect.andThen(AccountId.decode(made.id), LayerSettings.check(made)), () => {
        const service = makeService<Prepared>(made, true)
        return Context.make(Provider, service).pipe(Context.add(tag, service))
      }))
  )
