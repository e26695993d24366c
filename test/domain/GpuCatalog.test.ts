import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as GpuCatalog from "../../src/domain/GpuCatalog.ts"

const { builtIn, canonicalNames, canonicalOf, native } = GpuCatalog

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
  lambda_labs: {
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
  fly: { a100_80g: ["a100-80gb"], a100_40g: ["a100-pcie-40gb"], l40s: ["l40s"], a10: ["a10"] }
}

describe("GpuCatalog", () => {
  it("knows exactly the published names of each provider, every variant on Vast", () => {
    const known = Object.fromEntries(
      Object.keys(published).map((provider) => [
        provider,
        Object.fromEntries(
          canonicalNames(builtIn, provider).map((name) => [
            name,
            Array.from(Option.getOrThrow(native(builtIn, provider, name)).ids)
          ])
        )
      ])
    )
    assert.deepEqual(known, published)
    assert.deepEqual(Array.from(builtIn.providers.keys()).toSorted(), ["fly", "lambda_labs", "runpod", "vast"])
  })

  it("every native name leads back to its canonical name", () => {
    for (const [provider, names] of Object.entries(published)) {
      for (const [canonical, ids] of Object.entries(names)) {
        const { belowMemoryMb, ids: known, minMemoryMb } = Option.getOrThrow(native(builtIn, provider, canonical))
        assert.deepEqual(Array.from(known), ids)
        const memoryMb = minMemoryMb ?? (belowMemoryMb === undefined ? undefined : belowMemoryMb - 1)
        for (const id of ids) {
          assert.deepStrictEqual(canonicalOf(builtIn, provider, id, memoryMb), Option.some(canonical))
        }
      }
    }
  })

  it("on Vast the memory tells the two sizes of the A100 apart, and without it neither is claimed", () => {
    for (const id of ["A100 SXM4", "A100 PCIE"]) {
      assert.deepStrictEqual(canonicalOf(builtIn, "vast", id, 81_920), Option.some("a100_80g"))
      assert.deepStrictEqual(canonicalOf(builtIn, "vast", id, 70_000), Option.some("a100_80g"))
      assert.deepStrictEqual(canonicalOf(builtIn, "vast", id, 69_999), Option.some("a100_40g"))
      assert.deepStrictEqual(canonicalOf(builtIn, "vast", id), Option.none())
      assert.deepStrictEqual(canonicalOf(builtIn, "vast", id, Number.NaN), Option.none())
    }
    assert.deepEqual(Option.getOrThrow(native(builtIn, "vast", "a100_80g")).minMemoryMb, 70_000)
    assert.deepEqual(Option.getOrThrow(native(builtIn, "vast", "a100_40g")).belowMemoryMb, 70_000)
    assert.deepStrictEqual(canonicalOf(builtIn, "vast", "RTX 4090", 24_564), Option.some("rtx_4090"))
  })

  it("a GPU the provider does not have is none", () => {
    assert.deepStrictEqual(native(builtIn, "vast", "mi300x"), Option.none())
    assert.deepStrictEqual(native(builtIn, "runpod", "no-such-gpu"), Option.none())
    assert.deepStrictEqual(native(builtIn, "local", "h100"), Option.none())
    assert.deepStrictEqual(canonicalOf(builtIn, "runpod", "RTX 4090"), Option.none())
  })

  it("all canonical names are unique and sorted; an unknown provider has none", () => {
    const all = canonicalNames(builtIn)
    assert.deepStrictEqual(all, Array.from(new Set(all)).toSorted())
    assert.strictEqual(all.length, 19)
    assert.deepStrictEqual(canonicalNames(builtIn, "fly"), ["a10", "a100_40g", "a100_80g", "l40s"])
    assert.deepStrictEqual(canonicalNames(builtIn, "acme"), [])
    assert.deepStrictEqual(canonicalNames(GpuCatalog.empty), [])
  })

  it.each(["toString", "__proto__", "constructor", "hasOwnProperty", ""])(
    "words every object answers to are no names here: %j",
    (word) => {
      assert.deepStrictEqual(native(builtIn, word, "h100"), Option.none())
      assert.deepStrictEqual(native(builtIn, "runpod", word), Option.none())
      assert.deepStrictEqual(canonicalOf(builtIn, word, "NVIDIA H200"), Option.none())
      assert.deepStrictEqual(canonicalOf(builtIn, "runpod", word), Option.none())
      assert.deepStrictEqual(canonicalNames(builtIn, word), [])
      const extended = GpuCatalog.extend(builtIn, word, [{ canonical: word, ids: [word] }])
      assert.deepStrictEqual(canonicalOf(extended, word, word), Option.some(word))
    }
  )

  describe("extend", () => {
    it("teaches a new catalog the names of another provider and leaves the old one alone", () => {
      const extended = GpuCatalog.extend(builtIn, "acme", [{ canonical: "h100", ids: ["acme-h100"] }])
      assert.deepStrictEqual(native(extended, "acme", "h100"), Option.some({ ids: ["acme-h100"] }))
      assert.deepStrictEqual(canonicalOf(extended, "acme", "acme-h100"), Option.some("h100"))
      assert.deepStrictEqual(canonicalNames(extended, "runpod"), canonicalNames(builtIn, "runpod"))
      assert.deepStrictEqual(native(builtIn, "acme", "h100"), Option.none())
    })

    it("replaces an entry of the same name and adds to the rest of the provider", () => {
      const extended = GpuCatalog.extend(builtIn, "runpod", [
        { canonical: "h200", ids: ["NVIDIA H200 NVL"] },
        { canonical: "b200", ids: ["NVIDIA B200"], minMemoryMb: 1 }
      ])
      assert.deepStrictEqual(native(extended, "runpod", "h200"), Option.some({ ids: ["NVIDIA H200 NVL"] }))
      assert.deepStrictEqual(canonicalOf(extended, "runpod", "NVIDIA H200"), Option.none())
      assert.deepStrictEqual(native(extended, "runpod", "b200"), Option.some({ ids: ["NVIDIA B200"], minMemoryMb: 1 }))
      assert.isTrue(Option.isSome(native(extended, "runpod", "l4")))
      assert.isTrue(canonicalNames(extended).includes("b200"))
    })

    it("where two names claim one native name, the later one wins", () => {
      const first = GpuCatalog.extend(builtIn, "runpod", [{ canonical: "mine", ids: ["NVIDIA L4"] }])
      assert.deepStrictEqual(canonicalOf(first, "runpod", "NVIDIA L4"), Option.some("mine"))
      const again = GpuCatalog.extend(first, "runpod", [{ canonical: "l4", ids: ["NVIDIA L4"] }])
      assert.deepStrictEqual(canonicalOf(again, "runpod", "NVIDIA L4"), Option.some("l4"))
    })

    it("does not follow later changes of the caller's arrays", () => {
      const ids: [string, ...Array<string>] = ["one"]
      const entries = [{ canonical: "x", ids }]
      const extended = GpuCatalog.extend(builtIn, "acme", entries)
      ids.push("two")
      entries.pop()
      assert.deepStrictEqual(native(extended, "acme", "x"), Option.some({ ids: ["one"] }))
    })
  })

  it.effect("the catalog in use is the built-in one until a layer gives another", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* GpuCatalog.CurrentGpuCatalog, builtIn)
      const own = GpuCatalog.extend(GpuCatalog.empty, "acme", [{ canonical: "h100", ids: ["acme-h100"] }])
      const layer = Layer.succeed(GpuCatalog.CurrentGpuCatalog, own)
      assert.strictEqual(yield* Effect.provide(GpuCatalog.CurrentGpuCatalog, layer), own)
    }))
})
