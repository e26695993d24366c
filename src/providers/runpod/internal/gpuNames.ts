/** What RunPod calls the GPUs that have a canonical name. */
import type { GpuEntry } from "../../../domain/GpuCatalog.ts"

export const gpuNames: ReadonlyArray<GpuEntry> = [
  { canonical: "h200", ids: ["NVIDIA H200"] },
  { canonical: "h100", ids: ["NVIDIA H100 80GB HBM3"] },
  { canonical: "h100_pcie", ids: ["NVIDIA H100 PCIe"] },
  { canonical: "a100_80g", ids: ["NVIDIA A100 80GB PCIe"] },
  { canonical: "a100_40g", ids: ["NVIDIA A100-SXM4-40GB"] },
  { canonical: "l40s", ids: ["NVIDIA L40S"] },
  { canonical: "l40", ids: ["NVIDIA L40"] },
  { canonical: "l4", ids: ["NVIDIA L4"] },
  { canonical: "a6000", ids: ["NVIDIA RTX A6000"] },
  { canonical: "a5000", ids: ["NVIDIA RTX A5000"] },
  { canonical: "a4000", ids: ["NVIDIA RTX A4000"] },
  { canonical: "rtx_6000_ada", ids: ["NVIDIA RTX 6000 Ada Generation"] },
  { canonical: "rtx_4090", ids: ["NVIDIA GeForce RTX 4090"] },
  { canonical: "rtx_3090", ids: ["NVIDIA GeForce RTX 3090"] },
  { canonical: "mi300x", ids: ["AMD Instinct MI300X OAM"] }
]
