/**
 * README, guides and docstrings tell the truth: their code compiles, their commands run, their links lead somewhere.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { spawn, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { matching, read, root } from "./files.ts"
import { blocksOf, complaintsOf, examplesOf, linksOf, moduleOf, scriptOf, strangersOf } from "./snippets.ts"

/** How long the commands of one page may take together. */
const limit = 240_000

const pages = matching(["README.md", "guides/*.md"])
const snippets = new Map(
  [
    ...pages.map((page) => [page.path, blocksOf(page).filter(({ language }) => language === "ts")] as const),
    ...matching(["src/**/*.ts"]).map((file) => [file.path, examplesOf(file)] as const)
  ].filter(([, found]) => found.length > 0)
)

it("there is a README", () => {
  assert.include(pages.map(({ path }) => path), "README.md")
})

describe("every example compiles", () => {
  const all = [...snippets.values()].flat()
  let complaints: ReturnType<typeof complaintsOf> = []

  beforeAll(() => {
    // inside the checkout, so that "effect-atlas" means this package; a folder a run, since runs may overlap
    fs.mkdirSync(`${root}/.tmp/docs`, { recursive: true })
    const directory = fs.mkdtempSync(`${root}/.tmp/docs/run-`)
    const config = {
      extends: "../../../tsconfig.json",
      include: ["*.ts"],
      compilerOptions: { noUnusedLocals: false, noUnusedParameters: false }
    }
    fs.writeFileSync(`${directory}/tsconfig.json`, JSON.stringify(config))
    for (const module of all.map(moduleOf)) fs.writeFileSync(`${directory}/${module.path}`, module.text)
    const tsc = spawnSync(`${root}/node_modules/.bin/tsc`, ["-p", directory, "--pretty", "false"], { encoding: "utf8" })
    fs.rmSync(directory, { recursive: true })
    complaints = complaintsOf(tsc.stdout, all)
    if (tsc.status !== 0 && complaints.length === 0) throw new Error(`tsc ended with ${tsc.status}: ${tsc.stderr}`)
  })

  it.each([...snippets.keys()])("%s", (path) => {
    assert.deepStrictEqual(complaints.filter(({ file }) => file === path).map(({ text }) => text), [])
  })

  it("and so does what they import", () => {
    assert.deepStrictEqual(complaints.filter(({ file }) => !snippets.has(file)).map(({ text }) => text), [])
  })
})

describe("every link leads somewhere", () => {
  it.each(pages.map(({ path }) => path))("%s", (path) => {
    const lost = linksOf(read(path)).filter(({ to }) => !fs.existsSync(`${root}/${to}`))
    assert.deepStrictEqual(lost.map(({ line, to }) => `${path}:${line} ${to}`), [])
  })
})

/** A directory that looks like the checkout, with a home, a state directory and an `atlas` of its own. */
const makeCheckout = () => {
  const directory = fs.mkdtempSync(`${tmpdir()}/atlas-docs-`)
  for (
    const path of ["package.json", "node_modules", "src", "test", "guides"].filter((one) =>
      fs.existsSync(`${root}/${one}`)
    )
  ) {
    fs.symlinkSync(`${root}/${path}`, `${directory}/${path}`)
  }
  for (const path of [".bin", ".home"]) fs.mkdirSync(`${directory}/${path}`)
  const atlas = `#!/bin/sh\nexec "${process.execPath}" "${root}/src/cli/main.ts" "$@"\n`
  fs.writeFileSync(`${directory}/.bin/atlas`, atlas, { mode: 0o755 })
  fs.symlinkSync(process.execPath, `${directory}/.bin/node`)
  // nothing of the npm or the atlas that started this test may reach the commands of a page
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|ATLAS_|INIT_CWD$|NODE_|VITEST)/.test(name))
  const env = {
    ...Object.fromEntries(own),
    PATH: `${directory}/.bin:${process.env["PATH"] ?? ""}`,
    HOME: `${directory}/.home`,
    ATLAS_STATE_DIR: `${directory}/.state`,
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

describe("every command runs", () => {
  it.each(pages.map(({ path }) => path))("%s has only blocks and commands we know", (path) => {
    assert.deepStrictEqual(strangersOf(blocksOf(read(path))), [])
  })

  const scripts = pages.flatMap((page) => {
    const script = scriptOf(blocksOf(page))
    return script === undefined ? [] : [[page.path, script] as const]
  })

  it.each(scripts)("%s, and leaves nothing behind", async (path, script) => {
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
