/**
 * One name for a GPU on every cloud: `a100_80g` here is `NVIDIA A100 80GB PCIe` there.
 *
 * A catalog is a value that never changes; extending one gives a new one. The built-in catalog knows the GPUs, and each
 * provider brings its own names for them (`provider.gpuNames`). Provide `CurrentGpuCatalog` to teach a program further ones.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/**
 * What one provider calls a GPU.
 *
 * @category models
 * @since 0.1.0
 */
export interface GpuMapping {
  /** The provider's own names; any of them is this GPU. */
  readonly ids: NonEmptyReadonlyArray<string>
  /** Only with at least this much GPU memory, in MB, where one native name covers several sizes. */
  readonly minMemoryMb?: number
  /** Only with less than this much GPU memory, in MB. */
  readonly belowMemoryMb?: number
}

/**
 * A canonical name and what one provider calls it.
 *
 * @category models
 * @since 0.1.0
 */
export interface GpuEntry extends GpuMapping {
  readonly canonical: CanonicalGpu
}

/**
 * What is known of a GPU, whichever cloud rents it.
 *
 * @category models
 * @since 0.1.0
 */
export interface KnownGpu {
  /** Memory of one GPU in GB; null when it is not known. */
  readonly memoryGb: number | null
  /** What its maker's own driver calls it. */
  readonly aliases: ReadonlyArray<string>
}

/**
 * The GPUs with a canonical name, and each provider's own names for them.
 *
 * @category models
 * @since 0.1.0
 */
export interface GpuCatalog {
  /** By canonical name. */
  readonly gpus: ReadonlyMap<string, KnownGpu>
  /** Provider, then canonical name. */
  readonly providers: ReadonlyMap<string, ReadonlyMap<string, GpuMapping>>
}

const gpu = (memoryGb: number, ...aliases: ReadonlyArray<string>): KnownGpu => ({ memoryGb, aliases })

const table = {
  h200: gpu(141, "NVIDIA H200"),
  h100: gpu(80, "NVIDIA H100 80GB HBM3"),
  h100_pcie: gpu(80, "NVIDIA H100 PCIe"),
  h100_sxm: gpu(80),
  gh200: gpu(96),
  a100_80g: gpu(80, "NVIDIA A100 80GB PCIe"),
  a100_40g: gpu(40, "NVIDIA A100-SXM4-40GB"),
  l40s: gpu(48, "NVIDIA L40S"),
  l40: gpu(48, "NVIDIA L40"),
  l4: gpu(24, "NVIDIA L4"),
  a10: gpu(24),
  a6000: gpu(48, "NVIDIA RTX A6000"),
  a5000: gpu(24, "NVIDIA RTX A5000"),
  a4000: gpu(16, "NVIDIA RTX A4000"),
  rtx_6000: gpu(24),
  rtx_6000_ada: gpu(48, "NVIDIA RTX 6000 Ada Generation"),
  rtx_4090: gpu(24, "NVIDIA GeForce RTX 4090"),
  rtx_3090: gpu(24, "NVIDIA GeForce RTX 3090"),
  mi300x: gpu(192, "AMD Instinct MI300X OAM")
}

/**
 * A canonical GPU name: one the library knows, which an editor completes, or one of your own catalog.
 *
 * @category models
 * @since 0.1.0
 */
export type CanonicalGpu = keyof typeof table | (string & {})

/**
 * A catalog that knows no GPU.
 *
 * @category catalogs
 * @since 0.1.0
 */
export const empty: GpuCatalog = { gpus: new Map(), providers: new Map() }

/**
 * The GPUs that the library has a name for, without any provider's names for them.
 *
 * @category catalogs
 * @since 0.1.0
 */
export const builtIn: GpuCatalog = { gpus: new Map(Object.entries(table)), providers: new Map() }

/**
 * What the makers' own drivers call the built-in GPUs, for a provider whose machines say what their driver says.
 *
 * @category catalogs
 * @since 0.1.0
 */
export const driverNames: ReadonlyArray<GpuEntry> = Object.entries(table).flatMap(([canonical, { aliases }]) => {
  const [first, ...rest] = aliases
  return first === undefined ? [] : [{ canonical, ids: [first, ...rest] }]
})

const mapped = (
  known: ReadonlyMap<string, GpuMapping> | undefined,
  entries: Iterable<GpuEntry>
): Map<string, GpuMapping> => {
  const mappings = new Map(known)
  for (const { canonical, ids: [first, ...rest], ...bounds } of entries) {
    // deleted first, so that the later entry is also the later one in order
    mappings.delete(canonical)
    mappings.set(canonical, { ids: [first, ...rest], ...bounds })
  }
  return mappings
}

const unknown: KnownGpu = { memoryGb: null, aliases: [] }

const withMappings = (
  { gpus, providers }: GpuCatalog,
  provider: string,
  mappings: ReadonlyMap<string, GpuMapping>
): GpuCatalog => ({
  gpus: new Map([...[...mappings.keys()].map((canonical) => [canonical, unknown] as const), ...gpus]),
  providers: new Map(providers).set(provider, mappings)
})

