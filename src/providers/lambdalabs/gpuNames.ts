/** What Lambda calls the GPUs that have a canonical name: the instance type with one of them. */
import type { GpuEntry } from "../../domain/GpuCatalog.ts"

export const gpuNames: ReadonlyArray<GpuEntry> = [
  { canonical: "b200", ids: ["gpu_1x_b200_sxm6"] },
  { canonical: "h100", ids: ["gpu_1x_h100_pcie"] },
  { canonical: "h100_sxm", ids: ["gpu_1x_h100_sxm5"] },
  { canonical: "gh200", ids: ["gpu_1x_gh200"] },
  // sold by eight only; the name for one is the base that the count is put into
  { canonical: "a100_80g", ids: ["gpu_1x_a100_80gb_sxm4"] },
  { canonical: "a100_40g", ids: ["gpu_1x_a100_sxm4"] },
  { canonical: "a10", ids: ["gpu_1x_a10"] },
  { canonical: "a6000", ids: ["gpu_1x_a6000"] },
  { canonical: "rtx_6000", ids: ["gpu_1x_rtx6000"] },
  // sold by eight only, as above
  { canonical: "v100", ids: ["gpu_1x_v100"] }
]
