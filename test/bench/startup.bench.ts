/**
 * What is installed: importing the core from `dist` against the parts of Effect it stands on, the CPU time of `atlas`, and the size.
 *
 * Each import and each command is a process of its own, which says itself what it has cost.
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { exactly, hold, spreadOf } from "./bounds.ts"

const root = `${import.meta.dirname}/../..`
const rounds = 11
const home = fs.mkdtempSync(join(tmpdir(), "atlas-startup-"))

const build = spawnSync("npm", ["run", "-s", "build"], { cwd: root, encoding: "utf8" })
if (build.status !== 0) throw new Error(`the build failed: ${build.stdout}${build.stderr}`)

const report = "const { system, user } = process.cpuUsage(); process.stderr.write(`cpu ${(system + user) / 1000}\\n`)"

/** Milliseconds of CPU, all threads together. */
const cpuOf = (name: string, args: ReadonlyArray<string>): number => {
  const { status, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: "utf8",
    env: { PATH: process.env["PATH"], HOME: home, ATLAS_STATE_DIR: join(home, "state") }
  })
  const cpu = Number(/^cpu ([\d.]+)$/m.exec(stderr)?.[1])
  if (status !== 0 || !(cpu > 0)) throw new Error(`${name} ended with ${String(status)}: ${stderr}`)
  return cpu
}

const atExit = `data:text/javascript,${encodeURIComponent(`process.on("exit", () => { ${report} })`)}`
const imported = (code: string) => ["--input-type=module", "-e", `${code}; ${report}`]
const command = (...args: ReadonlyArray<string>) => ["--import", atExit, `${root}/dist/cli/atlas.js`, ...args]

const peer = "import effect, effect/http and Schema"
const core = "import effect-atlas"
const contenders: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
  ["bare node", imported("0")],
  ["import effect/Effect alone", imported("await import('effect/Effect')")],
  [peer, imported("await import('effect'); await import('effect/Schema'); await import('effect/http')")],
  [core, imported("await import('effect-atlas')")],
  ["import effect-atlas/providers/LocalProvider", imported("await import('effect-atlas/providers/LocalProvider')")],
  ["atlas --help", command("--help")],
  ["atlas ps", command("ps")]
]

const costs = new Map<string, Array<number>>(contenders.map(([name]) => [name, []]))
try {
  for (let round = 0; round < rounds; round++) {
    for (const [name, args] of contenders) costs.get(name)?.push(cpuOf(name, args))
  }
} finally {
  fs.rmSync(home, { recursive: true, force: true })
}

const of = (name: string): ReadonlyArray<number> => costs.get(name) ?? []
for (const [name, all] of costs) {
  const { best, median } = spreadOf(all)
  console.log(
    `${name.padEnd(44)} ${best.toFixed(0).padStart(5)} ms CPU at best, ${median.toFixed(0).padStart(5)} median`
  )
}
const ratios = of(core).map((cost, round) => cost / (of(peer)[round] ?? Number.NaN))
hold({ path: core, against: peer, unit: "x", limit: 1, aim: null, rounds: spreadOf(ratios) })
hold({ path: "atlas --help", against: null, unit: "ms", limit: 150, aim: null, rounds: spreadOf(of("atlas --help")) })
hold({ path: "atlas ps", against: null, unit: "ms", limit: 150, aim: 120, rounds: spreadOf(of("atlas ps")) })

const bytesIn = (directory: string): number =>
  fs.readdirSync(directory, { withFileTypes: true, recursive: true }).reduce(
    (sum, entry) => entry.isFile() ? sum + fs.statSync(join(entry.parentPath, entry.name)).size : sum,
    0
  )
const published = ["dist", "guides"].reduce((sum, name) => sum + bytesIn(`${root}/${name}`), 0)
const installed = (published + bytesIn(`${root}/node_modules/effect`)) / 1e6
hold({
  path: "npm install of the library alone",
  against: null,
  unit: "MB",
  limit: 65,
  aim: null,
  rounds: exactly(installed)
})
