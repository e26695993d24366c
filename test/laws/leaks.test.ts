/**
 * The search for the tests' own secrets, which .ci/run makes over everything a run has written, finds planted ones.
 */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { root } from "./files.ts"

// put together here, so that the report of this very test holds none
const secret = `fm2_${"can"}${"ary"}5e0b`

/** What the search says of a directory with these files. */
const search = (files: ReadonlyArray<{ readonly path: string; readonly text: string; readonly mode?: number }>) => {
  const directory = fs.mkdtempSync(join(tmpdir(), "atlas-leaks-"))
  try {
    for (const { mode = 0o644, path, text } of files) {
      const file = join(directory, path)
      fs.mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
      fs.writeFileSync(file, text, { mode })
    }
    const { status, stderr, stdout } = spawnSync(process.execPath, [`${root}/.ci/leaks.mjs`, directory], {
      encoding: "utf8"
    })
    assert.notInclude(stdout + stderr, secret)
    const places = stderr.split("\n").slice(0, -1).map((line) => line.slice(line.indexOf(directory) + directory.length))
    return [...places, `exit ${status}`].join(" ")
  } finally {
    fs.rmSync(directory, { recursive: true })
  }
}

const record = JSON.stringify({ token: secret })

describe("a planted secret is found", () => {
  it.each(
    [
      ["in a log, by its line", { path: "test.log", text: `a\nb ${secret}\n` }, "/test.log:2 exit 1"],
      ["among bytes", { path: "store.db", text: `\0\x01${secret}\0` }, "/store.db:1 exit 1"],
      ["deep down", { path: "a/b/c/report.json", text: record }, "/a/b/c/report.json:1 exit 1"],
      ["in a name", { path: `${secret}.txt`, text: "" }, ": the name of a file exit 1"],
      [
        "in a token file that others can read",
        { path: "web.cached.json", text: record, mode: 0o644 },
        "/web.cached.json:1 exit 1"
      ],
      ["in a private file that is no token file", { path: "log", text: record, mode: 0o600 }, "/log:1 exit 1"]
    ] as const
  )("%s", (_, file, expected) => {
    assert.strictEqual(search([file, { path: "other", text: "nothing" }]), expected)
  })
})

it("private token files may hold one, and nothing else is a leak", () => {
  const files = ["web.cached.json", "web.manual.json"].map((path) => ({ path, text: record, mode: 0o600 }))
  assert.strictEqual(search([...files, { path: "log", text: "canaries are fine" }]), "exit 0")
})

it("looking at nothing is no success", () => {
  assert.strictEqual(search([]), "exit 1")
})
