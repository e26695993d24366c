/**
 * Storage errors have one formatter: none is told by the name that Effect gives its kind, which is "Unknown" for a full disk.
 */
import { assert, it } from "vitest"
import { matching } from "./files.ts"

const sources = matching(["src/**/*.ts"])

it("no sentence of the product has the name that Effect gives a kind of error", () => {
  assert.isAbove(sources.length, 0, "no file is looked at")
  const broken = sources.filter(({ text }) => /\$\{(?:\w+\.)?reason\._tag\}/.test(text)).map(({ path }) => path)
  assert.deepStrictEqual(broken, [])
})
