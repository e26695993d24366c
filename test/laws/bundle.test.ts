/**
 * What a program that is bundled carries of us: what it uses, and nothing that is for tests.
 */
import { assert, describe, it } from "@effect/vitest"
import { relative } from "node:path"
import { rolldown } from "rolldown"
import { sources } from "../../.config/sources.mjs"
import { root } from "./files.ts"

const entry = "\0entry"

/** Our files of which anything is left in the bundle of a program. */
const carried = async (program: string): Promise<ReadonlyArray<string>> => {
  const bundle = await rolldown({
    input: entry,
    cwd: root,
    platform: "node",
    external: [/^effect\//, /^@effect\//],
    logLevel: "silent",
    plugins: [sources, {
      name: "entry",
      resolveId: (id) => (id === entry ? id : null),
      load: (id) => (id === entry ? { code: program, moduleType: "ts" } : null)
    }]
  })
  const { output } = await bundle.generate({ format: "esm" })
  await bundle.close()
  return output.flatMap((one) =>
    one.type === "chunk"
      ? Object.entries(one.modules).flatMap(([id, { code }]) => (code ?? "") === "" ? [] : [relative(root, id)])
      : []
  )
}

/** Test equipment: fakes, the simulator, conformance cases. */
const forTests = (path: string): boolean => /^src\/testing\/|\/fake\/|(?:^|\/)fake[A-Z]|\/Fake\w+\.ts$/.test(path)

describe("a bundle", () => {
  it("of Atlas, RunPod, Fly and the orchestrator has no fake, no simulator and no conformance case in it", async () => {
    const files = await carried(`
      export * from "effect-atlas"
      export * from "effect-atlas/fly"
      export * from "effect-atlas/orchestrator"
      export * as RunPod from "effect-atlas/providers/RunPod"
      export * as LocalProvider from "effect-atlas/providers/LocalProvider"
    `)
    assert.isAbove(files.length, 100)
    assert.deepStrictEqual(files.filter((path) => forTests(path) || path.includes("mock")), [])
  })

  it("of the testing entry has them, so that the law knows them when it sees them", async () => {
    const files = await carried("export * from \"effect-atlas/testing\"")
    for (const part of ["src/testing/simulation/", "src/providers/runpod/fake/", "src/fly/FakeFly.ts"]) {
      assert.isTrue(files.some((path) => path.startsWith(part) && forTests(path)), part)
    }
  })

  it("of RunPod carries no whole shape of an answer of which the provider reads a part; its native client's carries all", async () => {
    const whole = ["bills", "containerAnswers", "endpoints", "gpuTypes", "operations", "podAnswers", "resourceLists"]
    const shapes = async (door: string) => {
      const files = await carried(`export * from "effect-atlas/providers/${door}"`)
      return whole.filter((name) => files.includes(`src/providers/runpod/schema/${name}.ts`))
    }
    assert.deepStrictEqual(await shapes("RunPod"), [])
    assert.deepStrictEqual(await shapes("RunPodClient"), whole)
  })
})
