/**
 * What each cloud calls the GPUs that have a canonical name.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as GpuCatalog from "../../src/domain/GpuCatalog.ts"
import * as FlyMachines from "../../src/providers/flymachines/gpuNames.ts"
import * as Lambda from "../../src/providers/lambdalabs/gpuNames.ts"
import * as RunPod from "../../src/providers/runpod/internal/gpuNames.ts"
import * as Vast from "../../src/providers/vast/gpuNames.ts"

const published = {
  runpod: {
    h200: ["NVIDIA H200"],
    h100: ["NVIDIA H100 80GB HBM3"],
    h100_pcie: ["NVIDIA H100 PCIe"],
    a100_80g: ["NVIDIA A100 80GB PCIe"],
    a100_40g: ["NVIDIA A100-SXM4-40GB"],
    l40s: ["NVIDIA L40S"],
    l40: ["NVIDIA L40"],
    l4: ["NVIDIA L4"],
    a6000: ["NVIDIA RTX A6000"],
    a5000: ["NVIDIA RTX A5000"],
    a4000: ["NVIDIA RTX A4000"],
    rtx_6000_ada: ["NVIDIA RTX 6000 Ada Generation"],
    rtx_4090: ["NVIDIA GeForce RTX 4090"],
    rtx_3090: ["NVIDIA GeForce RTX 3090"],
    mi300x: ["AMD Instinct MI300X OAM"]
  },
  lambdalabs: {
    h100: ["gpu_1x_h100_pcie"],
    h100_sxm: ["gpu_1x_h100_sxm5"],
    gh200: ["gpu_1x_gh200"],
    a100_80g: ["gpu_1x_a100_80gb_sxm4"],
    a100_40g: ["gpu_1x_a100_sxm4"],
    a10: ["gpu_1x_a10"],
    a6000: ["gpu_1x_a6000"],
    rtx_6000: ["gpu_1x_rtx6000"]
  },
  vast: {
    h200: ["H200", "H200 NVL"],
    h100: ["H100 SXM", "H100 PCIE", "H100 NVL"],
    a100_80g: ["A100 SXM4", "A100 PCIE"],
    a100_40g: ["A100 SXM4", "A100 PCIE"],
    l40s: ["L40S"],
    l4: ["L4"],
    a10: ["A10"],
    a6000: ["RTX A6000"],
    a5000: ["RTX A5000"],
    a4000: ["RTX A4000"],
    rtx_6000_ada: ["RTX 6000Ada"],
    rtx_4090: ["RTX 4090"],
    rtx_3090: ["RTX 3090"]
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
        assert.deepStrictEqual(GpuCatalog.canonicalOf(catalog, cloud, id, memoryMb), Option.some(canonical))
      }
    }
  })
})

it("on Vast the memory tells the two sizes of the A100 apart, and without it neither is claimed", () => {
  const catalog = GpuCatalog.withNames(GpuCatalog.empty, "vast", Vast.gpuNames)
  for (const id of ["A100 SXM4", "A100 PCIE"]) {
    assert.deepStrictEqual(GpuCatalog.canonicalOf(catalog, "vast", id, 70_000), Option.some("a100_80g"))
    assert.deepStrictEqual(GpuCatalog.canonicalOf(catalog, "vast", id, 69_999), Option.some("a100_40g"))
    assert.deepStrictEqual(GpuCatalog.canonicalOf(catalog, "vast", id), Option.none())
  }
})
