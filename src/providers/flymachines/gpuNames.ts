/**
 * What Fly called the GPUs that have a canonical name: it stopped GPU Machines on 2026-07-31, and old records can still be
 * read.
 */
import type { GpuEntry } from "../../domain/GpuCatalog.ts"

export const gpuNames: ReadonlyArray<GpuEntry> = [
  { canonical: "a100_80g", ids: ["a100-80gb"] },
  { canonical: "a100_40g", ids: ["a100-pcie-40gb"] },
  { canonical: "l40s", ids: ["l40s"] },
  { canonical: "a10", ids: ["a10"] }
]
