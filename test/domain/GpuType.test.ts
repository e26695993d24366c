import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"
import * as Gpu from "../../src/domain/Gpu.ts"
import * as Ids from "../../src/domain/Ids.ts"
import * as Money from "../../src/domain/Money.ts"

const type = new Gpu.GpuType({
  id: "NVIDIA H200",
  provider: Ids.ProviderId.make("runpod"),
  canonical: "h200",
  displayName: "H200 SXM",
  memoryGb: 141,
  lowestPricePerHour: Money.Usd.make(3.59),
  spotPricePerHour: null,
  stock: "low",
  cloudType: "any",
  raw: { note: "hidden-in-raw" }
})

describe("GpuType", () => {
  it.effect.prop("any GPU type survives its own JSON codec", [Gpu.GpuType], ([gpu]) =>
    Effect.gen(function*() {
      const codec = Schema.fromJsonString(Schema.toCodecJson(Gpu.GpuType))
      const again = yield* Schema.decodeEffect(codec)(yield* Schema.encodeEffect(codec)(gpu))
      // JSON has no negative zero
      assert.deepStrictEqual(JSON.stringify({ ...again }), JSON.stringify({ ...gpu }))
      assert.instanceOf(again, Gpu.GpuType)
    }))

  it("printing shows every field but raw", () => {
    for (const printed of [inspect(type), JSON.stringify(type), String(type), `${type}`]) {
      assert.notInclude(printed, "hidden-in-raw")
    }
    assert.deepStrictEqual(JSON.parse(JSON.stringify(type)), {
      id: "NVIDIA H200",
      provider: "runpod",
      canonical: "h200",
      displayName: "H200 SXM",
      memoryGb: 141,
      lowestPricePerHour: 3.59,
      spotPricePerHour: null,
      stock: "low",
      cloudType: "any",
      clouds: []
    })
    assert.strictEqual(String(type), "GpuType(runpod/NVIDIA H200 low)")
  })

  it.effect("unknown words, negative prices and negative memory are refused", () =>
    Effect.gen(function*() {
      const wire = { ...type.toJSON(), raw: null }
      const isType = (value: unknown) => Effect.isSuccess(Schema.decodeUnknownEffect(Gpu.GpuType)(value))
      assert.isTrue(yield* isType(wire))
      assert.isFalse(yield* isType({ ...wire, stock: "toString" }))
      assert.isFalse(yield* isType({ ...wire, cloudType: "private" }))
      assert.isFalse(yield* isType({ ...wire, lowestPricePerHour: -1 }))
      assert.isFalse(yield* isType({ ...wire, memoryGb: -1 }))
    }))

  it("at a cloud it has that cloud's price and stock; any is the provider's own machines where it sells the type itself", () => {
    const secure = { cloudType: "secure", pricePerHour: Money.Usd.make(3), stock: "low" } as const
    const community = { cloudType: "community", pricePerHour: Money.Usd.make(2), stock: "high" } as const
    const at = (clouds: Gpu.GpuType["clouds"], cloud: Gpu.CloudType) => {
      const found = Gpu.atCloud(new Gpu.GpuType({ ...type, clouds }), cloud)
      return found && [Number(found.lowestPricePerHour), found.stock, found.cloudType]
    }
    assert.deepStrictEqual(at([secure, community], "any"), [3, "low", "any"])
    assert.deepStrictEqual(at([community, secure], "any"), [3, "low", "any"])
    assert.deepStrictEqual(at([secure, community], "secure"), [3, "low", "secure"])
    assert.deepStrictEqual(at([secure, community], "community"), [2, "high", "community"])
    assert.deepStrictEqual(at([community], "any"), [2, "high", "any"])
    assert.isNull(at([community], "secure"))
    // a provider that tells no kinds apart
    assert.deepStrictEqual(at([], "any"), [3.59, "low", "any"])
    assert.isNull(at([], "community"))
  })
})
