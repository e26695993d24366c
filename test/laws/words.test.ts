/**
 * The words of src, README and guides are those of the field: what was once called by a word of its own has a plain name, in code,
 * in comments and in what users read. The changelog is left out, since it says what the old words have become.
 */
import { assert, describe, it } from "@effect/vitest"
import { matching } from "./files.ts"
import { allowances, oldWords } from "./words.ts"

const sources = matching(["src/**/*.ts", "README.md", "guides/**/*.{md,ts}", ".github/*.md"])

describe("no file says it in an old word", () => {
  it("in code, in a comment or in a text", () => {
    assert.isAbove(sources.length, 0, "no file is looked at")
    assert.deepStrictEqual(oldWords(sources, { allowed: allowances }), [])
  })

  it("and every allowance there is still needed", () => {
    const isUseful = ({ path, text }: { readonly path: string; readonly text: string }) =>
      sources.some((file) => file.path.startsWith(path) && file.text.includes(text))
    const here = allowances.filter(({ path }) => sources.some((file) => file.path.startsWith(path)))
    assert.deepStrictEqual(here.filter((one) => !isUseful(one)), [])
  })
})

describe("an old word is found", () => {
  it.each([
    ["in a comment", "// nobody can tell", ["nobody"]],
    ["in a docstring, whatever its capitals", "/** Somebody else ended it. */", ["somebody"]],
    ["in a message", "export const a = \"the adapter broke: TypeError\"", ["broke"]],
    ["in the middle of a name", "export const isSeatTaken = true", ["seat"]],
    ["at the end of a name", "export const liveTwins = 1", ["twins"]],
    ["in a name with underscores", "export const sql = \"session_seats\"", ["seats"]],
    ["twice on two lines", "// whoever\n// whoever", ["whoever", "whoever"]]
  ])("%s", (_, text, expected) => {
    const found = oldWords([{ path: "src/domain/A.ts", text }], { allowed: [] })
    assert.deepStrictEqual(found.map((one) => /says (\w+);/.exec(one)?.[1]), expected)
  })

  it("with its file and line, and what to write instead", () => {
    assert.deepStrictEqual(oldWords([{ path: "src/domain/A.ts", text: "\nconst residuals = 1" }], { allowed: [] }), [
      "src/domain/A.ts:2 says residuals; write pending termination"
    ])
  })

  it.each([
    ["a type", "export interface Fate {}"],
    ["a use of it", "export const a = (turn: Turn) => turn"],
    ["a function", "export const handBack = 1"],
    ["the value of a property", "export const a = { b: Turn }"]
  ])("as the name of %s", (_, text) => {
    assert.lengthOf(oldWords([{ path: "src/domain/A.ts", text }], { allowed: [] }), 1)
  })
})

describe("nothing is found", () => {
  it.each([
    ["in a longer word", "export const broken = \"seaton\" // calmly, newsletter"],
    ["for a type's name in a comment", "// Turn by turn. Standing still."],
    ["in plain words", "// the process holds the owner lock"]
  ])("%s", (_, text) => {
    assert.deepStrictEqual(oldWords([{ path: "src/domain/A.ts", text }], { allowed: [] }), [])
  })

  it("for a type's name in a guide", () => {
    assert.deepStrictEqual(oldWords([{ path: "guides/a.md", text: "Rent it. Turn it off." }], { allowed: [] }), [])
  })

  it("in a text that is allowed, in the file or folder where it is, and only there", () => {
    const allowed = [
      { path: "src/cli/A.ts", text: "twin-pods", why: "a test" },
      { path: "src/store/", text: "session_seats", why: "a test" }
    ]
    const faults = "export const faults = [\"twin-pods\"]"
    const sql = "export const sql = \"SELECT * FROM session_seats\""
    assert.deepStrictEqual(oldWords([{ path: "src/cli/A.ts", text: faults }], { allowed }), [])
    assert.deepStrictEqual(oldWords([{ path: "src/store/sql.ts", text: sql }], { allowed }), [])
    assert.lengthOf(oldWords([{ path: "src/cli/B.ts", text: faults }], { allowed }), 1)
    assert.lengthOf(oldWords([{ path: "src/cli/A.ts", text: `${faults} // a twin` }], { allowed }), 1)
  })
})
