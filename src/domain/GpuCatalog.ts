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
  b300: gpu(288, "NVIDIA B300 SXM6 AC"),
  b200: gpu(180, "NVIDIA B200"),
  h200: gpu(141, "NVIDIA H200"),
  h200_nvl: gpu(143, "NVIDIA H200 NVL"),
  h100: gpu(80, "NVIDIA H100 80GB HBM3"),
  h100_nvl: gpu(94, "NVIDIA H100 NVL"),
  h100_pcie: gpu(80, "NVIDIA H100 PCIe"),
  h100_sxm: gpu(80),
  gh200: gpu(96),
  a100_80g: gpu(80, "NVIDIA A100 80GB PCIe"),
  a100_80g_sxm: gpu(80, "NVIDIA A100-SXM4-80GB"),
  a100_40g: gpu(40, "NVIDIA A100-SXM4-40GB"),
  l40s: gpu(48, "NVIDIA L40S"),
  l40: gpu(48, "NVIDIA L40"),
  l4: gpu(24, "NVIDIA L4"),
  a40: gpu(48, "NVIDIA A40"),
  a30: gpu(24, "NVIDIA A30"),
  a10: gpu(24),
  a6000: gpu(48, "NVIDIA RTX A6000"),
  a5000: gpu(24, "NVIDIA RTX A5000"),
  a4500: gpu(20, "NVIDIA RTX A4500"),
  a4000: gpu(16, "NVIDIA RTX A4000"),
  a2000: gpu(6, "NVIDIA RTX A2000"),
  rtx_pro_6000: gpu(96, "NVIDIA RTX PRO 6000 Blackwell Server Edition"),
  rtx_pro_6000_mig_48g: gpu(48, "NVIDIA RTX PRO 6000 Blackwell Server Edition MIG 2g.48gb"),
  rtx_pro_6000_mig_24g: gpu(24, "NVIDIA RTX PRO 6000 Blackwell Server Edition MIG 1g.24gb"),
  rtx_pro_6000_ws: gpu(96, "NVIDIA RTX PRO 6000 Blackwell Workstation Edition"),
  rtx_pro_6000_maxq: gpu(96, "NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition"),
  rtx_pro_4500: gpu(32, "NVIDIA RTX PRO 4500 Blackwell"),
  rtx_6000: gpu(24),
  rtx_6000_ada: gpu(48, "NVIDIA RTX 6000 Ada Generation"),
  rtx_5000_ada: gpu(32, "NVIDIA RTX 5000 Ada Generation"),
  rtx_4000_ada: gpu(20, "NVIDIA RTX 4000 Ada Generation"),
  rtx_4000_sff_ada: gpu(20, "NVIDIA RTX 4000 SFF Ada Generation"),
  rtx_2000_ada: gpu(16, "NVIDIA RTX 2000 Ada Generation"),
  rtx_5090: gpu(32, "NVIDIA GeForce RTX 5090"),
  rtx_5080: gpu(16, "NVIDIA GeForce RTX 5080"),
  rtx_4090: gpu(24, "NVIDIA GeForce RTX 4090"),
  rtx_4080_super: gpu(16, "NVIDIA GeForce RTX 4080 SUPER"),
  rtx_4080: gpu(16, "NVIDIA GeForce RTX 4080"),
  rtx_4070_ti: gpu(12, "NVIDIA GeForce RTX 4070 Ti"),
  rtx_3090_ti: gpu(24, "NVIDIA GeForce RTX 3090 Ti"),
  rtx_3090: gpu(24, "NVIDIA GeForce RTX 3090"),
  rtx_3080_ti: gpu(12, "NVIDIA GeForce RTX 3080 Ti"),
  rtx_3080: gpu(10, "NVIDIA GeForce RTX 3080"),
  rtx_3070: gpu(8, "NVIDIA GeForce RTX 3070"),
  v100_32g: gpu(32, "Tesla V100-SXM2-32GB"),
  v100: gpu(16, "Tesla V100-SXM2-16GB"),
  v100_pcie: gpu(16, "Tesla V100-PCIE-16GB"),
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
 * What a provider calls a GPU; null when it is not known to have it.
 *
 * **Example** (Looking up a name)
 *
 * ```ts
 * import { GpuCatalog } from "effect-atlas"
 *
 * const catalog = GpuCatalog.extend(GpuCatalog.builtIn, "acme", [{ canonical: "h200", ids: ["H200", "H200 NVL"] }])
 *
 * GpuCatalog.native(catalog, "acme", "h200") // { ids: ["H200", "H200 NVL"] }
 * GpuCatalog.native(catalog, "acme", "mi300x") // null
 * ```
 *
 * @category look-ups
 * @since 0.1.0
 */
export const native = (catalog: GpuCatalog, provider: string, canonical: CanonicalGpu): GpuMapping | null =>
  catalog.providers.get(provider)?.get(canonical) ?? null

