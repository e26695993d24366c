/**
 * Every file says what it is, and every name a user can import also where it belongs and since when it is there.
 */
import { assert, describe, it } from "@effect/vitest"
import ts from "typescript"
import { type File, matching, read } from "./files.ts"

const manifest: { readonly exports: Readonly<Record<string, Readonly<Record<string, string>> | string | null>> } = JSON
  .parse(read("package.json").text)

const publicFiles = Object.values(manifest.exports).flatMap((door) =>
  typeof door === "object" && door !== null
    ? matching([door["default"]?.replace("./dist/", "src/").replace(/\.js$/, ".ts") ?? ""])
    : []
)

/** Declared here and exported; a re-export is explained where it is declared. */
const isExported = (node: ts.Statement): boolean =>
  ts.canHaveModifiers(node) &&
  (ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false)

const nameOf = (node: ts.Statement): string => {
  if (ts.isVariableStatement(node)) {
    return node.declarationList.declarations.map(({ name }) => name.getText()).join(", ")
  }
  const isNamed = ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node)
  return isNamed ? node.name?.getText() ?? "default" : node.getText()
}

const isType = (node: ts.Statement): boolean => ts.isTypeAliasDeclaration(node) || ts.isInterfaceDeclaration(node)

/** What the docstrings of a file lack, with the line of the name. A type may leave the words to its value. */
const missingIn = ({ path, text }: File): ReadonlyArray<string> => {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const exported = source.statements.filter(isExported)
  const values = new Set(exported.filter((node) => !isType(node)).map(nameOf))
  return exported.flatMap((node) => {
    const doc = ts.getJSDocCommentsAndTags(node).map((one) => one.getText()).join("\n")
    const [words = ""] = doc.replace(/^[\s/*]+/, "").split(/\s@category|\s@since/)
    const lacks = [
      ...(/^\w/.test(words) || (isType(node) && values.has(nameOf(node))) ? [] : ["a sentence"]),
      ...["@category", "@since"].filter((tag) => !doc.includes(tag))
    ]
    const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1
    return lacks.length === 0 ? [] : [`${path}:${line} ${nameOf(node)} lacks ${lacks.join(", ")}`]
  })
}

it("every file of src says in its first lines what it is", () => {
  const silent = matching(["src/**/*.ts"]).filter(({ text }) => !/^(#!.*\n)?\/\*\*[\s*]+[\w`"]/.test(text))
  assert.deepStrictEqual(silent.map(({ path }) => path), [])
})

describe("every public name is explained", () => {
  it.each(publicFiles.map((file) => [file.path, file] as const))("%s", (_, file) => {
    assert.deepStrictEqual(missingIn(file), [])
  })
})

it.each([
  ["no docstring", "export const a = 1", ["a lacks a sentence, @category, @since"]],
  ["no category", "/**\n * One.\n *\n * @since 0.1.0\n */\nexport const a = 1", ["a lacks @category"]],
  ["tags and no words", "/**\n * @category a\n * @since 0.1.0\n */\nexport const a = 1", ["a lacks a sentence"]],
  ["a type alone", "/**\n * @category a\n * @since 0.1.0\n */\nexport type A = 1", ["A lacks a sentence"]],
  ["nothing: a re-export", "export * as A from \"./a.ts\"", []],
  ["nothing: a private name", "const a = 1", []],
  ["nothing: all is said", "/**\n * One.\n *\n * @category a\n * @since 0.1.0\n */\nexport const a = 1", []]
])("a public name is seen to lack %s", (_, text, expected) => {
  assert.deepStrictEqual(missingIn({ path: "a.ts", text }).map((one) => one.replace(/^a\.ts:\d+ /, "")), expected)
})

it("a type may leave the words to the value of its name", () => {
  const tags = "/**\n * @category a\n * @since 0.1.0\n */"
  const text = `/**\n * One.\n *\n * @category a\n * @since 0.1.0\n */\nexport const A = 1\n${tags}\nexport type A = 1`
  assert.deepStrictEqual(missingIn({ path: "a.ts", text }), [])
})
