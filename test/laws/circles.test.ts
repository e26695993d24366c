/**
 * No circles: a leaf owns the shape, and the file that users import re-exports it.
 */
import { assert, describe, it } from "@effect/vitest"
import { type Circle, circlesOf } from "./circles.ts"
import { matching, root } from "./files.ts"

const render = ({ ties }: Circle): string => ties.join(", ")

const file = (name: string, ...specifiers: ReadonlyArray<string>) => ({
  path: `src/${name}.ts`,
  text: specifiers.map((specifier) => `import "./${specifier}.ts"`).join("\n")
})

it("no files of src import each other, neither values nor types", () => {
  const files = matching(["src/**/*.ts"])
  assert.isAbove(files.length, 0, "src holds no file")
  assert.deepStrictEqual(circlesOf(files).map(render), [])
})

it("a planted circle is caught and its tie is named, though one half is a type", () => {
  const files = matching(["src/**/*.ts"], `${root}/test/laws/fixtures/circle`)
  assert.lengthOf(files, 3)
  assert.deepStrictEqual(circlesOf(files).map(render), [
    "src/domain/Egg.ts -> src/domain/Hen.ts, src/domain/Hen.ts -> src/domain/Egg.ts"
  ])
})

describe("a circle is closed by", () => {
  it.each([
    "export const b = () => import(\"./b.ts\")",
    "export type * from \"./b.ts\"",
    "export type B = typeof import(\"./b.ts\")",
    "export const b = new URL(\"b.ts\", import.meta.url)",
    "export const b = new URL(\"./b.js\", import.meta.url)",
    "import type { B } from \"./b.js\"",
    "declare module \"./b.ts\" {}",
    "/// <reference path=\"b.ts\" />"
  ])("%s", (text) => {
    const files = [{ path: "src/a.ts", text }, file("b", "a")]
    assert.deepStrictEqual(circlesOf(files).map((circle) => circle.files), [["src/a.ts", "src/b.ts"]])
  })
})

describe("a circle is", () => {
  it.each([
    ["a file that imports itself", [file("a", "a")], [["src/a.ts"]]],
    ["three files in a row", [file("a", "b"), file("b", "c"), file("c", "a")], [["src/a.ts", "src/b.ts", "src/c.ts"]]],
    [
      "each of two apart",
      [file("a", "b"), file("b", "a", "c"), file("c", "d"), file("d", "c")],
      [["src/c.ts", "src/d.ts"], ["src/a.ts", "src/b.ts"]]
    ],
    ["not two ways to one file", [file("a", "b", "c"), file("b", "d"), file("c", "d"), file("d")], []],
    ["not an import of a package or of a file that is not there", [file("a", "nowhere")], []]
  ])("%s", (_, files, expected) => {
    assert.deepStrictEqual(circlesOf(files).map((circle) => circle.files), expected)
  })
})
