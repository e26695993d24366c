/** What Vast.ai calls the GPUs that have a canonical name, every variant of each. */
import type { GpuEntry } from "../../domain/GpuCatalog.ts"

/** Both sizes of the A100 are sold under the same two names; sellers report a bit less than the nominal memory. */
const a100SplitMb = 70_000
const a100 = ["A100 SXM4", "A100 PCIE"] as const

export const gpuNames: ReadonlyArray<GpuEntry> = [
  { canonical: "b300", ids: ["B300 SXM6 AC"] },
  { canonical: "b200", ids: ["B200"] },
  { canonical: "h200", ids: ["H200", "H200 NVL"] },
  { canonical: "h100", ids: ["H100 SXM", "H100 PCIE", "H100 NVL"] },
  { canonical: "a100_80g", ids: a100, minMemoryMb: a100SplitMb },
  { canonical: "a100_40g", ids: a100, belowMemoryMb: a100SplitMb },
  { canonical: "l40s", ids: ["L40S"] },
  { canonical: "l40", ids: ["L40"] },
  { canonical: "l4", ids: ["L4"] },
  { canonical: "gh200", ids: ["GH200 SXM"] },
  { canonical: "a40", ids: ["A40"] },
  { canonical: "a30", ids: ["A30"] },
  { canonical: "a10", ids: ["A10"] },
  { canonical: "a6000", ids: ["RTX A6000"] },
  { canonical: "a5000", ids: ["RTX A5000"] },
  { canonical: "a4500", ids: ["RTX A4500"] },
  { canonical: "a4000", ids: ["RTX A4000"] },
  { canonical: "a2000", ids: ["RTX A2000"] },
  { canonical: "rtx_pro_6000", ids: ["RTX PRO 6000 S"] },
  { canonical: "rtx_pro_6000_ws", ids: ["RTX PRO 6000 WS"] },
  { canonical: "rtx_pro_6000_maxq", ids: ["RTX PRO 6000 Max-Q"] },
  { canonical: "rtx_pro_4500", ids: ["RTX PRO 4500"] },
  { canonical: "rtx_6000_ada", ids: ["RTX 6000Ada"] },
  { canonical: "rtx_5000_ada", ids: ["RTX 5000Ada"] },
  { canonical: "rtx_4000_ada", ids: ["RTX 4000Ada"] },
  { canonical: "rtx_2000_ada", ids: ["RTX 2000Ada"] },
  { canonical: "rtx_5090", ids: ["RTX 5090"] },
  { canonical: "rtx_5080", ids: ["RTX 5080"] },
  { canonical: "rtx_4090", ids: ["RTX 4090"] },
  { canonical: "rtx_4080_super", ids: ["RTX 4080S"] },
  { canonical: "rtx_4080", ids: ["RTX 4080"] },
  { canonical: "rtx_4070_ti", ids: ["RTX 4070 Ti"] },
  { canonical: "rtx_3090_ti", ids: ["RTX 3090 Ti"] },
  { canonical: "rtx_3090", ids: ["RTX 3090"] },
  { canonical: "rtx_3080_ti", ids: ["RTX 3080 Ti"] },
  { canonical: "rtx_3080", ids: ["RTX 3080"] },
  { canonical: "rtx_3070", ids: ["RTX 3070"] }
]
