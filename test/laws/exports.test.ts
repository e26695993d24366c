/**
 * The package's subpaths: each leads to a source file, and the main one stays light.
 */
import { assert, describe, it } from "@effect/vitest"
import { createRequire, isBuiltin } from "node:module"
import { fileURLToPath } from "node:url"
import ts from "typescript"
import * as sources from "../../.config/sources.mjs"
import { matching, read, root } from "./files.ts"
import { importsOf, target } from "./imports.ts"

interface Door {
  readonly types: string
  readonly default: string
}

const manifest: {
  readonly exports: Readonly<Record<string, Door | string | null>>
  readonly bin: Readonly<Record<string, string>>
} = JSON.parse(read("package.json").text)

/** The source of what is built, `*` for any name. */
const sourceOf = (built: string): string => built.replace(/^\.\/dist\//, "src/").replace(/\.js$/, ".ts")

const doors = Object.entries(manifest.exports).flatMap(([subpath, door]) =>
  typeof door === "object" && door !== null ? [[subpath, door] as const] : []
)

const compilerOptions = ts.parseJsonConfigFileContent(
  ts.readConfigFile(`${root}/tsconfig.json`, ts.sys.readFile).config,
  ts.sys,
  root
).options

const resolve = createRequire(`${root}/test/`).resolve

/** Whether Node lets a user of the package import this file of ours; whether it is built does not matter. */
const isOpen = (path: string): boolean => {
  try {
    resolve(path.replace(/^src\//, "effect-atlas/").replace(/\.ts$/, ""))
    return true
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ERR_PACKAGE_PATH_NOT_EXPORTED")
  }
}

const isRuntime = ({ kind }: { readonly kind: string }): boolean => kind === "static"

const runtimeImports = new Map<string, ReturnType<typeof importsOf>>()

/** The imports of a file that are followed when it is loaded; each file is parsed once. */
const loadsOf = (path: string): ReturnType<typeof importsOf> => {
  const known = runtimeImports.get(path) ?? importsOf(read(path)).filter(isRuntime)
  runtimeImports.set(path, known)
  return known
}

/** What loading a file of ours loads: our own files, and each package it names with the place that names it. */
const loadedBy = (entry: string): { readonly files: Set<string>; readonly packages: Map<string, string> } => {
  const files = new Set([entry])
  const packages = new Map<string, string>()
  for (const path of files) {
    for (const { specifier, line } of loadsOf(path)) {
      const to = target(path, specifier)
      if (to !== undefined) files.add(to)
      else if (!packages.has(specifier)) packages.set(specifier, `${path}:${line}`)
    }
  }
  return { files, packages }
}

describe("package.json", () => {
  it.each(doors)("%s leads to source", (subpath, door) => {
    const source = sourceOf(door.default)
    assert.match(source, /^src\/.+\.ts$/)
    assert.notDeepEqual(matching([source]).map(({ path }) => path), [], `${subpath}: no file at ${source}`)
    assert.strictEqual(door.types, door.default.replace(/\.js$/, ".d.ts"))
    // the first condition that holds wins, so the order is part of the meaning
    assert.deepStrictEqual(Object.keys(door), ["types", "default"])
  })

  it("a door for every file of a folder leads into no folder below it, the internal one included", () => {
    const folders = doors.flatMap(([subpath]) => subpath.endsWith("/*") ? [subpath.slice(2, -1)] : [])
    const inner = folders.flatMap((folder) => matching([`src/${folder}*/**/*.ts`]).map(({ path }) => path))
    assert.isAbove(inner.length, 0, "no folder behind a door has a folder of its own")
    assert.deepStrictEqual(inner.filter(isOpen), [])
  })

  it("one door serves every provider: a file that stands beside the providers' folders can be imported", () => {
    const providers = matching(["src/providers/*.ts"]).map(({ path }) => path)
    assert.include(providers, "src/providers/RunPod.ts")
    assert.deepStrictEqual(providers.filter((path) => !isOpen(path)), [])
    assert.deepStrictEqual(Object.keys(manifest.exports).filter((subpath) => /^\.\/providers\/\w+$/.test(subpath)), [])
  })

  it("test equipment has one door, effect-atlas/testing; a provider in memory is a provider", () => {
    const equipment = matching(["src/**/{Fake*,fake*}.ts", "src/testing/**/*.ts"]).map(({ path }) => path)
    assert.include(equipment, "src/fly/FakeFly.ts")
    assert.deepStrictEqual(equipment.filter(isOpen), [])
    assert.isTrue(isOpen("src/testing.ts"))
    assert.isTrue(isOpen("src/providers/MockProvider.ts"))
  })

  it("inside the checkout a door leads to the same source for Node, rolldown, Vite and the compiler", () => {
    for (
      const specifier of [
        "effect-atlas",
        "effect-atlas/fly",
        "effect-atlas/fly/FlyApps",
        "effect-atlas/providers/RunPod",
        "effect-atlas/orchestrator",
        "effect-atlas/testing"
      ]
    ) {
      const { resolvedModule } = ts.resolveModuleName(specifier, `${root}/test/a.ts`, compilerOptions, ts.sys)
      assert.strictEqual(resolvedModule?.resolvedFileName, fileURLToPath(sources.sourceOf(specifier) ?? "file:///none"))
    }
    assert.isUndefined(sources.sourceOf("effect-atlas/providers/runpod/RunPodSchema"))
    assert.isUndefined(sources.sourceOf("effect-atlas-other"))
    assert.isUndefined(sources.sourceOf("effect"))
  })

  it("the command is a program for Node", () => {
    assert.deepStrictEqual(manifest.bin, { atlas: "./dist/cli/atlas.js" })
    assert.strictEqual(read("src/cli/main.ts").text.split("\n")[0], "#!/usr/bin/env node")
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

/** Every file that a door leads to. */
const entries = doors.flatMap(([, door]) => matching([sourceOf(door.default)]).map(({ path }) => path))

describe("an import of one module loads", () => {
  const loading = (isMeant: (specifier: string) => boolean) =>
    entries.filter((entry) => [...loadedBy(entry).packages.keys()].some(isMeant)).toSorted()

  it("no database where none is named: neither Effect's SQL nor Node's SQLite", () => {
    assert.deepStrictEqual(loading((specifier) => specifier.startsWith("effect/sql") || specifier === "node:sqlite"), [
      "src/fly/TokenStorageSql.ts",
      "src/orchestrator/SessionStoreSql.ts",
      "src/orchestrator/SessionStoreSqlite.ts",
      "src/storage/SqliteNode.ts"
    ])
  })

  it("Node's SQLite by no import of its own, since Node warns of it: only storage/BuiltinSqlite loads it", () => {
    const sources = matching(["src/**/*.ts"]).map(({ path }) => path)
    const named = sources.filter((path) => loadsOf(path).some(({ specifier }) => specifier === "node:sqlite"))
    assert.deepStrictEqual(named, [])
    const users = entries.filter((entry) => loadedBy(entry).files.has("src/storage/BuiltinSqlite.ts"))
    assert.deepStrictEqual(users.toSorted(), [
      "src/orchestrator/SessionStoreSqlite.ts",
      "src/storage/BuiltinSqlite.ts",
      "src/storage/SqliteNode.ts"
    ])
  })

  it("Node only where files, processes or its SQLite are used: not in the orchestrator with sessions in memory", () => {
    const needy = loading(isBuiltin).filter((entry) => !/^src\/(?:fly|storage|testing)\//.test(entry))
    assert.deepStrictEqual(needy, [
      "src/orchestrator/SessionStoreSql.ts",
      "src/orchestrator/SessionStoreSqlite.ts",
      "src/providers/LocalProvider.ts"
    ])
  })

  it("no package but effect, from whichever door", () => {
    assert.deepStrictEqual(loading((specifier) => !isBuiltin(specifier) && !specifier.startsWith("effect/")), [])
  })
})

describe("the command line", () => {
  it("loads to print its help nothing but its own commands: no provider, no action, no package beside Effect", () => {
    const { files, packages } = loadedBy("src/cli/NodeMain.ts")
    const own = /^src\/cli\/(?!actions\/|completion\/)/
    assert.deepStrictEqual([...files].filter((path) => !own.test(path)).toSorted(), [
      "src/domain/ForeignText.ts",
      "src/domain/PortText.ts",
      "src/domain/TimeSpan.ts",
      "src/domain/Version.ts"
    ])
    const allowed = /^(node:|effect\/|@effect\/platform-node\/NodeServices$)/
    assert.deepStrictEqual([...packages].filter(([specifier]) => !allowed.test(specifier)), [])
  })
})
