/**
 * Every TypeScript example of README, guides and docstrings compiles.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { matching, root } from "../laws/files.ts"
import { blocksOf, complaintsOf, examplesOf, moduleOf } from "../laws/snippets.ts"
import { pages } from "./pages.ts"

const snippets = new Map(
  [
    ...pages.map((page) => [page.path, blocksOf(page).filter(({ language }) => language === "ts")] as const),
    ...matching(["src/**/*.ts"]).map((file) => [file.path, examplesOf(file)] as const)
  ].filter(([, found]) => found.length > 0)
)

it("there is a README", () => {
  assert.include(pages.map(({ path }) => path), "README.md")
})

describe("every example compiles", () => {
  const all = [...snippets.values()].flat()
  let complaints: ReturnType<typeof complaintsOf> = []

  beforeAll(() => {
    // inside the checkout, so that "effect-atlas" means this package; a folder a run, since runs may overlap
    fs.mkdirSync(`${root}/.tmp/docs`, { recursive: true })
    const directory = fs.mkdtempSync(`${root}/.tmp/docs/run-`)
    const config = {
      extends: "../../../tsconfig.json",
      include: ["*.ts"],
      compilerOptions: { noUnusedLocals: false, noUnusedParameters: false }
    }
    fs.writeFileSync(`${directory}/tsconfig.json`, JSON.stringify(config))
    for (const module of all.map(moduleOf)) fs.writeFileSync(`${directory}/${module.path}`, module.text)
    const tsc = spawnSync(`${root}/node_modules/.bin/tsc`, ["-p", directory, "--pretty", "false"], { encoding: "utf8" })
    fs.rmSync(directory, { recursive: true })
    complaints = complaintsOf(tsc.stdout, all)
    if (tsc.status !== 0 && complaints.length === 0) throw new Error(`tsc ended with ${tsc.status}: ${tsc.stderr}`)
  })

  it.each([...snippets.keys()])("%s", (path) => {
    assert.deepStrictEqual(complaints.filter(({ file }) => file === path).map(({ text }) => text), [])
  })

  it("and so does what they import", () => {
    assert.deepStrictEqual(complaints.filter(({ file }) => !snippets.has(file)).map(({ text }) => text), [])
  })
})
