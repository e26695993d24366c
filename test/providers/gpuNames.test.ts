/**
 * What each cloud calls the GPUs that have a canonical name.
 */
import { assert, describe, it } from "@effect/vitest"
import * as GpuCatalog from "../../src/domain/GpuCatalog.ts"
import * as FlyMachines from "../../src/providers/flymachines/gpuNames.ts"
import * as Lambda from "../../src/providers/lambdalabs/gpuNames.ts"
import * as RunPod from "../../src/providers/runpod/internal/gpuNames.ts"
import * as Vast from "../../src/providers/vast/gpuNames.ts"

const published = {
  runpod: {
    b300: ["NVIDIA B300 SXM6 AC"],
    b200: ["NVIDIA B200"],
    h200: ["NVIDIA H200"],
    h200_nvl: ["NVIDIA H200 NVL"],
    h100: ["NVIDIA H100 80GB HBM3"],
    h100_nvl: ["NVIDIA H100 NVL"],
    h100_pcie: ["NVIDIA H100 PCIe"],
    a100_80g: ["NVIDIA A100 80GB PCIe"],
    a100_80g_sxm: ["NVIDIA A100-SXM4-80GB"],
    a100_40g: ["NVIDIA A100-SXM4-40GB"],
    l40s: ["NVIDIA L40S"],
    l40: ["NVIDIA L40"],
    l4: ["NVIDIA L4"],
    a40: ["NVIDIA A40"],
    a30: ["NVIDIA A30"],
    a6000: ["NVIDIA RTX A6000"],
    a5000: ["NVIDIA RTX A5000"],
    a4500: ["NVIDIA RTX A4500"],
    a4000: ["NVIDIA RTX A4000"],
    a2000: ["NVIDIA RTX A2000"],
    rtx_pro_6000: ["NVIDIA RTX PRO 6000 Blackwell Server Edition"],
    rtx_pro_6000_mig_48g: ["NVIDIA RTX PRO 6000 Blackwell Server Edition MIG 2g.48gb"],
    rtx_pro_6000_mig_24g: ["NVIDIA RTX PRO 6000 Blackwell Server Edition MIG 1g.24gb"],
    rtx_pro_6000_ws: ["NVIDIA RTX PRO 6000 Blackwell Workstation Edition"],
    rtx_pro_6000_maxq: ["NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition"],
    rtx_pro_4500: ["NVIDIA RTX PRO 4500 Blackwell"],
    rtx_6000_ada: ["NVIDIA RTX 6000 Ada Generation"],
    rtx_5000_ada: ["NVIDIA RTX 5000 Ada Generation"],
    rtx_4000_ada: ["NVIDIA RTX 4000 Ada Generation"],
    rtx_4000_sff_ada: ["NVIDIA RTX 4000 SFF Ada Generation"],
    rtx_2000_ada: ["NVIDIA RTX 2000 Ada Generation"],
    rtx_5090: ["NVIDIA GeForce RTX 5090"],
    rtx_5080: ["NVIDIA GeForce RTX 5080"],
    rtx_4090: ["NVIDIA GeForce RTX 4090"],
    rtx_4080_super: ["NVIDIA GeForce RTX 4080 SUPER"],
    rtx_4080: ["NVIDIA GeForce RTX 4080"],
    rtx_4070_ti: ["NVIDIA GeForce RTX 4070 Ti"],
    rtx_3090_ti: ["NVIDIA GeForce RTX 3090 Ti"],
    rtx_3090: ["NVIDIA GeForce RTX 3090"],
    rtx_3080_ti: ["NVIDIA GeForce RTX 3080 Ti"],
    rtx_3080: ["NVIDIA GeForce RTX 3080"],
    rtx_3070: ["NVIDIA GeForce RTX 3070"],
    v100_32g: ["Tesla V100-SXM2-32GB"],
    v100: ["Tesla V100-SXM2-16GB"],
    v100_pcie: ["Tesla V100-PCIE-16GB"],
    mi300x: ["AMD Instinct MI300X OAM"]
  },
  lambdalabs: {
    b200: ["gpu_1x_b200_sxm6"],
    h100: ["gpu_1x_h100_pcie"],
    h100_sxm: ["gpu_1x_h100_sxm5"],
    gh200: ["gpu_1x_gh200"],
    a100_80g: ["gpu_1x_a100_80gb_sxm4"],
    a100_40g: ["gpu_1x_a100_sxm4"],
    a10: ["gpu_1x_a10"],
    a6000: ["gpu_1x_a6000"],
    rtx_6000: ["gpu_1x_rtx6000"],
    v100: ["gpu_1x_v100"]
  },
  vast: {
    b300: ["B300 SXM6 AC"],
    b200: ["B200"],
    h200: ["H200", "H200 NVL"],
    h100: ["H100 SXM", "H100 PCIE", "H100 NVL"],
    a100_80g: ["A100 SXM4", "A100 PCIE"],
    a100_40g: ["A100 SXM4", "A100 PCIE"],
    l40s: ["L40S"],
    l40: ["L40"],
    l4: ["L4"],
    gh200: ["GH200 SXM"],
    a40: ["A40"],
    a30: ["A30"],
    a10: ["A10"],
    a6000: ["RTX A6000"],
    a5000: ["RTX A5000"],
    a4500: ["RTX A4500"],
    a4000: ["RTX A4000"],
    a2000: ["RTX A2000"],
    rtx_pro_6000: ["RTX PRO 6000 S"],
    rtx_pro_6000_ws: ["RTX PRO 6000 WS"],
    rtx_pro_6000_maxq: ["RTX PRO 6000 Max-Q"],
    rtx_pro_4500: ["RTX PRO 4500"],
    rtx_6000_ada: ["RTX 6000Ada"],
    rtx_5000_ada: ["RTX 5000Ada"],
    rtx_4000_ada: ["RTX 4000Ada"],
    rtx_2000_ada: ["RTX 2000Ada"],
    rtx_5090: ["RTX 5090"],
    rtx_5080: ["RTX 5080"],
    rtx_4090: ["RTX 4090"],
    rtx_4080_super: ["RTX 4080S"],
    rtx_4080: ["RTX 4080"],
    rtx_4070_ti: ["RTX 4070 Ti"],
    rtx_3090_ti: ["RTX 3090 Ti"],
    rtx_3090: ["RTX 3090"],
    rtx_3080_ti: ["RTX 3080 Ti"],
    rtx_3080: ["RTX 3080"],
    rtx_3070: ["RTX 3070"]
  },
  flymachines: { a100_80g: ["a100-80gb"], a100_40g: ["a100-pcie-40gb"], l40s: ["l40s"], a10: ["a10"] }
}

