/**
 * What stands where, how long a file may be, and which texts may not stand in it.
 */
import { assert, it } from "@effect/vitest"
import ts from "typescript"
import { type File, matching, read, tracked } from "./files.ts"

/** The most lines of code a file of `src/` may have before it holds two nouns; comments and blank lines do not count. */
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

/** How many lines hold code. A line that only a comment or nothing stands on is none; one of a text of many lines is. */
const codeLinesOf = ({ path, text }: File): number => {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const lines = new Set<number>()
  const visit = (node: ts.Node): void => {
    if (node.kind >= ts.SyntaxKind.FirstJSDocNode && node.kind <= ts.SyntaxKind.LastJSDocNode) return
    const children = node.getChildren(source)
    if (children.length > 0) return children.forEach(visit)
    if (node.getWidth(source) === 0) return
    const first = source.getLineAndCharacterOfPosition(node.getStart(source)).line
    const last = source.getLineAndCharacterOfPosition(node.getEnd()).line
    for (let line = first; line <= last; line++) lines.add(line)
  }
  visit(source)
  return lines.size
}

/** The rooms that each cloud has: the same file may stand in the folder of every cloud. */
const cloudRoom = /^src\/providers\/[^/]+\//

/**
 * The files of one wing (a folder of `src/`) that have the same name, where a reader of an import or of a search cannot tell
 * them apart. Capitals make no difference; `index.ts` is the door of its folder and has no other name.
 */
const sameNames = (paths: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> => {
  const byName = Map.groupBy(paths.filter((path) => !path.endsWith("/index.ts")), (path) => {
    const [, wing = ""] = path.split("/")
    const cloud = cloudRoom.exec(path)?.[0]
    return `${cloud ?? wing} ${path.slice(path.lastIndexOf("/") + 1).toLowerCase()}`
  })
  return [...byName.values()].filter((same) => same.length > 1)
}

const sources = matching(["src/**/*.ts"])

it("the top of the repository holds what is listed here and nothing else", () => {
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

it("code of src is in .ts files, which are those that the laws read", () => {
  const others = matching(["src/**/*.{js,jsx,mjs,cjs,tsx,mts,cts}"]).map(({ path }) => path)
  assert.deepStrictEqual(others, [])
})

it("no file of src has more than 400 lines of code, so that none must hold two nouns", () => {
  const long = sources.map((file) => ({ path: file.path, lines: codeLinesOf(file) }))
    .filter(({ lines }) => lines > longest)
  assert.deepStrictEqual(long, [])
})

it.each([
  ["a planted file of 401", "const a = 1\n".repeat(401), 401],
  ["comments and blank lines count for nothing", "/**\n * const a = 1\n */\n\n// const b\nconst c = 1 // d\n", 1],
  ["a line that a comment begins and code ends", "/* a */ const b = 1\n", 1],
  ["every line of a template", "const a = `\n\n// not a comment\n`\n", 4],
  ["a call over three lines", "f(\n  1\n)\n", 3]
])("lines of code are counted: %s", (_, text, expected) => {
  assert.strictEqual(codeLinesOf({ path: "src/a.ts", text }), expected)
})

it("no two files of one wing have the same name, but for the rooms that every cloud has", () => {
  assert.deepStrictEqual(sameNames(sources.map(({ path }) => path)), [])
})

it.each([
  ["two folders of one wing", ["src/cli/commands/fly.ts", "src/cli/actions/fly.ts"], 1],
  ["capitals", ["src/orchestrator/engine/Commands.ts", "src/orchestrator/internal/commands.ts"], 1],
  ["two in one cloud", ["src/providers/acme/fake/pods.ts", "src/providers/acme/schema/pods.ts"], 1],
  ["the same room of two clouds", ["src/providers/acme/internal/wire.ts", "src/providers/other/internal/wire.ts"], 0],
  ["two wings", ["src/fly/internal/limit.ts", "src/http/limit.ts"], 0],
  ["doors", ["src/fly/index.ts", "src/fly/internal/index.ts"], 0]
])("names that are the same are seen: %s", (_, paths, expected) => {
  assert.lengthOf(sameNames(paths), expected)
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
