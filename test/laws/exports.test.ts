/**
 * The package's doors: every subpath leads to a source file, and the front one stays light.
 */
import { assert, describe, it } from "@effect/vitest"
import { isBuiltin } from "node:module"
import { matching, read } from "./files.ts"
import { importsOf, target } from "./imports.ts"

interface Door {
  readonly "effect-atlas-source": string
  readonly types: string
  readonly default: string
}

const manifest: {
  readonly exports: Readonly<Record<string, Door | string | null>>
  readonly bin: Readonly<Record<string, string>>
} = JSON.parse(read("package.json").text)

const doors = Object.entries(manifest.exports).flatMap(([subpath, door]) =>
  typeof door === "object" && door !== null ? [[subpath, door] as const] : []
)

const isRuntime = ({ kind }: { readonly kind: string }): boolean => kind === "static"

/** What loading a file of ours loads: our own files, and each package it names with the place that names it. */
const loadedBy = (entry: string): { readonly files: Set<string>; readonly packages: Map<string, string> } => {
  const files = new Set([entry])
  const packages = new Map<string, string>()
  for (const path of files) {
    for (const { specifier, line } of importsOf(read(path)).filter(isRuntime)) {
      const to = target(path, specifier)
      if (to !== undefined) files.add(to)
      else if (!packages.has(specifier)) packages.set(specifier, `${path}:${line}`)
    }
  }
  return { files, packages }
}

describe("package.json", () => {
  it.each(doors)("%s leads to source", (subpath, door) => {
    const source = door["effect-atlas-source"]
    assert.match(source, /^\.\/src\/.+\.ts$/)
    assert.notDeepEqual(matching([source.slice(2)]).map(({ path }) => path), [], `${subpath}: no file at ${source}`)
    const built = source.replace(/^\.\/src\//, "./dist/").replace(/\.ts$/, "")
    assert.deepStrictEqual([door.types, door.default], [`${built}.d.ts`, `${built}.js`])
    // the first condition that holds wins, so the order is part of the meaning
    assert.deepStrictEqual(Object.keys(door), ["effect-atlas-source", "types", "default"])
  })

  it("a door for every file of a folder is no door to its internal folder", () => {
    const patterns = doors.map(([subpath]) => subpath).filter((subpath) => subpath.endsWith("/*"))
    assert.deepStrictEqual(
      patterns.filter((subpath) => manifest.exports[subpath.replace("/*", "/internal/*")] !== null),
      []
    )
  })

  it.each(Object.entries(manifest.bin))("the command %s is a program for Node", (_, built) => {
    const { text } = read(built.replace(/^\.\/dist\//, "src/").replace(/\.js$/, ".ts"))
    assert.strictEqual(text.split("\n")[0], "#!/usr/bin/env node")
  })
})

describe("the core entry", () => {
  const heavy = ["effect/http", "effect/http-api", "effect/process", "effect/cli", "effect/sql", "effect/cluster"]
  const isHeavy = (specifier: string): boolean =>
    isBuiltin(specifier) || specifier.startsWith("@effect/platform-node") ||
    heavy.some((one) => specifier === one || specifier.startsWith(`${one}/`))

  it("loads without Node and without the heavy parts of effect", () => {
    const { files, packages } = loadedBy("src/index.ts")
    assert.isAbove(files.size, 1, "src/index.ts loads nothing")
    assert.deepStrictEqual([...packages].filter(([specifier]) => isHeavy(specifier)), [])
  })

  it("loads no package but effect", () => {
    const { packages } = loadedBy("src/index.ts")
    assert.deepStrictEqual([...packages].filter(([specifier]) => !specifier.startsWith("effect/")), [])
  })
})
