/**
 * What is not there is null in everything a user of the package sees: it is the same in code, in JSON and in a database.
 */
import { assert, describe, it } from "@effect/vitest"
import { type File, matching, read } from "./files.ts"
import { importsOf, target } from "./imports.ts"

/** Inside a room, or the command line: nothing there can be imported. */
const isInner = (path: string): boolean => /\/(?:internal|engine|cli|fake)\//.test(path)

/** The files that stand open, and those whose names they hand on. */
const open = (): ReadonlyArray<File> => {
  const doors = matching(["src/**/*.ts"]).filter(({ path }) => !isInner(path))
  const handedOn = doors.flatMap((file) =>
    importsOf(file).flatMap(({ specifier }) => {
      const isHandedOn = new RegExp(`^export [^\\n]*(?:\\{[^}]*\\})? from "${specifier.replaceAll(".", "\\.")}"`, "m")
      const to = target(file.path, specifier)
      return to !== undefined && isHandedOn.test(file.text) ? [to] : []
    })
  )
  return [...new Set([...doors.map(({ path }) => path), ...handedOn])].map((path) => read(path))
}

const offending = ({ path, text }: File): ReadonlyArray<string> =>
  text.split("\n").flatMap((line, index) =>
    /\bOption\.Option<|\bSchema\.Option\w*\(/.test(line) && !/^\s*\*/.test(line) ? [`${path}:${index + 1}`] : []
  )

describe("absence in public types", () => {
  it("is null, never an Option", () => {
    const files = open()
    assert.isAbove(files.length, 100)
    assert.include(files.map(({ path }) => path), "src/fly/internal/tokenRecord.ts")
    // how a stream of effect is read on takes an Option
    const allowed = ["src/testing/simulation/PodLogs.ts"]
    assert.deepStrictEqual(files.filter(({ path }) => !allowed.includes(path)).flatMap(offending), [])
  })

  it("an Option in an annotation or a schema is seen", () => {
    const text =
      "readonly one: Option.Option<string>\nconst two = Schema.OptionFromNullOr(Schema.String)\n * Option.Option<x>"
    assert.deepStrictEqual(offending({ path: "a.ts", text }), ["a.ts:1", "a.ts:2"])
  })
})
