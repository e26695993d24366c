/**
 * `npm run mutants [-- NAME...]`: makes each mistake in a copy of the source and runs the checks that must notice it.
 *
 * `--handful` takes a few quick ones, `--workers N` runs that many at once (default: one for each core). Exit code 1 when a
 * mistake was not noticed, cannot be made any more, or broke something other than its checks.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { cpSync, existsSync, readFileSync, rmSync } from "node:fs"
import { availableParallelism } from "node:os"
import { delimiter, join } from "node:path"
import { parseArgs } from "node:util"
import * as Copy from "./copy.ts"
import { handful, mutants } from "./index.ts"
import type { Mutant, Witness } from "./mutant.ts"

const { root } = Copy
/** Longer than any check takes on a busy computer, in milliseconds. */
const limit = 600_000
/** How much of a failure is shown, in characters. */
const mostSaid = 80

type Verdict = "caught" | "survived" | "broken"

/** The result of a mutant at one of its witnesses, or at all of them. */
interface Outcome {
  readonly verdict: Verdict
  readonly by: string
}

interface Ended {
  /** Null when it took too long. */
  readonly code: number | null
  readonly text: string
}

const environment = { ...process.env, PATH: `${root}/node_modules/.bin${delimiter}${process.env["PATH"] ?? ""}` }

const children = new Set<ChildProcess>()

const run = (cwd: string, command: string, ...args: ReadonlyArray<string>): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: environment, stdio: ["ignore", "pipe", "pipe"], timeout: limit })
    children.add(child)
    const parts: Array<string> = []
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (part) => parts.push(part))
    child.on("error", reject)
    child.on("close", (code) => {
      children.delete(child)
      resolve({ code, text: parts.join("") })
    })
  })

const firstLine = (text: string): string => text.split("\n").find((line) => line.trim() !== "")?.trim() ?? "no output"

/** Where the compiler stores what it knows of a copy, so that it checks only what has changed. */
const memory = ".tmp/source.tsbuildinfo"

const compiles = async (cwd: string): Promise<Outcome | null> => {
  const how = ["--noEmit", "--incremental", "--tsBuildInfoFile", memory]
  const { code, text } = await run(cwd, "tsc", "-p", ".config/tsconfig.build.json", ...how)
  return code === 0 ? null : { verdict: "broken", by: `it does not compile: ${firstLine(text)}` }
}

/** Whether a seed passes in the source as it is; each is played once. */
const sound = new Map<string, Promise<boolean>>()
const isSound = (pristine: Copy.Copy, seed: string): Promise<boolean> => {
  const known = sound.get(seed) ?? run(pristine.path, process.execPath, "test/simulation/run.ts", "--seed", seed)
    .then(({ code }) => code === 0)
  sound.set(seed, known)
  return known
}

const inWorlds = async (
  cwd: string,
  pristine: Copy.Copy,
  mutant: Mutant,
  { invariants, kind, seeds }: Extract<Witness, { readonly seeds: number }>
): Promise<Outcome> => {
  const planted = "fault" in mutant ? ["--mutate", mutant.fault] : ["--planted", mutant.name]
  const worlds = ["--seeds", String(seeds), "--kind", kind, "--workers", "1", ...planted]
  const { code, text } = await run(cwd, process.execPath, "test/simulation/run.ts", ...worlds)
  const { invariant, seed } =
    /^seed (?<seed>\d+) [^]*is caught by the invariant "(?<invariant>\w+)"$/m.exec(text)?.groups
      ?? {}
  if (code === 0) return { verdict: "survived", by: `${seeds} worlds of the kind ${kind}` }
  if (code !== 1 || seed === undefined || invariant === undefined) {
    return { verdict: "broken", by: `the simulation ended with ${code ?? "no answer in time"}: ${firstLine(text)}` }
  }
  if (!invariants.some((one) => one === invariant)) {
    return { verdict: "broken", by: `seed ${seed} broke "${invariant}", not ${invariants.join(" or ")}` }
  }
  if (!(await isSound(pristine, seed))) {
    return { verdict: "broken", by: `seed ${seed} breaks without the mistake as well` }
  }
  return { verdict: "caught", by: `the invariant "${invariant}" in seed ${seed}` }
}

/** The part of vitest's JSON report that is read here. */
interface Report {
  readonly testResults: ReadonlyArray<{
    readonly name: string
    readonly status: string
    readonly message: string
    readonly assertionResults: ReadonlyArray<{
      readonly status: string
      readonly fullName: string
      readonly failureMessages: ReadonlyArray<string>
    }>
  }>
}

