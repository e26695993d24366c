import { afterAll, describe } from "@effect/vitest"
import * as fs from "node:fs"
import { read, root } from "../laws/files.ts"
import { blocksOf, moduleOf } from "../laws/snippets.ts"
import { suite } from "./pages.ts"

const page = "guides/testing.md"

suite("guides/testing.md")

/** The blocks that a reader pastes into a test file: they are tests of this file too, and pass as they stand. */
const tests = blocksOf(read(page)).filter(({ language, text }) => language === "ts" && text.includes("it.effect("))

// inside the checkout, so that "effect-atlas" means this package; a folder a run, since runs may overlap
fs.mkdirSync(`${root}/.tmp/docs`, { recursive: true })
const directory = fs.mkdtempSync(`${root}/.tmp/docs/tests-`)

describe.each(tests.map((block) => [block.line, moduleOf(block)] as const))(`${page}:%s passes`, async (_, module) => {
  const path = `${directory}/${module.path}`
  fs.writeFileSync(path, module.text)
  await import(path)
})

afterAll(() => fs.rmSync(directory, { recursive: true }))
