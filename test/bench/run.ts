/**
 * Runs the benchmarks next to this file, each in a process of its own so that none warms up another.
 *
 * `npm run bench -- auth` runs those whose name contains `auth`.
 */
import { spawnSync } from "node:child_process"
import { readdirSync } from "node:fs"

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

for (const name of names) {
  console.log(`\n== ${name}`)
  // "effect-atlas" is src/ here; a benchmark of memory may ask for a collection
  const options = ["--conditions=effect-atlas-source", "--expose-gc"]
  const { status } = spawnSync(process.execPath, [...options, `${import.meta.dirname}/${name}${ending}`], {
    stdio: "inherit"
  })
  if (status !== 0) process.exitCode = 1
}