/**
 * A new catalog that also knows these GPUs of one provider; the given catalog stays as it is.
 *
 * **Details**
 *
 * An entry replaces the provider's earlier one of the same canonical name. Where two canonical names claim one native
 * name, the later one wins in `canonicalOf`.
 *
 * **Example** (The names of another provider)
 *
 * ```ts
 * import { GpuCatalog } from "effect-atlas"
 * import * as Layer from "effect/Layer"
 *
 * const withAcme = Layer.succeed(
 *   GpuCatalog.CurrentGpuCatalog,
 *   GpuCatalog.extend(GpuCatalog.builtIn, "acme", [{ canonical: "h100", ids: ["acme-h100-sxm"] }])
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const extend = (catalog: GpuCatalog, provider: string, entries: Iterable<GpuEntry>): GpuCatalog =>
  withMappings(catalog, provider, mapped(catalog.providers.get(provider), entries))

/**
 * A new catalog with a provider's own names, under those that the given catalog has for it.
 *
 * **Example** (What a provider calls a GPU)
 *
 * ```ts
 * import { GpuCatalog, type Provider } from "effect-atlas"
 *
 * const nativeName = (provider: Provider.Service) =>
 *   GpuCatalog.native(GpuCatalog.withNames(GpuCatalog.builtIn, provider.id, provider.gpuNames), provider.id, "h100")
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const withNames = (catalog: GpuCatalog, provider: string, own: Iterable<GpuEntry>): GpuCatalog => {
  const given = [...catalog.providers.get(provider) ?? []].map(([canonical, mapping]) => ({ canonical, ...mapping }))
  return withMappings(catalog, provider, mapped(mapped(undefined, own), given))
}

/**
 * The catalog in use; `builtIn` unless another one is provided.
 *
 * @category services
 * @since 0.1.0
 */
export const CurrentGpuCatalog = Context.Reference<GpuCatalog>("effect-atlas/domain/CurrentGpuCatalog", {
  defaultValue: () => builtIn
})

/**
 * The catalog in use, with a provider's own names in it.
 *
 * **When to use**
 *
 * In an adapter: prepare it once with the names that the adapter gives as `gpuNames`, and ask it with every call.
 *
 * @category services
 * @since 0.1.0
 */
export const inUse = (provider: string, own: Iterable<GpuEntry>): Effect.Effect<GpuCatalog> => {
  const made = new WeakMap<GpuCatalog, GpuCatalog>()
  return Effect.map(CurrentGpuCatalog, (catalog) => {
    const known = made.get(catalog)
    if (known !== undefined) return known
    const fresh = withNames(catalog, provider, own)
    made.set(catalog, fresh)
    return fresh
  })
}

/**
 * What a provider calls a GPU; none when it is not known to have it.
 *
 * **Example** (Looking up a name)
 *
 * ```ts
 * import { GpuCatalog } from "effect-atlas"
 *
 * const catalog = GpuCatalog.extend(GpuCatalog.builtIn, "acme", [{ canonical: "h200", ids: ["H200", "H200 NVL"] }])
 *
 * GpuCatalog.native(catalog, "acme", "h200") // some({ ids: ["H200", "H200 NVL"] })
 * GpuCatalog.native(catalog, "acme", "mi300x") // none
 * ```
 *
 * @category look-ups
 * @since 0.1.0
 */
export const native = (catalog: GpuCatalog, provider: string, canonical: CanonicalGpu): Option.Option<GpuMapping> =>
  Option.fromUndefinedOr(catalog.providers.get(provider)?.get(canonical))

const isWithin = ({ belowMemoryMb, minMemoryMb }: GpuMapping, memoryMb: number | undefined): boolean =>
  memoryMb === undefined
    ? minMemoryMb === undefined && belowMemoryMb === undefined
    : (minMemoryMb === undefined || memoryMb >= minMemoryMb) &&
      (belowMemoryMb === undefined || memoryMb < belowMemoryMb)

/**
 * The canonical name of a provider's GPU; none when the catalog does not know it.
 *
 * **Details**
 *
 * `memoryMb` is the GPU's memory in MB. Where only it tells two GPUs apart and it is not given, the answer is none:
 * no name is better than a wrong one.
 *
 * **Example** (One native name, two GPUs)
 *
 * ```ts
 * import { GpuCatalog } from "effect-atlas"
 *
 * const catalog = GpuCatalog.extend(GpuCatalog.builtIn, "acme", [
 *   { canonical: "a100_80g", ids: ["A100"], minMemoryMb: 70_000 },
 *   { canonical: "a100_40g", ids: ["A100"], belowMemoryMb: 70_000 }
 * ])
 *
 * GpuCatalog.canonicalOf(catalog, "acme", "A100", 81_920) // some("a100_80g")
 * GpuCatalog.canonicalOf(catalog, "acme", "A100", 40_960) // some("a100_40g")
 * ```
 *
 * @category look-ups
 * @since 0.1.0
 */
export const canonicalOf = (
  catalog: GpuCatalog,
  provider: string,
  nativeId: string,
  memoryMb?: number | undefined
): Option.Option<CanonicalGpu> => {
  let found: Option.Option<CanonicalGpu> = Option.none()
  for (const [canonical, mapping] of catalog.providers.get(provider) ?? []) {
    if (mapping.ids.includes(nativeId) && isWithin(mapping, memoryMb)) found = Option.some(canonical)
  }
  return found
}

/**
 * The canonical names a provider has, or all of them without a provider: unique and sorted.
 *
 * **Details**
 *
 * A provider the catalog does not know has none.
 *
 * **Example** (Everything with a name)
 *
 * ```ts
 * import { GpuCatalog } from "effect-atlas"
 *
 * GpuCatalog.canonicalNames(GpuCatalog.builtIn) // ["a10", "a100_40g", "a100_80g", "a4000", ...]
 * ```
 *
 * @category look-ups
 * @since 0.1.0
 */
export const canonicalNames = (catalog: GpuCatalog, provider?: string | undefined): ReadonlyArray<CanonicalGpu> =>
  [...(provider === undefined ? catalog.gpus : catalog.providers.get(provider) ?? empty.gpus).keys()].toSorted()
