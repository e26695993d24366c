/**
 * `atlas gpus` is a promise: what it lists can be rented by either of its names, at the price that it shows.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { AtlasError, Gpu, Ids, Provider } from "effect-atlas"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { begin, mock, pass, run } from "./harness.ts"
import { account } from "./rentingHarness.ts"

// loaded before, since the test's clock does not wait for a module
beforeAll(() => import("../../src/cli/actions/runSession.ts"))

interface Row {
  readonly id: string
  readonly canonical: string | null
  readonly lowestPricePerHour: number | null
  readonly securePricePerHour: number | null
  readonly communityPricePerHour: number | null
  readonly stock: string
  readonly cloudType: string
}

const rowsOf = (text: string): ReadonlyArray<Row> => JSON.parse(text)

describe("what gpus lists", () => {
  it.effect.each([[[]], [["--cloud", "any"]], [["--cloud", "secure"]], [["--cloud", "community"]]])(
    "can be rented by its id and by its canonical name, at the price shown, with the same flags: %j",
    ([flags = []]) =>
      Effect.gen(function*() {
        const { atlas } = yield* account
        const rows = rowsOf((yield* atlas(["gpus", "--json", ...flags])).out)
        assert.isAbove(rows.length, 20)
        for (const row of rows) {
          for (const name of [row.id, row.canonical ?? row.id]) {
            const { code, err, out } = yield* atlas(["up", "--gpu", name, "--image", "x", "-d", "--json", ...flags])
            assert.deepStrictEqual({ code, err }, { code: 0, err: "" }, name)
            const { costPerHour, gpuType } = JSON.parse(out)
            assert.deepStrictEqual(
              { costPerHour, gpuType },
              { costPerHour: row.lowestPricePerHour, gpuType: row.id },
              name
            )
          }
        }
      }).pipe(Effect.scoped)
  )

  it.effect("every type of RunPod's document has a canonical name, and no two of them the same", () =>
    Effect.gen(function*() {
      const { atlas } = yield* account
      const names = rowsOf((yield* atlas(["gpus", "--json"])).out).map(({ canonical }) => canonical)
      assert.strictEqual(names.length, 24)
      assert.notInclude(names, null)
      assert.strictEqual(new Set(names).size, names.length)
    }).pipe(Effect.scoped))

  it.effect("shows both clouds' prices, and the one that up pays", () =>
    Effect.gen(function*() {
      const { atlas } = yield* account
      const priceOf = (...flags: ReadonlyArray<string>) =>
        Effect.map(atlas(["gpus", "--json", ...flags]), ({ out }) => {
          const row = rowsOf(out).find(({ canonical }) => canonical === "h100")
          return [row?.lowestPricePerHour, row?.securePricePerHour, row?.communityPricePerHour]
        })
      assert.deepStrictEqual(yield* priceOf(), [3.49, 3.49, 2.69])
      assert.deepStrictEqual(yield* priceOf("--cloud", "community"), [2.69, 3.49, 2.69])
      const [head = "", first = ""] = (yield* atlas(["gpus"])).out.split("\n")
      assert.match(head, /PRICE\/H +SECURE\/H +COMMUNITY\/H +SPOT\/H/)
      assert.match(first, /\$3\.49 +\$3\.49 +\$2\.69/)
    }).pipe(Effect.scoped))

  it.effect("the stock shown is that of the machines which would be rented", () =>
    Effect.gen(function*() {
      const { atlas, controls } = yield* account
      yield* controls.setStock("NVIDIA L4", "NONE", { cloud: "SECURE" })
      const stockOf = (...flags: ReadonlyArray<string>) =>
        Effect.map(
          atlas(["gpus", "--json", ...flags]),
          ({ out }) => rowsOf(out).find(({ canonical }) => canonical === "l4")?.stock
        )
      assert.strictEqual(yield* stockOf(), "unavailable")
      assert.strictEqual(yield* stockOf("--cloud", "community"), "high")
      const refused = yield* atlas(["up", "--gpu", "l4", "--image", "x", "-d", "--json"])
      assert.strictEqual(JSON.parse(refused.err).error.kind, "no_capacity")
      assert.match(JSON.parse(refused.err).error.message, /\(third parties may have it: --cloud community\)$/)
      for (const flags of [["--gpu", "l4", "--cloud", "secure"], ["--gpu", "a100_40g"]]) {
        yield* controls.setStock("NVIDIA A100-SXM4-40GB", "NONE")
        const { err } = yield* atlas(["up", ...flags, "--image", "x", "-d", "--json"])
        assert.strictEqual(JSON.parse(err).error.kind, "no_capacity")
        assert.notInclude(JSON.parse(err).error.message, "third parties", "asked for, or theirs alone")
      }
      assert.deepStrictEqual((yield* controls.ledger).made, [], "its own machines are not replaced by others' unasked")
    }).pipe(Effect.scoped))

  it.effect("a type that came after this version is rented by its id; one that is no type is refused with what is near", () =>
    Effect.gen(function*() {
      const { atlas, provider } = yield* account
      yield* provider.compute.check({ gpu: "NVIDIA H900", image: "x" })
      const kindOf = (gpu: string) =>
        Effect.map(
          atlas(["up", "--gpu", gpu, "--image", "x", "-d", "--json"]),
          ({ err }): readonly [string, string] => {
            const { error } = JSON.parse(err)
            return [error.kind, error.message]
          }
        )
      const [kind, message] = yield* kindOf("NVIDIA RTX 4090")
      assert.strictEqual(kind, "validation")
      assert.include(message, "did you mean rtx_4090?")
      for (const [word, near] of [["h1O0", "h100"], ["RTX 4090", "rtx_4090"], ["mi300", "mi300x"]] as const) {
        const [kind, message] = yield* kindOf(word)
        assert.strictEqual(kind, "validation")
        assert.include(message, `did you mean ${near}`)
      }
      assert.include((yield* kindOf("nosuchgpu"))[1], "give one of a100_40g,")
    }).pipe(Effect.scoped))

  it.effect("a session takes an id too", () =>
    Effect.gen(function*() {
      const { creates, provider } = yield* account
      const { fiber } = yield* begin(["task", "--gpu", "NVIDIA L40S", "--image", "x", "--json"], {
        providers: [provider]
      })
      yield* pass(2)
      assert.deepStrictEqual(creates.map(({ gpu }) => gpu), [{ id: "NVIDIA L40S", count: 1 }])
      const ending = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* pass(20)
      yield* Fiber.join(ending)
    }).pipe(Effect.scoped))
})

it.effect("the mock's types can be rented by either name, with any --cloud", () =>
  Effect.gen(function*() {
    const { provider } = yield* mock
    for (const flags of [[], ["--cloud", "secure"], ["--cloud", "community"]]) {
      const rows = rowsOf((yield* run(["gpus", "--json", ...flags], { providers: [provider] })).out)
      assert.isNotEmpty(rows)
      for (const name of rows.flatMap(({ canonical, id }) => [id, canonical ?? id])) {
        const { code } = yield* run(["up", "--gpu", name, "-d", ...flags], { providers: [provider] })
        assert.strictEqual(code, 0, name)
      }
    }
  }))

it.effect("where no kinds of machines are told apart, a kind is refused", () =>
  Effect.gen(function*() {
    const nowhere = Effect.fail(new AtlasError.NotFound({ message: "there is nothing here" }))
    const provider = Ids.ProviderId.make("plain")
    const plain = Provider.make({
      id: provider,
      compute: { spawn: () => nowhere, get: () => nowhere, list: () => Effect.succeed([]), terminate: () => nowhere },
      gpus: { list: () => Effect.succeed([new Gpu.GpuType({ id: "one", provider, displayName: "One" })]) }
    })
    const { code, err } = yield* run(["gpus", "--cloud", "secure", "--json"], { providers: [plain] })
    const { error } = JSON.parse(err)
    assert.deepStrictEqual([code, error.kind], [1, "unsupported"])
    assert.include(error.message, "leave --cloud out")
    const all = yield* run(["gpus", "--cloud", "any", "--json"], { providers: [plain] })
    assert.deepStrictEqual(rowsOf(all.out).map(({ id }) => id), ["one"])
  }))