const isWithin = ({ belowMemoryMb, minMemoryMb }: GpuMapping, memoryMb: number | undefined): boolean =>
  memoryMb === undefined
    ? minMemoryMb === undefined && belowMemoryMb === undefined
    : (minMemoryMb === undefined || memoryMb >= minMemoryMb) &&
      (belowMemoryMb === undefined || memoryMb < belowMemoryMb)

/**
 * The canonical name of a provider's GPU; null when the catalog does not know it.
 *
 * **Details**
 *
 * `memoryMb` is the GPU's memory in MB. Where only it tells two GPUs apart and it is not given, the answer is null:
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
 * GpuCatalog.canonicalOf(catalog, "acme", "A100", 81_920) // "a100_80g"
 * GpuCatalog.canonicalOf(catalog, "acme", "A100", 40_960) // "a100_40g"
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
): CanonicalGpu | null => {
  let found: CanonicalGpu | null = null
  for (const [canonical, mapping] of catalog.providers.get(provider) ?? []) {
    if (mapping.ids.includes(nativeId) && isWithin(mapping, memoryMb)) found = canonical
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

/**
 * What a provider calls a GPU that is named canonically or in its own words; null where no provider's word is like it.
 *
 * **Details**
 *
 * A name of the catalog gives the provider's own. A name of the provider's own is taken as it is, also one that the catalog does
 * not know yet, if `isOwn` says that the provider writes its names so.
 *
 * **Example** (Either name)
 *
 * ```ts
 * import { GpuCatalog } from "effect-atlas"
 *
 * const catalog = GpuCatalog.extend(GpuCatalog.builtIn, "acme", [{ canonical: "h200", ids: ["H200", "H200 NVL"] }])
 *
 * GpuCatalog.nativeId(catalog, "acme", "h200") // "H200"
 * GpuCatalog.nativeId(catalog, "acme", "H200 NVL") // "H200 NVL"
 * GpuCatalog.nativeId(catalog, "acme", "H100") // null
 * ```
 *
 * @category look-ups
 * @since 0.1.0
 */
export const nativeId = (
  catalog: GpuCatalog,
  provider: string,
  name: string,
  isOwn: (name: string) => boolean = () => false
): string | null => {
  const mapping = native(catalog, provider, name)
  if (mapping !== null) return mapping.ids[0]
  return isOwn(name) || [...catalog.providers.get(provider)?.values() ?? []].some(({ ids }) => ids.includes(name))
    ? name
    : null
}

/** A name without what people write in different ways: `NVIDIA GeForce RTX 4090`, `rtx-4090` and `RTX4090` are one. */
const bare = (name: string): string =>
  name.toLowerCase().replace(/nvidia|geforce|tesla|amd|instinct|generation|gb?(?![a-z0-9])/g, "").replace(
    /[^a-z0-9]/g,
    ""
  )

/** How many letters have to be changed to make one word of the other. */
const distance = (left: string, right: string): number => {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (const [index, letter] of [...left].entries()) {
    let before = index
    row = row.map((above, column) => {
      if (column === 0) return before = index + 1
      const changed = (row[column - 1] ?? 0) + (letter === right[column - 1] ? 0 : 1)
      return before = Math.min(before + 1, above + 1, changed)
    })
  }
  return row.at(-1) ?? 0
}

/** How many suggestions a person reads. */
const mostSuggestions = 4

/**
 * The canonical names, of those a provider has, that a word may have meant: the nearest first, none where none is near.
 *
 * **Details**
 *
 * Without a provider all names of the catalog count.
 *
 * **Example** (A name as it stands on the box)
 *
 * ```ts
 * import { GpuCatalog } from "effect-atlas"
 *
 * GpuCatalog.suggest(GpuCatalog.builtIn, "RTX 4090") // ["rtx_4090"]
 * ```
 *
 * @category look-ups
 * @since 0.1.0
 */
export const suggest = (
  catalog: GpuCatalog,
  word: string,
  provider?: string | undefined
): ReadonlyArray<CanonicalGpu> => {
  // longer words are no GPU names, and comparing them would take long
  const asked = bare(word.slice(0, 128))
  if (asked === "") return []
  const near = canonicalNames(catalog, provider).flatMap((name) => {
    const own = provider === undefined ? [] : native(catalog, provider, name)?.ids ?? []
    const score = Math.min(...[name, ...catalog.gpus.get(name)?.aliases ?? [], ...own].map((known) => {
      const other = bare(known)
      if (other === asked) return 0
      if (asked.length > 1 && other.includes(asked)) return 1
      const letters = distance(asked, other)
      return letters <= Math.max(1, Math.floor(asked.length / 4)) ? 1 + letters : Infinity
    }))
    return score === Infinity ? [] : [{ name, score }]
  }).toSorted((left, right) => left.score - right.score || left.name.length - right.name.length)
  return near.filter(({ score }) => score === near[0]?.score).slice(0, mostSuggestions).map(({ name }) => name)
}
