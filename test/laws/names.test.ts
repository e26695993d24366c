/**
 * What stands where, how long a file may be, and which words may not be written.
 */
import { assert, it } from "@effect/vitest"
import ts from "typescript"
import { type File, matching, read, tracked } from "./files.ts"

/** The most lines of code, without comments and blank lines, that a file of `src/` may have before it holds two nouns. */
const longest = 400

/**
 * Escapes from the type checker that `src/` may keep: the file, the escape as reported below and why no type will do.
 */
const allowed: ReadonlyArray<{ readonly file: string; readonly escape: string; readonly why: string }> = [
  {
    file: "src/providers/runpod/internal/native.ts",
    escape: "as ... as",
    why: "a record made by walking the table of calls cannot say which call each name has; its type is derived from it"
  }
]

const topLevel = [
  "CHANGELOG.md",
  "LICENSE",
  "README.md",
  "guides",
  "package-lock.json",
  "package.json",
  "src",
  "test",
  "tsconfig.json"
]

// in two pieces, so that this file does not break its own law
const registries = [["registry.npmjs", "org"], ["registry.yarnpkg", "com"], ["npm.pkg.github", "com"]]

/** The registry this machine uses; one on this machine itself is no address that could leak. */
const ownRegistry = (): ReadonlyArray<string> => {
  const url = process.env["npm_config_registry"]
  if (url === undefined || !URL.canParse(url)) return []
  const { host, hostname } = new URL(url)
  return ["localhost", "127.0.0.1"].includes(hostname) ? [] : [host]
}

/** Lines that are neither blank nor part of a comment, which the formatter begins in one of these ways. */
const codeLines = (text: string): number =>
  text.split("\n").filter((line) => !/^\s*(?:$|\/\/|\/\*|\*)/.test(line)).length

const isInConstraint = (node: ts.Node): boolean => {
  if (node.parent === undefined) return false
  return ts.isTypeParameterDeclaration(node.parent) ? node.parent.constraint === node : isInConstraint(node.parent)
}

/** Each way a file steps out of the type checker, with its line. `any` may stand in the constraint of a parameter. */
const escapesOf = ({ path, text }: File): ReadonlyArray<{ readonly escape: string; readonly line: number }> => {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const escapes = text.split("\n").flatMap((line, index) => {
    const directive = /@ts-(ignore|expect-error|nocheck)/.exec(line)?.[0]
    return directive === undefined ? [] : [{ escape: directive, line: index + 1 }]
  })
  const report = (node: ts.Node, escape: string): void => {
    escapes.push({ escape, line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1 })
  }
  const visit = (node: ts.Node): void => {
    if (node.kind === ts.SyntaxKind.AnyKeyword && !isInConstraint(node)) report(node, "any")
    if (ts.isAsExpression(node) && ts.isAsExpression(node.expression)) report(node, "as ... as")
    ts.forEachChild(node, visit)
  }
  visit(source)
  return escapes
}

const sources = matching(["src/**/*.ts"])

it("the top of the repository holds what the house has and nothing else", () => {
  const visible = new Set(tracked().map((path) => path.split("/")[0] ?? "").filter((name) => !name.startsWith(".")))
  assert.deepStrictEqual([...visible].toSorted(), topLevel)
})

it("no tracked file names a package registry", () => {
  const hosts = [...registries.map((parts) => parts.join(".")), ...ownRegistry()]
  const found = tracked().flatMap((path) => {
    const { text } = read(path)
    return hosts.filter((host) => text.includes(host)).map((host) => `${path}: ${host}`)
  })
  assert.deepStrictEqual(found, [])
})

it("no file of src is so long that it must hold two nouns", () => {
  const long = sources.map(({ path, text }) => ({ path, lines: codeLines(text) }))
    .filter(({ lines }) => lines > longest)
  assert.deepStrictEqual(long, [])
})

it("no file of src steps out of the type checker", () => {
  const found = sources.flatMap((file) => escapesOf(file).map((one) => ({ file: file.path, ...one })))
  const isAllowed = (one: { readonly file: string; readonly escape: string }): boolean =>
    allowed.some(({ escape, file }) => file === one.file && escape === one.escape)
  const render = (one: { readonly file: string; readonly escape: string; readonly line: number }): string =>
    `${one.file}:${one.line} ${one.escape}`
  assert.deepStrictEqual(found.filter((one) => !isAllowed(one)).map(render), [])
  const stale = allowed.filter(({ escape, file }) => !found.some((one) => one.file === file && one.escape === escape))
  assert.deepStrictEqual(stale, [], "no longer needed")
})

it.each([
  ["a cast", "export const a = JSON.parse(\"\") as any", ["any"]],
  ["an annotation", "export const a = (b: any) => b", ["any"]],
  ["an argument", "export const a: Array<any> = []", ["any"]],
  ["a cast through unknown", "export const a = 1 as unknown as string", ["as ... as"]],
  ["a silenced line", "// @ts-expect-error\nexport const a: string = 1", ["@ts-expect-error"]],
  ["nothing in a constraint", "export const a = <A extends Array<any>>(as: A) => as", []],
  ["nothing in a word", "// any\nexport const anything = \"any\"", []]
])("an escape from the type checker is seen: %s", (_, text, expected) => {
  assert.deepStrictEqual(escapesOf({ path: "src/a.ts", text }).map(({ escape }) => escape), expected)
})
