/** What an adapter answers, held against what it was asked. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type AtlasErrorReason, ProviderFault } from "../../domain/AtlasError.ts"
import type { Compute } from "../../domain/Compute.ts"
import * as GpuCatalog from "../../domain/GpuCatalog.ts"
import type { ComputeFilter } from "../Adapter.ts"
import * as NameStamp from "../NameStamp.ts"

/** A look at one compute; believed of another, the end of that one would be taken for the end of this one. */
export const asAsked = (looked: Effect.Effect<Compute, AtlasErrorReason>, id: string) =>
  Effect.filterOrFail(
    looked,
    (seen) => seen.id === id,
    () => new ProviderFault({ message: "the answer is about another compute" })
  )

/**
 * The four list filters, applied whether or not the provider filtered itself, and each compute once: one that moved while
 * pages were read stands on two of them.
 */
export const applyFilter = (
  all: ReadonlyArray<Compute>,
  filter: ComputeFilter,
  catalog: Effect.Effect<GpuCatalog.GpuCatalog>
): Effect.Effect<ReadonlyArray<Compute>> =>
  Effect.map(
    catalog,
    (catalog) =>
      // the later reading is the newer one
      [...new Map(all.map((compute) => [compute.id, compute])).values()].filter((compute) =>
        (filter.status === undefined || compute.status === filter.status)
        && (filter.name === undefined || NameStamp.matches(filter.name, compute.name))
        && (filter.region === undefined || compute.region === filter.region)
        && (filter.gpu === undefined || (compute.gpuType !== null && (
          compute.gpuType === filter.gpu
          || Option.contains(GpuCatalog.canonicalOf(catalog, compute.provider, compute.gpuType), filter.gpu)
        )))
      )
  )
