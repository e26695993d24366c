/**
 * How late a line of a deploy arrives when 10,000 are written a second, against bare `readline` on the same process;
 * and how many a second go through when they come as fast as they can.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { FlyCli, FlyDeploy } from "effect-atlas/fly"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"

const perTick = 100
const tick = 10
const ticks = 300
const flood = 500_000

/** Writes lines with the time they were written at; with FLOOD, that many at once. */
const program = `#!${process.execPath}
const now = () => Number(process.hrtime.bigint() / 1000n) / 1000
const rest = " #12 [4/7] RUN npm ci --omit=dev"
if (process.env.FLOOD) {
  let text = ""
  for (let n = 0; n < Number(process.env.FLOOD); n++) text += n + rest + "\\n"
  process.stdout.write(text)
} else {
  let done = 0
  const start = performance.now()
  const timer = setInterval(() => {
    while (done < ${ticks} && done * ${tick} <= performance.now() - start) {
      let text = ""
      for (let n = 0; n < ${perTick}; n++) text += now().toFixed(3) + rest + "\\n"
      process.stdout.write(text)
      done += 1
    }
    if (done === ${ticks}) clearInterval(timer)
  }, ${tick / 2})
}
`

/** The system's own clock, which both processes read. */
const now = () => Number(process.hrtime.bigint() / 1000n) / 1000

const directory = fs.mkdtempSync(join(tmpdir(), "atlas-bench-"))
const executable = join(directory, "fly")
fs.writeFileSync(executable, program, { mode: 0o755 })

type Read = (env: Record<string, string>, onLine: (line: string) => void) => Promise<void>

const bare: Read = (env, onLine) =>
  new Promise((resolve) => {
    const child = spawn(executable, [], { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] })
    createInterface({ input: child.stdout }).on("line", onLine).on("close", resolve)
  })

const layer = FlyCli.layer({ executables: [executable] }).pipe(Layer.provideMerge(NodeServices.layer))

const ours: Read = (env, onLine) =>
  FlyDeploy.streamDeploy(directory, ".", { env }).pipe(
    Stream.runForEach((line) => Effect.sync(() => onLine(line))),
    Effect.provide(layer),
    Effect.runPromise
  )

const at = (sorted: ReadonlyArray<number>, part: number): string =>
  `${(sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN).toFixed(2)} ms`

const lags = async (read: Read): Promise<string> => {
  const found: Array<number> = []
  await read({}, (line) => found.push(now() - Number(line.split(" ", 1)[0])))
  if (found.length !== perTick * ticks) throw new Error(`${found.length} lines of ${perTick * ticks}`)
  const sorted = found.toSorted((a, b) => a - b)
  return `lag p50 ${at(sorted, 0.5)}, p99 ${at(sorted, 0.99)}, max ${at(sorted, 1)}`
}

const rate = async (read: Read): Promise<number> => {
  let lines = 0
  let first = 0
  await read({ FLOOD: String(flood) }, () => {
    if (lines === 0) first = performance.now()
    lines += 1
  })
  if (lines < flood / 2) throw new Error(`${lines} lines of ${flood}`)
  return lines / ((performance.now() - first) / 1000)
}

try {
  console.log(`${perTick * 1000 / tick} lines/s for ${ticks * tick / 1000} s`)
  for (let round = 0; round < 2; round++) {
    console.log(`  bare readline  ${await lags(bare)}`)
    console.log(`  streamDeploy   ${await lags(ours)}`)
  }
  console.log(`${flood} lines as fast as they come`)
  for (let round = 0; round < 3; round++) {
    const [theirs, own] = [await rate(bare), await rate(ours)]
    console.log(
      `  bare readline ${Math.round(theirs).toLocaleString("en")} /s, streamDeploy ${
        Math.round(own).toLocaleString("en")
      } /s: ${(own / theirs * 100).toFixed(0)} %`
    )
  }
} finally {
  fs.rmSync(directory, { recursive: true, force: true })
}
