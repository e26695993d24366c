/**
 * The import law, held against `src/` and against planted breaches.
 */
import { assert, describe, it } from "@effect/vitest"
import { matching, read, root } from "./files.ts"
import { brokenImports, exceptions, importsOf, render } from "./imports.ts"

/** Names of a package that load all of it, or all of a subpath. */
const barrelsOf = (name: string): ReadonlyArray<string> => {
  const manifest: { readonly exports: Record<string, unknown> } = JSON.parse(
    read(`node_modules/${name}/package.json`).text
  )
  return Object.keys(manifest.exports)
    .filter((key) => !key.includes("*") && key !== "./package.json" && manifest.exports[key] !== null)
    .map((key) => `${name}${key.slice(1)}`)
}

const barrels = [...barrelsOf("effect"), ...barrelsOf("@effect/platform-node")]

const check = (path: string, text: string): ReadonlyArray<string> =>
  brokenImports([{ path, text }], { barrels }).map(render)

describe("which folder may use which", () => {
  it("no file of src imports what its room may not", () => {
    const files = matching(["src/**/*.ts"])
    assert.isAbove(files.length, 0, "src holds no file")
    assert.deepStrictEqual(brokenImports(files, { barrels, exceptions }).map(render), [])
  })

  it("every exception is still needed", () => {
    const broken = brokenImports(matching(["src/**/*.ts"]), { barrels })
    const stale = exceptions.filter((one) =>
      !broken.some(({ file, specifier }) => file === one.file && specifier === one.specifier)
    )
    assert.deepStrictEqual(stale, [])
  })

  it("an upward import is caught with its file and line", () => {
    const files = matching(["src/**/*.ts"], `${root}/test/laws/fixtures/upward`)
    assert.deepStrictEqual(brokenImports(files, { barrels }).map(render), [
      "src/domain/Planted.ts:2 uses \"../provider/Provider.ts\": domain may use nothing of ours; not provider"
    ])
  })
})

it("a planted import of an engine, a core, a store or an internal folder from outside its wing is caught", () => {
  const files = matching(["src/**/*.ts"], `${root}/test/laws/fixtures/closed`)
  assert.deepStrictEqual(brokenImports(files, { barrels }).map(render), [
    "src/cli/Planted.ts:2 uses \"../orchestrator/engine/Engine.ts\": engine/ belongs to src/orchestrator",
    "src/cli/Planted.ts:3 uses \"../orchestrator/session/Decide.ts\": session/ belongs to src/orchestrator",
    "src/cli/Planted.ts:6 uses \"../provider/internal/service.ts\": internal/ belongs to src/provider",
    "src/cli/Planted.ts:8 uses \"../orchestrator/store/memory.ts\": store/ belongs to src/orchestrator"
  ])
})

describe("the import law catches", () => {
  it.each([
    ["a barrel", "src/jobs/A.ts", "import { Effect } from \"effect\""],
    ["a barrel of a subpath", "src/jobs/A.ts", "import { HttpClient } from \"effect/http\""],
    ["a barrel of the platform", "src/cli/A.ts", "import { NodeServices } from \"@effect/platform-node\""],
    ["a name of the betas", "src/jobs/A.ts", "import * as Http from \"effect/unstable/http/HttpClient\""],
    ["Node in the core", "src/domain/A.ts", "import { join } from \"node:path\""],
    ["Node without its prefix", "src/Atlas.ts", "import { join } from \"path\""],
    ["the platform in the contract", "src/provider/A.ts", "import * as N from \"@effect/platform-node/NodeServices\""],
    ["an undeclared package", "src/jobs/A.ts", "import chalk from \"chalk\""],
    ["our own name", "src/jobs/A.ts", "import { Atlas } from \"effect-atlas\""],
    ["one cloud in another", "src/providers/local/A.ts", "import { b } from \"../mock/B.ts\""],
    ["a cloud in Atlas.ts", "src/Atlas.ts", "import { b } from \"./providers/mock/B.ts\""],
    ["a neighbour on the same floor", "src/auth/A.ts", "import { b } from \"../telemetry/B.ts\""],
    ["the command line from below", "src/testing/A.ts", "import { b } from \"../cli/B.ts\""],
    ["test doubles in the product", "src/provider/A.ts", "import { b } from \"../testing/B.ts\""],
    ["a real cloud in test doubles", "src/testing/A.ts", "import { b } from \"../providers/mock/B.ts\""],
    ["another folder's internal folder", "src/cli/A.ts", "import { b } from \"../providers/local/internal/b.ts\""],
    ["an engine from outside its wing", "src/cli/A.ts", "import { b } from \"../orchestrator/engine/B.ts\""],
    [
      "a type of a core from outside its wing",
      "src/testing/A.ts",
      "import type { B } from \"../orchestrator/session/B.ts\""
    ],
    [
      "a store loaded from outside its wing",
      "src/cli/A.ts",
      "export const b = () => import(\"../orchestrator/store/b.ts\")"
    ],
    [
      "an internal folder from elsewhere in its wing",
      "src/orchestrator/A.ts",
      "import { b } from \"./session/internal/b.ts\""
    ],
    ["one cloud in the door of another", "src/providers/Local.ts", "import { b } from \"./mock/B.ts\""],
    ["a door in another", "src/providers/LocalProvider.ts", "import { b } from \"./MockProvider.ts\""],
    [
      "another's internal folder behind a door",
      "src/providers/RunPod.ts",
      "import { b } from \"./local/internal/b.ts\""
    ],
    ["a real cloud's door in test doubles", "src/testing/A.ts", "import { b } from \"../providers/RunPod.ts\""],
    ["the internal folder of Atlas.ts", "src/cli/A.ts", "import { b } from \"../internal/b.ts\""],
    ["a way out of src", "src/cli/A.ts", "import { b } from \"../../test/b.ts\""],
    ["an import of types", "src/domain/A.ts", "import type { B } from \"../provider/B.ts\""],
    ["a type written as an import", "src/domain/A.ts", "export type B = import(\"../provider/B.ts\").B"],
    ["a re-export", "src/domain/A.ts", "export * from \"../provider/B.ts\""],
    ["an import at run time", "src/domain/A.ts", "export const b = () => import(\"../provider/B.ts\")"],
    ["a module started by its path", "src/provider/A.ts", "export const b = new URL(\"../cli/b.ts\", import.meta.url)"],
    [
      "a module started by a path without a dot",
      "src/domain/A.ts",
      "export const b = new URL(\"internal/engine/b.ts\", import.meta.url)"
    ],
    ["a file by the name that it has in the build", "src/cli/A.ts", "import type { B } from \"./b.js\""],
    ["a folder instead of a file", "src/cli/A.ts", "import { b } from \"../orchestrator/engine\""],
    ["a name put together at run time", "src/cli/A.ts", "export const b = (name: string) => import(`./${name}.ts`)"],
    ["a reference to a file", "src/domain/A.ts", "/// <reference path=\"../provider/B.ts\" />"],
    ["a module that is added to", "src/domain/A.ts", "declare module \"../provider/B.ts\" {}"],
    ["an unknown folder", "src/misc/A.ts", "export {}"]
  ])("%s", (_, path, text) => {
    assert.lengthOf(check(path, text), 1)
  })
})

