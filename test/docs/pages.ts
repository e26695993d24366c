/**
 * A page tells the truth: its commands run, one after the other in a checkout of their own, and leave nothing behind.
 */
import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { matching, read, root } from "../laws/files.ts"
import { blocksOf, linksOf, scriptOf, strangersOf } from "../laws/snippets.ts"
import { programOf } from "../support/programs.ts"

/** How long the commands of one page may take together. */
const limit = 240_000

/** Every page a reader may follow. */
export const pages = matching(["README.md", "guides/*.md"])

/** A directory that looks like the checkout, with a home, a state directory and an `atlas` of its own. */
const makeCheckout = () => {
  const directory = fs.mkdtempSync(`${tmpdir()}/atlas-docs-`)
  for (
    const path of ["package.json", "node_modules", ".config", "src", "test", "guides"].filter((one) =>
      fs.existsSync(`${root}/${one}`)
    )
  ) {
    fs.symlinkSync(`${root}/${path}`, `${directory}/${path}`)
  }
  for (const path of [".bin", ".home"]) fs.mkdirSync(`${directory}/${path}`)
  const atlas = `#!/bin/sh\nexec "${process.execPath}" "${programOf("atlas")}" "$@"\n`
  fs.writeFileSync(`${directory}/.bin/atlas`, atlas, { mode: 0o755 })
  fs.symlinkSync(process.execPath, `${directory}/.bin/node`)
  // nothing of the npm or the atlas that started this test may reach the commands of a page
  const own = Object.entries(process.env).filter(([name]) =>
    !/^(npm_|ATLAS_|FLY_|XDG_|INIT_CWD$|NODE_|VITEST)/.test(name)
  )
  const env = {
    ...Object.fromEntries(own),
    PATH: `${directory}/.bin:${process.env["PATH"] ?? ""}`,
    HOME: `${directory}/.home`,
    ATLAS_STATE_DIR: `${directory}/.state`,
    // as every process of the tests: none compiles what another has compiled already
    NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? "",
    NO_COLOR: "1"
  }
  return { directory, env }
}

type Checkout = ReturnType<typeof makeCheckout>

/** Runs a script in its own process group, so that a command that hangs cannot outlive its page. */
const run = ({ directory, env }: Checkout, name: string, script: string) =>
  new Promise<{ readonly code: number | null; readonly output: string }>((resolve, reject) => {
    const path = `${directory}/.bin/${name}`
    fs.writeFileSync(path, script)
    // a file and not a pipe: something left running would hold a pipe open
    const output = fs.openSync(`${path}.log`, "w")
    const shell = spawn("bash", ["-euo", "pipefail", path], {
      cwd: directory,
      env,
      detached: true,
      stdio: ["ignore", output, output]
    })
    const kill = () => {
      try {
        process.kill(-(shell.pid ?? Number.NaN), "SIGKILL")
      } catch {
        // the group is gone
      }
    }
    const timer = setTimeout(kill, limit)
    shell.on("error", reject)
    shell.on("exit", (code) => {
      clearTimeout(timer)
      kill()
      fs.closeSync(output)
      resolve({ code, output: fs.readFileSync(`${path}.log`, "utf8") })
    })
  })

/** Everything that is checked of one page. */
export const suite = (path: string): void => {
  const blocks = blocksOf(read(path))
  const script = scriptOf(blocks)

  describe(`the page ${path}`, () => {
    it("has links that lead somewhere", () => {
      const lost = linksOf(read(path)).filter(({ to }) => !fs.existsSync(`${root}/${to}`))
      assert.deepStrictEqual(lost.map(({ line, to }) => `${path}:${line} ${to}`), [])
    })

    it("has only blocks and commands we know", () => {
      assert.deepStrictEqual(strangersOf(blocks), [])
    })

    it.runIf(script !== undefined)("has commands that run and leave nothing behind", async () => {
      const checkout = makeCheckout()
      try {
        // on the first line of the script, so that the line numbers stay those of the page
        const trap = `trap 'echo "${path}:$LINENO failed: $BASH_COMMAND" >&2' ERR;`
        const page = await run(checkout, "page", `${trap} ${script}`)
        assert.strictEqual(page.code ?? `ended after ${limit} ms`, 0, page.output)
        const left = await run(checkout, "left", "atlas ps --json")
        assert.deepStrictEqual(JSON.parse(left.output), [])
      } finally {
        await run(checkout, "down", "atlas down --all --yes")
        fs.rmSync(checkout.directory, { recursive: true, force: true })
      }
    }, limit + 30_000)
  })
}
