/**
 * Runs the benchmarks next to this file, each in a process of its own so that none warms up another, and prints all bounds in one
 * table: a bound that is missed is exit code 1.
 *
 * `npm run bench -- auth` runs those whose name contains `auth`.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fromSources } from "../../.config/sources.mjs"
import { type Bound, collected, table } from "./bounds.ts"

const wanted = process.argv.slice(2)
const ending = ".bench.ts"
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith(ending))
  .map((file) => file.slice(0, -ending.length))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .toSorted()

if (names.length === 0) {
  console.error(`No benchmark is named like ${wanted.join(" ") || "anything"}`)
  process.exitCode = 2
}

const directory = mkdtempSync(join(tmpdir(), "atlas-bench-"))
const file = join(directory, "bounds")
writeFileSync(file, "")
try {
  for (const name of names) {
    console.log(`\n== ${name}`)
    // "effect-atlas" is src/ here; a benchmark of memory may ask for a collection
    const options = [fromSources, "--expose-gc"]
    const { status } = spawnSync(process.execPath, [...options, `${import.meta.dirname}/${name}${ending}`], {
      stdio: "inherit",
      env: { ...process.env, [collected]: file }
    })
    if (status !== 0) process.exitCode = 1
  }
  // JSON.parse answers what `hold` wrote there itself
  const bounds = readFileSync(file, "utf8").split("\n").filter((line) => line !== "").map((line): Bound =>
    JSON.parse(line)
  )
  if (bounds.length > 0) console.log(`\n== bounds\n${table(bounds)}`)
} finally {
  rmSync(directory, { recursive: true, force: true })
}
