/**
 * Finding code in prose, tried on a page and a source file made for it.
 */
import { assert, describe, it } from "@effect/vitest"
import { read } from "./files.ts"
import { blocksOf, commandsOf, complaintsOf, examplesOf, linksOf, moduleOf, scriptOf, strangersOf } from "./snippets.ts"

const page = read("test/laws/fixtures/page.md")
const blocks = blocksOf(page)

describe("a page", () => {
  it("gives its blocks with language, information and the line of the first line of code", () => {
    assert.deepStrictEqual(blocks.map(({ info, language, line }) => [line, language, info]), [
      [6, "ts", ""],
      [12, "sh", ""],
      [24, "sh", "no-run"],
      [31, "text", ""],
      [39, "ts", ""],
      [44, "bash", ""]
    ])
  })

  it("gives a block of a list without its indentation", () => {
    assert.strictEqual(blocks[4]?.text, "if (true) {\n  console.log(1)\n}")
  })

  it("gives commands joined over lines, without comments and the text of here-documents", () => {
    assert.deepStrictEqual(blocks.filter(({ language }) => language === "sh").flatMap(commandsOf), [
      { file: page.path, line: 12, text: "id=$(atlas up --detach --port 8000/http -- node server.cjs)" },
      { file: page.path, line: 15, text: "cat > server.cjs <<'EOF'" },
      { file: page.path, line: 19, text: "TOKEN=x curl -s \"$url\"" },
      { file: page.path, line: 20, text: "sudo atlas ps" },
      { file: page.path, line: 24, text: "npm install" },
      { file: page.path, line: 25, text: "npm publish" }
    ])
  })

  it("is told of a command and a language that no list knows", () => {
    assert.deepStrictEqual(strangersOf(blocks), [
      "test/laws/fixtures/page.md:20 unknown command: sudo atlas ps",
      "test/laws/fixtures/page.md:25 not in notRun: npm publish",
      "test/laws/fixtures/page.md:43 a block is one of ts, sh, json, text, toml, mermaid, not \"bash\""
    ])
  })

  it("may keep the id of what it started, and nothing hides behind an assignment", () => {
    const strangers = (text: string) => strangersOf([{ file: "a.md", line: 1, language: "sh", info: "", text }])
    assert.deepStrictEqual(strangers("fake=$!\nid=$(atlas ps)\nA=1 B=\"$c\" atlas ps"), [])
    assert.lengthOf(strangers("fake=$! sudo ps\nid=$(sudo ps)\nA=1 sudo ps"), 3)
  })

  it("becomes one script whose lines have the numbers of the page, without what is not run", () => {
    const lines = scriptOf(blocks)?.split("\n") ?? []
    assert.strictEqual(lines[18], "TOKEN=x curl -s \"$url\"")
    assert.notInclude(lines, "npm install")
    assert.isUndefined(scriptOf(blocks.filter(({ info }) => info === "no-run")))
  })

  it("gives its links into the repository, none from inside a block", () => {
    assert.deepStrictEqual(linksOf(page), [
      { line: 3, to: "test/laws/fixtures/upward" },
      { line: 3, to: "README.md" }
    ])
  })
})

describe("a source file", () => {
  const source = {
    path: "src/a/A.ts",
    text: [
      "const pattern = \"src/**/*.ts\"",
      "/**",
      " * Adds.",
      " *",
      " * ```ts",
      " * import { add } from \"effect-atlas\"",
      " *",
      " *   add(1)",
      " * ```",
      " */",
      "export const add = `",
      "```ts",
      "no",
      "```",
      "`",
      "/** Short. */"
    ].join("\n")
  }

  it("gives the examples of its docstrings and nothing else", () => {
    assert.deepStrictEqual(examplesOf(source), [{
      file: "src/a/A.ts",
      line: 6,
      language: "ts",
      info: "",
      text: "import { add } from \"effect-atlas\"\n\n  add(1)"
    }])
  })

  it("has its example compiled on the lines where it stands, so that complaints name them", () => {
    const [example] = examplesOf(source)
    assert.isDefined(example)
    const module = moduleOf(example)
    assert.strictEqual(module.path, "src__a__A.ts.6.ts")
    assert.strictEqual(module.text.split("\n")[7], "  add(1)")
    const output = [`.tmp/docs/x/${module.path}(8,3): error TS2554: Expected 2.`, "  more of it", "error TS1: all"]
    assert.deepStrictEqual(complaintsOf(output.join("\n"), [example]), [
      { file: "src/a/A.ts", text: "src/a/A.ts:8 error TS2554: Expected 2." },
      { file: "", text: "error TS1: all" }
    ])
  })
})
