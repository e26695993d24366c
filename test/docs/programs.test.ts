/**
 * The programs in guides/examples run as they stand, end by themselves, and leave nothing behind.
 */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { fromSources } from "../../.config/sources.mjs"
import { matching, root } from "../laws/files.ts"

/** What each program prints; a program that is not listed here fails. */
const printed: Readonly<Record<string, string>> = {
  "guides/examples/own-provider.ts": "conformance: 21 passed, 0 failed; machines left on the shelf: 0\n",
  "guides/examples/plain-server.ts":
    "200 hello\n422 [atlas] validation: command[0]: Expected text without NUL characters\n",
  "guides/examples/queue-worker.ts": "m1 Completed, m2 Failed, m3 Completed, m4 Completed; left on the queue: 0\n",
  "guides/examples/scoped-server.ts": "without the token 401, with it 200\ncomputes left: 0\n",
  "guides/examples/task.ts":
    "it said \"working\" and ended: {\"_tag\":\"Failed\",\"cause\":\"exit_code\",\"exitCode\":3,\"fault\":null}\n",
  "guides/examples/user-machines.ts": [
    "a stranger is told: Denied",
    "alice has a machine, and a token for it: Bearer",
    "of a machine that is not hers she is told: not_tracked",
    "her events ended with the service, after: State",
    ""
  ].join("\n")
}

describe("the program", () => {
  it.each(matching(["guides/examples/*.ts"]).map(({ path }) => path))("%s runs and leaves nothing behind", (path) => {
    const home = fs.mkdtempSync(`${tmpdir()}/atlas-example-`)
    try {
      const { status, stderr, stdout } = spawnSync(process.execPath, [fromSources, path], {
        cwd: root,
        encoding: "utf8",
        env: { ...process.env, HOME: home, ATLAS_STATE_DIR: `${home}/state` }
      })
      assert.deepStrictEqual({ status, stdout, stderr }, { status: 0, stdout: printed[path] ?? "", stderr: "" })
      const computes = fs.existsSync(`${home}/state`)
        ? fs.readdirSync(`${home}/state`, { withFileTypes: true }).filter((one) =>
          one.isDirectory() && !one.name.startsWith(".")
        )
        : []
      assert.deepStrictEqual(computes.map(({ name }) => name), [])
    } finally {
      fs.rmSync(home, { recursive: true, force: true })
    }
  })
})
