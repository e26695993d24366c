/**
 * The verbs of what outlives a compute: network volumes, templates, endpoints, and the bill.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { AtlasError } from "../domain/AtlasError.ts"
import type {
  Endpoint,
  NetworkVolume,
  NetworkVolumeRequest,
  Spend,
  SpendWindow,
  Template,
  TemplateInput
} from "../domain/Resources.ts"
import type { Providers } from "../provider/Providers.ts"
import { at, type Options } from "./desk.ts"

type Answer<A> = Effect.Effect<A, AtlasError, Providers>

/**
 * What a compute has cost within a window, as the provider bills it; billing lags, so this is no live figure.
 *
 * **Details**
 *
 * `from` and `to` are instants; where both are left out the provider's own window holds, and the answer says which.
 *
 * **Example** (Since a day)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 * import * as DateTime from "effect/DateTime"
 *
 * const spend = Atlas.computeSpend("pod1", { from: DateTime.makeUnsafe("2026-11-01T00:00:00Z") }, { provider: "acme" })
 * ```
 *
 * @category resources
 * @since 0.1.0
 */
export const computeSpend = (id: string, window?: SpendWindow, options?: Options): Answer<Spend> =>
  at("computeSpend", options, (provider, call) => provider.billing.spend(id, window, call))

/**
 * All network volumes of the account.
 *
 * @category resources
 * @since 0.1.0
 */
export const listNetworkVolumes = (options?: Options): Answer<ReadonlyArray<NetworkVolume>> =>
  at("listNetworkVolumes", options, (provider, call) => provider.volumes.list(call))

/**
 * One network volume; an unknown id fails as `NotFound`.
 *
 * @category resources
 * @since 0.1.0
 */
export const getNetworkVolume = (id: string, options?: Options): Answer<NetworkVolume> =>
  at("getNetworkVolume", options, (provider, call) => provider.volumes.get(id, call))

/**
 * Makes a network volume, which costs money until it is deleted; a lost answer fails as `Uncertain`.
 *
 * **Example** (A hundred gigabytes)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 *
 * const volume = Atlas.createNetworkVolume({ name: "models", sizeGb: 100, region: "EU-RO-1" }, { provider: "acme" })
 * ```
 *
 * @category resources
 * @since 0.1.0
 */
export const createNetworkVolume = (
  request: typeof NetworkVolumeRequest.Encoded,
  options?: Options
): Answer<NetworkVolume> =>
  at("createNetworkVolume", options, (provider, call) => provider.volumes.create(request, call))

/**
 * Deletes a network volume with everything on it.
 *
 * @category resources
 * @since 0.1.0
 */
export const deleteNetworkVolume = (id: string, options?: Options): Answer<void> =>
  at("deleteNetworkVolume", options, (provider, call) => provider.volumes.delete(id, call))

/**
 * All templates of the account.
 *
 * @category resources
 * @since 0.1.0
 */
export const listTemplates = (options?: Options): Answer<ReadonlyArray<Template>> =>
  at("listTemplates", options, (provider, call) => provider.templates.list(call))

/**
 * One template; an unknown id fails as `NotFound`.
 *
 * @category resources
 * @since 0.1.0
 */
export const getTemplate = (id: string, options?: Options): Answer<Template> =>
  at("getTemplate", options, (provider, call) => provider.templates.get(id, call))

/**
 * Makes a template; a lost answer fails as `Uncertain`.
 *
 * **Example** (A server set up once)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 *
 * const template = Atlas.createTemplate({ name: "server", image: "me/server" }, { provider: "acme" })
 * ```
 *
 * @category resources
 * @since 0.1.0
 */
export const createTemplate = (request: TemplateInput, options?: Options): Answer<Template> =>
  at("createTemplate", options, (provider, call) => provider.templates.create(request, call))

/**
 * Deletes a template.
 *
 * @category resources
 * @since 0.1.0
 */
export const deleteTemplate = (id: string, options?: Options): Answer<void> =>
  at("deleteTemplate", options, (provider, call) => provider.templates.delete(id, call))

/**
 * All serverless endpoints of the account.
 *
 * @category resources
 * @since 0.1.0
 */
export const listEndpoints = (options?: Options): Answer<ReadonlyArray<Endpoint>> =>
  at("listEndpoints", options, (provider, call) => provider.endpoints.list(call))

/**
 * One serverless endpoint; an unknown id fails as `NotFound`.
 *
 * @category resources
 * @since 0.1.0
 */
export const getEndpoint = (id: string, options?: Options): Answer<Endpoint> =>
  at("getEndpoint", options, (provider, call) => provider.endpoints.get(id, call))

/**
 * Deletes a serverless endpoint with its workers.
 *
 * @category resources
 * @since 0.1.0
 */
export const deleteEndpoint = (id: string, options?: Options): Answer<void> =>
  at("deleteEndpoint", options, (provider, call) => provider.endpoints.delete(id, call))
