/**
 * The program on a Node that is too old for it.
 */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"

const as = (version: string, args: ReadonlyArray<string>) =>
  spawnSync(
    process.execPath,
    [
      "--import",
      `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'${version}'})`,
      "src/cli/main.ts",
      ...args
    ],
    { encoding: "utf8", env: { ...process.env, HOME: "/nowhere" } }
  )

describe("a Node that is too old", () => {
  it("is named in one line, with the one that is needed, before anything is loaded that it cannot load", () => {
    for (const version of ["20.20.2", "22.18.0"]) {
      const { status, stderr, stdout } = as(version, ["ps"])
      assert.deepStrictEqual([status, stdout, stderr], [
        1,
        "",
        `error [unsupported] atlas needs Node 22.19 or newer; this is ${version}\n`
      ])
    }
    assert.strictEqual(as("22.19.0", ["--version"]).status, 0)
  })
})
