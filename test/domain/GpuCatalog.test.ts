import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as GpuCatalog from "../../src/domain/GpuCatalog.ts"

const { builtIn, canonicalNames, canonicalOf, native } = GpuCatalog

/** A provider with one native name for two GPUs, and two native names for one. */
const acme = GpuCatalog.extend(builtIn, "acme", [
  { canonical: "h200", ids: ["H200", "H200 NVL"] },
  { canonical: "a100_80g", ids: ["A100"], minMemoryMb: 70_000 },
  { canonical: "a100_40g", ids: ["A100"], belowMemoryMb: 70_000 },
  { canonical: "rtx_4090", ids: ["RTX 4090"] }
])

describe("GpuCatalog", () => {
  it("knows the GPUs by name, memory and what their driver says, and no provider", () => {
    assert.strictEqual(builtIn.providers.size, 0)
    assert.strictEqual(builtIn.gpus.size, 50)
    assert.deepStrictEqual(builtIn.gpus.get("h100"), { memoryGb: 80, aliases: ["NVIDIA H100 80GB HBM3"] })
    assert.isTrue([...builtIn.gpus.values()].every(({ memoryGb }) => (memoryGb ?? 0) > 0))
    const aliases = GpuCatalog.driverNames.flatMap(({ ids }) => ids)
    assert.strictEqual(new Set(aliases).size, aliases.length)
    assert.deepInclude(GpuCatalog.driverNames, { canonical: "l4", ids: ["NVIDIA L4"] })
  })

  it("every native name leads back to its canonical name", () => {
    for (const [canonical, { belowMemoryMb, ids, minMemoryMb }] of acme.providers.get("acme") ?? []) {
      const memoryMb = minMemoryMb ?? (belowMemoryMb === undefined ? undefined : belowMemoryMb - 1)
      for (const id of ids) assert.deepStrictEqual(canonicalOf(acme, "acme", id, memoryMb), canonical)
    }
  })

  it("where one native name covers two sizes the memory tells them apart, and without it neither is claimed", () => {
    assert.deepStrictEqual(canonicalOf(acme, "acme", "A100", 81_920), "a100_80g")
    assert.deepStrictEqual(canonicalOf(acme, "acme", "A100", 70_000), "a100_80g")
    assert.deepStrictEqual(canonicalOf(acme, "acme", "A100", 69_999), "a100_40g")
    assert.deepStrictEqual(canonicalOf(acme, "acme", "A100"), null)
    assert.deepStrictEqual(canonicalOf(acme, "acme", "A100", Number.NaN), null)
    assert.deepStrictEqual(canonicalOf(acme, "acme", "RTX 4090", 24_564), "rtx_4090")
  })

  it("a GPU the provider does not have is none", () => {
    assert.deepStrictEqual(native(acme, "acme", "mi300x"), null)
    assert.deepStrictEqual(native(acme, "acme", "no-such-gpu"), null)
    assert.deepStrictEqual(native(acme, "other", "h200"), null)
    assert.deepStrictEqual(canonicalOf(acme, "other", "RTX 4090"), null)
  })

  it("all canonical names are unique and sorted; an unknown provider has none", () => {
    const all = canonicalNames(builtIn)
    assert.deepStrictEqual(all, Array.from(new Set(all)).toSorted())
    assert.strictEqual(all.length, 50)
    assert.deepStrictEqual(canonicalNames(acme), all)
    assert.deepStrictEqual(canonicalNames(acme, "acme"), ["a100_40g", "a100_80g", "h200", "rtx_4090"])
    assert.deepStrictEqual(canonicalNames(builtIn, "acme"), [])
    assert.deepStrictEqual(canonicalNames(GpuCatalog.empty), [])
  })

  it.each(["toString", "__proto__", "constructor", "hasOwnProperty", ""])(
    "words every object answers to are no names here: %j",
    (word) => {
      assert.deepStrictEqual(native(builtIn, word, "h100"), null)
      assert.deepStrictEqual(native(acme, "acme", word), null)
      assert.deepStrictEqual(canonicalOf(acme, word, "H200"), null)
      assert.deepStrictEqual(canonicalOf(acme, "acme", word), null)
      assert.deepStrictEqual(canonicalNames(builtIn, word), [])
      const extended = GpuCatalog.extend(builtIn, word, [{ canonical: word, ids: [word] }])
      assert.deepStrictEqual(canonicalOf(extended, word, word), word)
    }
  )

  it("a provider's own word for a GPU is taken as it is, a canonical name as the provider's first, another word not at all", () => {
    const { nativeId } = GpuCatalog
    assert.deepStrictEqual(nativeId(acme, "acme", "h200"), "H200")
    assert.deepStrictEqual(nativeId(acme, "acme", "H200 NVL"), "H200 NVL")
    for (const word of ["H200 SXM", "h100", "", "toString", "__proto__"]) {
      assert.deepStrictEqual(nativeId(acme, "acme", word), null, word)
    }
    // one that came after this catalog
    assert.deepStrictEqual(nativeId(acme, "acme", "H900", (name) => name.startsWith("H")), "H900")
  })

  it.each(
    [
      ["RTX 4090", ["rtx_4090"]],
      ["NVIDIA GeForce RTX 4090", ["rtx_4090"]],
      ["H100", ["h100"]],
      ["h100-pcie", ["h100_pcie"]],
      ["rtx_4O90", ["rtx_4090"]],
      ["mi300", ["mi300x"]],
      ["b20", ["b200"]],
      ["A100-80GB", ["a100_80g"]],
      ["nosuchgpu", []],
      ["", []],
      ["_", []],
      ["x".repeat(100_000), []],
      ["__proto__", []]
    ] as const
  )("what %j may have meant is suggested, and nothing where nothing is near", (word, names) => {
    assert.deepStrictEqual(GpuCatalog.suggest(builtIn, word), names)
  })

  it("only names that the provider has are suggested, by its own words too", () => {
    assert.deepStrictEqual(GpuCatalog.suggest(acme, "h20", "acme"), ["h200"])
    assert.deepStrictEqual(GpuCatalog.suggest(acme, "mi300", "acme"), [])
    assert.deepStrictEqual(GpuCatalog.suggest(acme, "H200-NVL", "acme"), ["h200"])
  })

  describe("extend", () => {
    it("teaches a new catalog the names of another provider and leaves the old one alone", () => {
      const extended = GpuCatalog.extend(acme, "bolt", [{ canonical: "h100", ids: ["bolt-h100"] }])
      assert.deepStrictEqual(native(extended, "bolt", "h100"), { ids: ["bolt-h100"] })
      assert.deepStrictEqual(canonicalOf(extended, "bolt", "bolt-h100"), "h100")
      assert.deepStrictEqual(canonicalNames(extended, "acme"), canonicalNames(acme, "acme"))
      assert.deepStrictEqual(native(acme, "bolt", "h100"), null)
      // what is known of the GPU itself stays
      assert.deepStrictEqual(extended.gpus.get("h100"), builtIn.gpus.get("h100"))
    })

    it("replaces an entry of the same name and adds to the rest of the provider", () => {
      const extended = GpuCatalog.extend(acme, "acme", [
        { canonical: "h200", ids: ["H200 SXM"] },
        { canonical: "b900", ids: ["B900"], minMemoryMb: 1 }
      ])
      assert.deepStrictEqual(native(extended, "acme", "h200"), { ids: ["H200 SXM"] })
      assert.deepStrictEqual(canonicalOf(extended, "acme", "H200"), null)
      assert.deepStrictEqual(native(extended, "acme", "b900"), { ids: ["B900"], minMemoryMb: 1 })
      assert.isNotNull(native(extended, "acme", "rtx_4090"))
      assert.isTrue(canonicalNames(extended).includes("b900"))
      assert.isNull(extended.gpus.get("b900")?.memoryGb)
    })

    it("where two names claim one native name, the later one wins", () => {
      const first = GpuCatalog.extend(acme, "acme", [{ canonical: "mine", ids: ["RTX 4090"] }])
      assert.deepStrictEqual(canonicalOf(first, "acme", "RTX 4090"), "mine")
      const again = GpuCatalog.extend(first, "acme", [{ canonical: "rtx_4090", ids: ["RTX 4090"] }])
      assert.deepStrictEqual(canonicalOf(again, "acme", "RTX 4090"), "rtx_4090")
    })

    it("does not follow later changes of the caller's arrays", () => {
      const ids: [string, ...Array<string>] = ["one"]
      const entries = [{ canonical: "x", ids }]
      const extended = GpuCatalog.extend(builtIn, "acme", entries)
      ids.push("two")
      entries.pop()
      assert.deepStrictEqual(native(extended, "acme", "x"), { ids: ["one"] })
    })
  })

  describe("a provider's own names", () => {
    const own = [{ canonical: "h200", ids: ["own-h200"] }, { canonical: "l4", ids: ["own-l4"] }] as const

    it("stand under those that a program teaches", () => {
      const both = GpuCatalog.withNames(acme, "acme", own)
      assert.deepStrictEqual(native(both, "acme", "h200"), { ids: ["H200", "H200 NVL"] })
      assert.deepStrictEqual(native(both, "acme", "l4"), { ids: ["own-l4"] })
      assert.deepStrictEqual(native(acme, "acme", "l4"), null)
    })

    it.effect("are in the catalog in use, whichever that is", () =>
      Effect.gen(function*() {
        const names = GpuCatalog.inUse("acme", own)
        assert.deepStrictEqual(native(yield* names, "acme", "h200"), { ids: ["own-h200"] })
        assert.strictEqual(yield* names, yield* names)
        const taught = yield* Effect.provideService(names, GpuCatalog.CurrentGpuCatalog, acme)
        assert.deepStrictEqual(native(taught, "acme", "h200"), { ids: ["H200", "H200 NVL"] })
      }))
  })

  it.effect("the catalog in use is the built-in one until a layer gives another", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* GpuCatalog.CurrentGpuCatalog, builtIn)
      const own = GpuCatalog.extend(GpuCatalog.empty, "acme", [{ canonical: "h100", ids: ["acme-h100"] }])
      const layer = Layer.succeed(GpuCatalog.CurrentGpuCatalog, own)
      assert.strictEqual(yield* Effect.provide(GpuCatalog.CurrentGpuCatalog, layer), own)
    }))
})
