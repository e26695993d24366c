// The packed package in a project of its own, as a user has it: installed alone, then type-checked, bundled and tested with the
// tools of a user, started by Bun, and on newer versions of effect. `node .ci/packed.mjs DIRECTORY`; the package is built already.
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { join, resolve } from "node:path"

const root = resolve(import.meta.dirname, "..")
const work = resolve(process.argv[2] ?? fs.mkdtempSync("/tmp/atlas-packed-"))
const project = join(work, "user")
const { devDependencies, version } = JSON.parse(fs.readFileSync(join(root, "package.json"), "utf8"))
/** What effect itself takes is 61 of them. */
const mostInstalled = 65_000_000
const bunVersion = "1.4.5"
const failed = []

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`

/** Runs a step in the project; what it prints is shown when it fails, and its output is answered. */
const run = (name, command, args, { cwd = project, env = {}, limit = 300, quiet = false } = {}) => {
  const since = performance.now()
  const { error, signal, status, stderr, stdout } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    env: {
      ...process.env,
      // npm runs on the Node it was installed with, which may know certificates that ours does not
      PATH: command === "npm"
        ? process.env.PATH
        : `${join(cwd, "node_modules/.bin")}:${nodeDirectory}:${process.env.PATH}`,
      ...env
    },
    timeout: limit * 1000,
    maxBuffer: 1e8
  })
  const passed = status === 0
  if (!quiet) console.log(`${passed ? "ok" : "FAILED"}: ${name} (${seconds(since)})`)
  if (!passed && !quiet) console.log(`${stdout}${stderr}${error?.message ?? ""}${signal ?? ""}`)
  return { passed, stdout, stderr }
}
/** A step that must pass. */
const must = (name, ...rest) => {
  const result = run(name, ...rest)
  if (!result.passed) failed.push(name)
  return result
}
const install = (name, packages, options = {}) =>
  run(name, "npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", ...packages], options)

/** The Node of the development install, which is the one that is tested. */
const nodeDirectory = join(root, "node_modules/node/bin")

const bytesIn = (directory) =>
  fs.readdirSync(directory, { withFileTypes: true, recursive: true })
    .reduce((sum, entry) => entry.isFile() ? sum + fs.lstatSync(join(entry.parentPath, entry.name)).size : sum, 0)

fs.mkdirSync(project, { recursive: true })
fs.cpSync(join(root, ".ci/consumer"), project, { recursive: true })
const packed = run("npm pack", "npm", ["pack", "--ignore-scripts", "--pack-destination", work], { cwd: root })
const tarball = join(work, `effect-atlas-${version}.tgz`)
if (!packed.passed) process.exit(1)

// the library and its one required peer
const pinned = (name) => `${name}@${devDependencies[name]}`
const alone = install("the library alone is installed", [tarball, pinned("effect")])
if (!alone.passed) process.exit(1)
const installed = bytesIn(join(project, "node_modules"))
const packages = Object.keys(
  JSON.parse(fs.readFileSync(join(project, "node_modules/.package-lock.json"), "utf8")).packages
)
console.log(
  `tarball: ${(fs.statSync(tarball).size / 1e6).toFixed(2)} MB; installed: ${
    (installed / 1e6).toFixed(1)
  } MB of at most ${mostInstalled / 1e6} in ${packages.length} packages: ${
    packages.map((path) => path.replace("node_modules/", "")).join(", ")
  }`
)
if (installed > mostInstalled) failed.push("the size of what is installed")
must("every door is imported from plain JavaScript", "node", ["smoke.mjs"])
const state = join(work, "state")
const home = { ATLAS_STATE_DIR: state, HOME: work, XDG_CACHE_HOME: join(work, "cache") }
must("atlas --help", "atlas", ["--help"], { env: home })
const proxied = { ...home, HTTPS_PROXY: "http://127.0.0.1:9", RUNPOD_API_KEY: "rpa_none" }
must("atlas behind a proxy, on this machine", "atlas", ["ps", "--provider", "local"], { env: proxied })
const behind = run("atlas behind a proxy", "atlas", ["ps", "--provider", "runpod"], { env: proxied, quiet: true })
if (!behind.stderr.includes("npm install @effect/platform-node")) {
  failed.push(`a proxy without its package: ${behind.stderr}`)
}
const demo = must("atlas demo --json", "atlas", ["demo", "--json"], { env: home })
if (demo.stderr !== "") failed.push(`atlas demo wrote to stderr: ${demo.stderr}`)

// the tools of a user, in the same install
const tools = install("a user's tools are installed", [
  "--save-dev",
  `typescript@${devDependencies["@typescript/native"].replace(/.*@/, "")}`,
  ...["@effect/platform-node", "@effect/vitest", "@types/node", "vitest"].map(pinned)
])
if (!tools.passed) process.exit(1)
/** What must hold whichever effect is installed. */
const checks = (step) =>
  [
    step("types under nodenext, libraries checked too", "tsc", ["-p", "tsconfig.nodenext.json"]),
    step("types under bundler, libraries checked too", "tsc", ["-p", "tsconfig.bundler.json"]),
    step("a user's tests", "vitest", ["run", "--reporter=dot"])
  ].every(({ passed }) => passed)
checks(must)
must("Vite builds a page", "vite", ["build"])
console.log(must("the page runs", "node", ["page.mjs"]).stdout.trim())
must("a program on Node", "node", ["src/program.ts"])

const command = join(project, "node_modules/effect-atlas/dist/cli/atlas.js")
must("end-to-end tests on the installed command", "vitest", [
  "run",
  "--config=.config/vitest.config.ts",
  "--project=process",
  "--reporter=dot",
  ...["lifecycle", "completion", "listing", "proxy"].map((name) => `test/e2e/${name}.process.test.ts`)
], { cwd: root, env: { ATLAS_TEST_COMMAND: command } })

// Bun, where its package can be had
const bunProject = join(work, "bun")
fs.mkdirSync(bunProject, { recursive: true })
fs.writeFileSync(join(bunProject, "package.json"), "{ \"private\": true }")
const bun = install("bun is installed", [`bun@${bunVersion}`], { cwd: bunProject, limit: 60, quiet: true })
const [binary] = bun.passed ? fs.globSync(join(bunProject, "node_modules/@oven/bun-*/bin/bun")) : []
const starts = binary !== undefined && spawnSync(binary, ["--version"]).status === 0
if (starts) must(`a program on Bun ${bunVersion}`, binary, ["src/program.ts"])
else console.log("skipped: Bun, whose package cannot be installed or does not start here")

// Newer versions of effect: what breaks there is printed, and fails nothing.
const view = run("versions of effect", "npm", ["view", "effect", "versions", "--json", "--fetch-retries=0"], {
  limit: 20,
  quiet: true
})
const newer = () => {
  const parts = (text) => text.split(".").map(Number)
  const [major, minor, patch] = parts(devDependencies.effect)
  const released = JSON.parse(view.stdout).filter((text) => /^\d+\.\d+\.\d+$/.test(text)).map(parts)
    .filter((one) => one[0] === major).toSorted((a, b) => a[1] - b[1] || a[2] - b[2])
  const patches = released.filter((one) => one[1] === minor && one[2] > patch)
  const next = released.filter((one) => one[1] === minor + 1)
  return [patches.at(-1), next.at(-1)].filter((one) => one !== undefined).map((one) => one.join("."))
}
try {
  const versions = newer()
  if (versions.length === 0) console.log(`effect ${devDependencies.effect}, tested here, is the newest one published`)
  for (const one of versions) {
    const got = install(`effect ${one} is installed`, ["--force", `effect@${one}`, `@effect/platform-node@~${one}`], {
      limit: 90
    })
    const passed = got.passed && checks((name, ...rest) => run(`effect ${one}: ${name}`, ...rest))
    console.log(passed ? `effect ${one} works` : `ALLOWED FAILURE: effect ${one}`)
  }
} catch (error) {
  console.log(`skipped: newer versions of effect, which cannot be asked for (${error.message})`)
}

for (const name of failed) console.error(`failed: ${name}`)
process.exitCode = failed.length > 0 ? 1 : 0