describe("the import law allows", () => {
  it.each([
    ["one module of effect", "src/domain/A.ts", "import * as Effect from \"effect/Effect\""],
    ["one module of a subpath", "src/jobs/A.ts", "import * as HttpClient from \"effect/http/HttpClient\""],
    ["the floors below", "src/Atlas.ts", "import { b } from \"./provider/B.ts\""],
    ["the platform where processes start", "src/cli/A.ts", "import * as N from \"@effect/platform-node/NodeServices\""],
    ["a room's own internal folder", "src/providers/local/A.ts", "import { b } from \"./internal/b.ts\""],
    ["a core inside its wing", "src/orchestrator/engine/A.ts", "import { b } from \"../session/B.ts\""],
    ["a core's own internal folder", "src/orchestrator/session/A.ts", "import { b } from \"./internal/b.ts\""],
    ["the internal folder of Atlas.ts in Atlas.ts", "src/Atlas.ts", "import { b } from \"./internal/b.ts\""],
    ["a door's own folder", "src/providers/AcmeClient.ts", "import { b } from \"./acme/internal/b.ts\""],
    [
      "a door that is reached from its folder",
      "src/providers/acme/internal/a.ts",
      "import { b } from \"../../Acme.ts\""
    ],
    ["internal files among themselves", "src/providers/local/internal/a.ts", "import { b } from \"./b.ts\""],
    ["storage on this machine", "src/providers/local/A.ts", "import { b } from \"../../storage/B.ts\""],
    ["a fake cloud that uses the kit", "src/providers/acme/FakeAcme.ts", "import { b } from \"../../testing/B.ts\""],
    ["a fake cloud in the kit", "src/testing/A.ts", "import { b } from \"../providers/acme/FakeAcme.ts\""],
    ["clouds on the command line", "src/cli/A.ts", "import { b } from \"../providers/acme/Acme.ts\""],
    [
      "an import that stands in a comment or a text",
      "src/domain/A.ts",
      "// from \"effect\"\nconst a = 'from \"effect\"'"
    ]
  ])("%s", (_, path, text) => {
    assert.deepStrictEqual(check(path, text), [])
  })

  it("the exception that names file and specifier, and nothing else", () => {
    const files = [{ path: "src/domain/A.ts", text: "import \"effect\"\nimport \"effect/http\"" }]
    const broken = brokenImports(files, {
      barrels,
      exceptions: [{ file: "src/domain/A.ts", specifier: "effect", why: "a test" }]
    })
    assert.deepStrictEqual(broken.map(({ line, specifier }) => ({ line, specifier })), [
      { line: 2, specifier: "effect/http" }
    ])
  })
})

it("an import is told apart by when it loads", () => {
  const text = [
    "import \"./a.ts\"",
    "import type { B } from \"./b.ts\"",
    "export * from \"./c.ts\"",
    "const d = await import(\"./d.ts\")",
    "const e = new URL(\"./e.ts\", import.meta.url)",
    "const f = new URL(\"./f.svg\", import.meta.url)"
  ].join("\n")
  assert.deepStrictEqual(importsOf({ path: "src/x.ts", text }), [
    { specifier: "./a.ts", line: 1, kind: "static" },
    { specifier: "./b.ts", line: 2, kind: "type" },
    { specifier: "./c.ts", line: 3, kind: "static" },
    { specifier: "./d.ts", line: 4, kind: "dynamic" },
    { specifier: "./e.ts", line: 5, kind: "file" }
  ])
})
