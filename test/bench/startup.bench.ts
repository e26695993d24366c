/**
 * Start-up: importing the core against the parts of Effect it stands on, and `atlas --help` as a user waits for it.
 */
import { spawnSync } from "node:child_process"

const root = `${import.meta.dirname}/../..`
const runs = 11
const median = (values: ReadonlyArray<number>) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

const script = (code: string) => `const t = performance.now(); ${code}; console.log(performance.now() - t)`

const imports = {
  "effect/Effect alone": "await import('effect/Effect')",
  "effect + Schema + effect/http": "await import('effect'); await import('effect/Schema'); await import('effect/http')",
  "effect-atlas": "await import('effect-atlas')",
  "effect-atlas/providers/LocalProvider": "await import('effect-atlas/providers/LocalProvider')"
}

const times = new Map<string, Array<number>>()
for (let run = 0; run < runs; run++) {
  for (const [name, code] of Object.entries(imports)) {
    const options = ["--conditions=effect-atlas-source", "--input-type=module", "-e", script(code)]
    const { stderr, stdout } = spawnSync(process.execPath, options, { cwd: root, encoding: "utf8" })
    const time = Number(stdout)
    if (!(time > 0)) throw new Error(`${name}: ${stderr}`)
    times.set(name, [...(times.get(name) ?? []), time])
  }
}
const limit = median(times.get("effect + Schema + effect/http") ?? [])
for (const [name, all] of times) {
  const time = median(all)
  console.log(
    `import ${name.padEnd(38)} ${time.toFixed(0).padStart(5)} ms  ${(time / limit).toFixed(2)}x effect + http + Schema`
  )
}

const help: Array<number> = []
for (let run = 0; run < runs; run++) {
  const start = performance.now()
  const { status } = spawnSync(process.execPath, ["src/cli/main.ts", "--help"], { cwd: root })
  if (status !== 0) throw new Error(`atlas --help ended with ${status}`)
  help.push(performance.now() - start)
}
const bare: Array<number> = []
for (let run = 0; run < runs; run++) {
  const start = performance.now()
  spawnSync(process.execPath, ["-e", ""], { cwd: root })
  bare.push(performance.now() - start)
}
console.log(
  `atlas --help ${median(help).toFixed(0)} ms as a process (bare node: ${median(bare).toFixed(0)} ms; bound: 500 ms)`
)