const inTests = async (cwd: string, files: ReadonlyArray<string>): Promise<Outcome> => {
  const file = join(cwd, ".tmp", "mutant.json")
  rmSync(file, { force: true })
  const reports = ["--bail=1", "--reporter=json", `--outputFile=${file}`]
  const { code, text } = await run(cwd, "vitest", "run", "--config", ".config/vitest.config.ts", ...reports, ...files)
  if (code === 0) return { verdict: "survived", by: files.join(" and ") }
  if (!existsSync(file)) return { verdict: "broken", by: `no test ran: ${firstLine(text)}` }
  const { testResults }: Report = JSON.parse(readFileSync(file, "utf8"))
  for (const { assertionResults, message, name, status } of testResults) {
    const failed = assertionResults.find((one) => one.status === "failed")
    if (failed !== undefined) {
      const said = firstLine(failed.failureMessages.join("\n")).slice(0, mostSaid)
      return { verdict: "caught", by: `the test "${failed.fullName}" (${said})` }
    }
    if (status === "failed") return { verdict: "broken", by: `${name} does not load: ${firstLine(message)}` }
  }
  return { verdict: "broken", by: `the tests ended with ${code ?? "no answer in time"}: ${firstLine(text)}` }
}

/** Each witness must notice; the first that does not is the result. */
const judge = async (copy: Copy.Copy, pristine: Copy.Copy, mutant: Mutant): Promise<Outcome> => {
  const takeBack = copy.plant(mutant)
  try {
    const broken = "fault" in mutant ? null : await compiles(copy.path)
    if (broken !== null) return broken
    const seen: Array<string> = []
    for (const witness of mutant.noticedBy) {
      const outcome = "tests" in witness
        ? await inTests(copy.path, witness.tests)
        : await inWorlds(copy.path, pristine, mutant, witness)
      if (outcome.verdict !== "caught") return outcome
      seen.push(outcome.by)
    }
    return { verdict: "caught", by: seen.join(", ") }
  } finally {
    takeBack()
  }
}

const refuse = (message: string): never => {
  console.error(`${message}\nnpm run mutants [-- NAME...] [--handful] [--workers N]`)
  process.exit(2)
}

const readArguments = () => {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { handful: { type: "boolean", default: false }, workers: { type: "string" } }
    })
  } catch (cause) {
    return refuse(cause instanceof Error ? cause.message : String(cause))
  }
}

const chosen = (names: ReadonlyArray<string>): ReadonlyArray<Mutant> => {
  const unknown = names.find((name) => !mutants.some((one) => one.name === name))
  if (unknown !== undefined) refuse(`unknown: ${unknown}; known are ${mutants.map(({ name }) => name).join(", ")}`)
  return names.length === 0 ? mutants : mutants.filter(({ name }) => names.includes(name))
}

const main = async (): Promise<void> => {
  const { positionals, values } = readArguments()
  const all = chosen(values.handful ? [...handful, ...positionals] : positionals)
  const threads = values.workers === undefined ? availableParallelism() : Number(values.workers)
  if (!Number.isInteger(threads) || threads < 1) refuse("--workers: a whole number, 1 or more")

  // a copy, so that edits of the checkout meanwhile do not change it
  const pristine = Copy.make()
  const copies = Array.from({ length: Math.min(threads, all.length) }, Copy.make)
  process.on("exit", () => {
    for (const child of children) child.kill()
    for (const copy of [pristine, ...copies]) copy.remove()
  })
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(1))

  const began = performance.now()
  const files = [
    ...new Set(all.flatMap(({ noticedBy }) => noticedBy.flatMap((one) => "tests" in one ? one.tests : [])))
  ]
  const [broken, held] = await Promise.all([
    compiles(pristine.path),
    files.length === 0 ? null : inTests(pristine.path, files)
  ])
  if (broken !== null) refuse(`without any mistake ${broken.by}`)
  if (held !== null && held.verdict !== "survived") refuse(`the tests do not hold without any mistake: ${held.by}`)
  for (const copy of copies) cpSync(`${pristine.path}/${memory}`, `${copy.path}/${memory}`)

  const width = Math.max(...all.map(({ name }) => name.length))
  const count: Record<Verdict, number> = { caught: 0, survived: 0, broken: 0 }
  const left = [...all]
  const work = async (copy: Copy.Copy): Promise<void> => {
    for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
      const start = performance.now()
      const { by, verdict } = await judge(copy, pristine, mutant).catch((cause: unknown): Outcome => ({
        verdict: "broken",
        by: cause instanceof Error ? cause.message : String(cause)
      }))
      count[verdict] += 1
      const seconds = ((performance.now() - start) / 1_000).toFixed(1)
      console.log(`${verdict.padEnd(8)} ${mutant.name.padEnd(width)} ${seconds.padStart(5)} s  ${by}`)
    }
  }
  await Promise.all(copies.map(work))
  const seconds = ((performance.now() - began) / 1_000).toFixed(1)
  console.log(
    `${all.length} mutants: ${count.caught} caught, ${count.survived} survived, ${count.broken} broken, in ${seconds} s`
  )
  if (count.caught !== all.length) process.exitCode = 1
}

await main()
