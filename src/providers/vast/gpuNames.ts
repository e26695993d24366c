/** What Vast.ai calls the GPUs that have a canonical name, every variant of each. */
import type { GpuEntry } from "../../domain/GpuCatalog.ts"

/** Both sizes of the A100 are sold under the same two names; sellers report a bit less than the nominal memory. */
const a100SplitMb = 70_000
const a100 = ["A100 SXM4", "A100 PCIE"] as const

export const gpuNames: ReadonlyArray<GpuEntry> = [
  { canonical: "h200", ids: ["H200", "H200 NVL"] },
  { canonical: "h100", ids: ["H100 SXM", "H100 PCIE", "H100 NVL"] },
  { canonical: "a100_80g", ids: a100, minMemoryMb: a100SplitMb },
  { canonical: "a100_40g", ids: a100, belowMemoryMb: a100SplitMb },
  { canonical: "l40s", ids: ["L40S"] },
  { canonical: "l4", ids: ["L4"] },
  { canonical: "a10", ids: ["A10"] },
  { canonical: "a6000", ids: ["RTX A6000"] },
  { canonical: "a5000", ids: ["RTX A5000"] },
  { canonical: "a4000", ids: ["RTX A4000"] },
  { canonical: "rtx_6000_ada", ids: ["RTX 6000Ada"] },
  { canonical: "rtx_4090", ids: ["RTX 4090"] },
  { canonical: "rtx_3090", ids: ["RTX 3090"] }
]
