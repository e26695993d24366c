/**
 * Every test file has the name of its kind. What a file starts in another way than by an import is found as it runs: in
 * test/setup.pure.ts.
 */
import { assert, describe, it } from "@effect/vitest"
import { type File, matching } from "./files.ts"
import { kindOf, misnamed } from "./kinds.ts"

const files = new Map(matching(["test/**/*.ts"]).map((file) => [file.path, file]))

it("every test file has the name of its kind", () => {
  assert.deepStrictEqual(
    [...files.values()].filter(({ path }) => path.endsWith(".test.ts")).flatMap((file) =>
      misnamed(file, (path) => files.get(path))
    ),
    []
  )
})

it("every page has a test of its own, and no test is of a page that is gone", () => {
  const name = (path: string) => path.replace(/^.*\//, "").replace(/\.md$/, "").toLowerCase()
  const ofNoPage = ["test/docs/examples.test.ts", "test/docs/programs.test.ts"]
  const tests = matching(["test/docs/*.test.ts"]).filter(({ path }) => !ofNoPage.includes(path))
  assert.deepStrictEqual(
    tests.map(({ path, text }) => [path, /suite\("(.*)"\)/.exec(text)?.[1]]),
    matching(["README.md", "guides/*.md"]).map(({ path }) => [`test/docs/${name(path)}.test.ts`, path]).toSorted()
  )
})

it.each([
  ["test/cli/up.test.ts", "pure"],
  ["test/cli/up.process.test.ts", "process"],
  ["test/events/Redis.server.test.ts", "server"],
  ["test/docs/fly.test.ts", "docs"],
  ["test/laws/names.test.ts", "laws"]
])("%s is %s", (path, kind) => {
  assert.strictEqual(kindOf(path), kind)
})

describe("a planted file is caught", () => {
  const planted: Readonly<Record<string, string>> = {
    "test/a/harness.ts": "import { spawn } from \"node:child_process\"",
    "test/support/redis.ts": "import { spawn } from \"node:child_process\"",
    "test/a/plain.ts": "import type { ChildProcess } from \"node:child_process\""
  }
  const readPlanted = (path: string): File | undefined => {
    const text = planted[path]
    return text === undefined ? undefined : { path, text }
  }

  it.each([
    ["that starts a process", "test/a/A.test.ts", "import \"node:child_process\"", "process"],
    ["whose harness does", "test/a/A.test.ts", "import { a } from \"./harness.ts\"", "process"],
    ["with a server", "test/a/A.test.ts", "import * as Redis from \"../support/redis.ts\"", "server"],
    ["with a server among processes", "test/a/A.process.test.ts", "import \"../support/redis.ts\"", "server"]
  ])("%s", (_, path, text, kind) => {
    const [complaint = ""] = misnamed({ path, text }, readPlanted)
    assert.include(complaint, `name it *.${kind}.test.ts`)
  })

  it.each([
    ["of types", "test/a/A.test.ts", "import { a } from \"./plain.ts\""],
    ["of a process test", "test/a/A.process.test.ts", "import { a } from \"./harness.ts\""]
  ])("but no import %s", (_, path, text) => {
    assert.deepStrictEqual(misnamed({ path, text }, readPlanted), [])
  })
})
