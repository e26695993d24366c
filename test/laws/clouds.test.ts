/**
 * The law of the clouds, held against `src/` and against planted breaches.
 */
import { assert, describe, it } from "@effect/vitest"
import { allowances, namings, unknownClouds } from "./clouds.ts"
import { matching, root } from "./files.ts"

const sources = matching(["src/**/*.ts"])

describe("a cloud is named in its own folder and in the file beside it", () => {
  it("and nowhere else in src, neither in code nor in a comment", () => {
    assert.isAbove(sources.length, 0, "src holds no file")
    assert.deepStrictEqual(namings(sources, allowances), [])
  })

  it("the cloud of every folder of providers is looked for", () => {
    assert.deepStrictEqual(unknownClouds(sources.map(({ path }) => path)), [])
    const planted = ["src/providers/nimbus/gpuNames.ts", "src/providers/local/internal/a.ts", "src/providers/Acme.ts"]
    assert.deepStrictEqual(unknownClouds(planted), ["nimbus"])
  })

  it("every allowance is still needed", () => {
    const without = (index: number) => allowances.filter((_, at) => at !== index)
    const stale = allowances.filter((_, index) => namings(sources, without(index)).length === 0)
    assert.deepStrictEqual(stale, [])
  })

  it("a planted name is caught with its file and line, in a table, a comment, a text and a path", () => {
    const planted = matching(["src/**/*.ts"], `${root}/test/laws/fixtures/clouds`)
    assert.deepStrictEqual(namings(planted, allowances), [
      "src/domain/Planted.ts:1 names RunPod: /** What RunPod calls it. */",
      "src/domain/Planted.ts:3 names Lambda: lambda_labs: [\"gpu_1x_h100_pcie\"],",
      "src/domain/Planted.ts:4 names Vast: vast: [\"H100 SXM\"]",
      "src/domain/Planted.ts:7 names Fly: export const isFly = (id: string) => id === \"fly\"",
      "src/provider/RunPodQuirks.ts is called after RunPod"
    ])
  })

  it.each([
    "isFly",
    "class FlyMachine {}",
    "flyctl",
    "VastClient",
    "toVast",
    "my_vast",
    "isLambda",
    "LambdaCloud",
    "lambda-labs",
    "run_pod",
    "RUNPOD_API_KEY"
  ])("a name that is part of another is caught: %s", (text) => {
    assert.lengthOf(namings([{ path: "src/domain/A.ts", text }], []), 1)
    assert.lengthOf(namings([{ path: `src/domain/${text.replaceAll(/\W/g, "")}.ts`, text: "" }], []), 1)
  })

  it.each([
    ["a word that only begins like one", "export const vastly = \"butterfly lambdas flying\""],
    ["another provider", "export const id = \"acme\""]
  ])("%s is no cloud", (_, text) => {
    assert.deepStrictEqual(namings([{ path: "src/domain/A.ts", text }], []), [])
  })

  it("a cloud's own folder, and the file beside it, may name it", () => {
    const text = "export const id = \"runpod\""
    assert.deepStrictEqual(
      namings([{ path: "src/providers/runpod/A.ts", text }, { path: "src/providers/RunPod.ts", text }], []),
      []
    )
    assert.lengthOf(namings([{ path: "src/providers/vast/A.ts", text }], []), 1)
  })
})
