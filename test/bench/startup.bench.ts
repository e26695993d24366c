/**
 * What is installed: the start of the command and of the library as `npm run build` has made them, and their size.
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { exactly, hold, spreadOf } from "./bounds.ts"

const root = `${import.meta.dirname}/../..`
const command = `${root}/dist/cli/atlas.js`
if (!fs.existsSync(command)) throw new Error("npm run build first: what is measured is what is installed")

const rounds = 11
const home = fs.mkdtempSync(join(tmpdir(), "atlas-bench-home-"))
// compiled code is kept there between runs, as for a user
fs.mkdirSync(join(home, ".cache"))
const env = { ...process.env, HOME: home, XDG_CACHE_HOME: join(home, ".cache"), ATLAS_STATE_DIR: join(home, "state") }

/** The CPU time of a process, user and system, in seconds: Node tells it of no child, the shell does. */
const cpu = (args: ReadonlyArray<string>): number => {
  const script = "TIMEFORMAT='%U %S'; time \"$@\" >/dev/null"
  const { stderr, status } = spawnSync("bash", ["-c", script, "bash", process.execPath, ...args], {
    cwd: root,
    env,
    encoding: "utf8"
  })
  const [user = Number.NaN, system = Number.NaN] = (stderr.trim().split("\n").at(-1) ?? "").split(" ").map(Number)
  if (status !== 0 || !(user + system > 0)) throw new Error(`${args.join(" ")}: ${stderr}`)
  return user + system
}

const load = (module: string): ReadonlyArray<string> => ["--input-type=module", "-e", `await import("${module}")`]

const started = {
  "node alone": ["-e", "0"],
  "effect + Schema + effect/http": [
    ...load("effect/Schema").slice(0, 2),
    "await import('effect'); await import('effect/http')"
  ],
  "effect-atlas": load("effect-atlas"),
  "effect-atlas/providers/LocalProvider": load("effect-atlas/providers/LocalProvider"),
  "atlas --help": [command, "--help"],
  "atlas ps": [command, "ps"]
}

try {
  const times = new Map<string, Array<number>>(Object.keys(started).map((name) => [name, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const [name, args] of Object.entries(started)) {
      const time = cpu(args)
      // the first round compiles
      if (round > 0) times.get(name)?.push(time)
    }
  }
  const of = (name: string) => spreadOf(times.get(name) ?? [])
  for (const name of times.keys()) {
    const { best, median } = of(name)
    console.log(
      `${name.padEnd(38)} ${(best * 1000).toFixed(0).padStart(5)} ms CPU at best, ${
        (median * 1000).toFixed(0)
      } in the middle`
    )
  }
  for (const name of ["atlas ps", "atlas --help"]) {
    hold({ path: `\`${name}\` as installed`, against: null, unit: "s", limit: 0.15, aim: 0.12, rounds: of(name) })
  }

  const bytesIn = (directory: string): number =>
    fs.readdirSync(directory, { withFileTypes: true, recursive: true }).reduce(
      (sum, entry) => entry.isFile() ? sum + fs.statSync(join(entry.parentPath, entry.name)).size : sum,
      0
    )
  const published = ["dist", "guides"].reduce((sum, name) => sum + bytesIn(`${root}/${name}`), 0)
  const installed = (published + bytesIn(`${root}/node_modules/effect`)) / 1e6
  const path = "`npm install` of the library alone, unpacked"
  hold({ path, against: null, unit: "MB", limit: 65, aim: 61, rounds: exactly(installed) })
} finally {
  fs.rmSync(home, { recursive: true, force: true })
}