const own = {
  runpod: RunPod.gpuNames,
  lambdalabs: Lambda.gpuNames,
  vast: Vast.gpuNames,
  flymachines: FlyMachines.gpuNames
}

describe.each(["runpod", "lambdalabs", "vast", "flymachines"] as const)("%s", (cloud) => {
  const catalog = GpuCatalog.withNames(GpuCatalog.builtIn, cloud, own[cloud])

  it("has exactly the published names, every variant of each", () => {
    const known = Object.fromEntries(own[cloud].map(({ canonical, ids }) => [canonical, [...ids]]))
    assert.deepEqual(known, published[cloud])
  })

  it("names only GPUs that have a canonical name", () => {
    assert.deepStrictEqual(own[cloud].filter(({ canonical }) => !GpuCatalog.builtIn.gpus.has(canonical)), [])
  })

  it("is understood: every native name leads back to its canonical name", () => {
    for (const { belowMemoryMb, canonical, ids, minMemoryMb } of own[cloud]) {
      const memoryMb = minMemoryMb ?? (belowMemoryMb === undefined ? undefined : belowMemoryMb - 1)
      for (const id of ids) {
        assert.deepStrictEqual(GpuCatalog.canonicalOf(catalog, cloud, id, memoryMb), canonical)
      }
    }
  })
})

it("on Vast the memory tells the two sizes of the A100 apart, and without it neither is claimed", () => {
  const catalog = GpuCatalog.withNames(GpuCatalog.empty, "vast", Vast.gpuNames)
  for (const id of ["A100 SXM4", "A100 PCIE"]) {
    assert.deepStrictEqual(GpuCatalog.canonicalOf(catalog, "vast", id, 70_000), "a100_80g")
    assert.deepStrictEqual(GpuCatalog.canonicalOf(catalog, "vast", id, 69_999), "a100_40g")
    assert.deepStrictEqual(GpuCatalog.canonicalOf(catalog, "vast", id), null)
  }
})
