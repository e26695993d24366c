/**
 * One name for a GPU on every cloud: `a100_80g` here is `NVIDIA A100 80GB PCIe` there.
 *
 * A catalog is a value that never changes; extending one gives a new one. The built-in catalog knows RunPod, Lambda,
 * Vast.ai and Fly. Provide `CurrentGpuCatalog` to teach a program the names of another provider.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Context from "effect/Context"
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
 * Which provider calls which GPU what.
 *
 * @category models
 * @since 0.1.0
 */
export interface GpuCatalog {
  /** Provider, then canonical name. */
  readonly providers: ReadonlyMap<string, ReadonlyMap<string, GpuMapping>>
}

/** Vast sells both sizes of the A100 under the same two names; sellers report a bit less than the nominal memory. */
const a100SplitMb = 70_000
const a100OnVast = ["A100 SXM4", "A100 PCIE"] as const

type Row = Partial<Record<"runpod" | "lambda_labs" | "vast" | "fly", GpuMapping>>

const ids = (...names: NonEmptyReadonlyArray<string>): GpuMapping => ({ ids: names })

// Fly stopped GPU Machines on 2026-07-31; its names stay so that old records can still be read.
// Lambda sells the A100 80 GB by eight only; the name for one is the base that the count is put into.
const table = {
  h200: { runpod: ids("NVIDIA H200"), vast: ids("H200", "H200 NVL") },
  h100: {
    runpod: ids("NVIDIA H100 80GB HBM3"),
    lambda_labs: ids("gpu_1x_h100_pcie"),
    vast: ids("H100 SXM", "H100 PCIE", "H100 NVL")
  },
  h100_pcie: { runpod: ids("NVIDIA H100 PCIe") },
  h100_sxm: { lambda_labs: ids("gpu_1x_h100_sxm5") },
  gh200: { lambda_labs: ids("gpu_1x_gh200") },
  a100_80g: {
    runpod: ids("NVIDIA A100 80GB PCIe"),
    lambda_labs: ids("gpu_1x_a100_80gb_sxm4"),
    vast: { ids: a100OnVast, minMemoryMb: a100SplitMb },
    fly: ids("a100-80gb")
  },
  a100_40g: {
    runpod: ids("NVIDIA A100-SXM4-40GB"),
    lambda_labs: ids("gpu_1x_a100_sxm4"),
    vast: { ids: a100OnVast, belowMemoryMb: a100SplitMb },
    fly: ids("a100-pcie-40gb")
  },
  l40s: { runpod: ids("NVIDIA L40S"), vast: ids("L40S"), fly: ids("l40s") },
  l40: { runpod: ids("NVIDIA L40") },
  l4: { runpod: ids("NVIDIA L4"), vast: ids("L4") },
  a10: { lambda_labs: ids("gpu_1x_a10"), vast: ids("A10"), fly: ids("a10") },
  a6000: { runpod: ids("NVIDIA RTX A6000"), lambda_labs: ids("gpu_1x_a6000"), vast: ids("RTX A6000") },
  a5000: { runpod: ids("NVIDIA RTX A5000"), vast: ids("RTX A5000") },
  a4000: { runpod: ids("NVIDIA RTX A4000"), vast: ids("RTX A4000") },
  rtx_6000: { lambda_labs: ids("gpu_1x_rtx6000") },
  rtx_6000_ada: { runpod: ids("NVIDIA RTX 6000 Ada Generation"), vast: ids("RTX 6000Ada") },
  rtx_4090: { runpod: ids("NVIDIA GeForce RTX 4090"), vast: ids("RTX 4090") },
  rtx_3090: { runpod: ids("NVIDIA GeForce RTX 3090"), vast: ids("RTX 3090") },
  mi300x: { runpod: ids("AMD Instinct MI300X OAM") }
} satisfies Record<string, Row>

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
export const empty: GpuCatalog = { providers: new Map() }

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
export const extend = (catalog: GpuCatalog, provider: string, entries: Iterable<GpuEntry>): GpuCatalog => {
  const mappings = new Map(catalog.providers.get(provider))
  for (const { canonical, ids: [first, ...rest], ...bounds } of entries) {
    // deleted first, so that the later entry is also the later one in order
    mappings.delete(canonical)
    mappings.set(canonical, { ids: [first, ...rest], ...bounds })
  }
  return { providers: new Map(catalog.providers).set(provider, mappings) }
}

/**
 * The names of RunPod, Lambda, Vast.ai and Fly.
 *
 * **Gotchas**
 *
 * Fly rents no GPUs any more; its names are history.
 *
 * @category catalogs
 * @since 0.1.0
 */
export const builtIn: GpuCatalog = Object.entries<Row>(table).reduce(
  (catalog, [canonical, row]) =>
    Object.entries(row).reduce(
      (catalog, [provider, mapping]) => extend(catalog, provider, [{ canonical, ...mapping }]),
      catalog
    ),
  empty
)

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
 * What a provider calls a GPU; none when it is not known to have it.
 *
 * **Example** (Looking up a name)
 *
 * ```ts
 * import { GpuCatalog } from "effect-atlas"
 *
 * GpuCatalog.native(GpuCatalog.builtIn, "vast", "h200") // some({ ids: ["H200", "H200 NVL"] })
 * GpuCatalog.native(GpuCatalog.builtIn, "vast", "mi300x") // none
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
 * GpuCatalog.canonicalOf(GpuCatalog.builtIn, "vast", "A100 SXM4", 81_920) // some("a100_80g")
 * GpuCatalog.canonicalOf(GpuCatalog.builtIn, "vast", "A100 SXM4", 40_960) // some("a100_40g")
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
 * GpuCatalog.canonicalNames(GpuCatalog.builtIn, "fly") // ["a10", "a100_40g", "a100_80g", "l40s"]
 * ```
 *
 * @category look-ups
 * @since 0.1.0
 */
export const canonicalNames = (catalog: GpuCatalog, provider?: string | undefined): ReadonlyArray<CanonicalGpu> => {
  const mappings = provider === undefined
    ? Array.from(catalog.providers.values())
    : [catalog.providers.get(provider) ?? new Map<string, GpuMapping>()]
  return Array.from(new Set(mappings.flatMap((names) => Array.from(names.keys())))).toSorted()
}
