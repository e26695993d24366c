/**
 * `npm run sim`: plays seeds in as many threads as there are cores.
 *
 * `--seeds N [--from S]` plays N seeds, of one kind of world with `--kind K`, `--seed S --trace` one with everything that happens
 * in it, and `--mutate NAME` plants a mistake: then it is a success of the checks, and exit code 1, when an invariant breaks. A
 * mistake in the source is made in a copy, which plays with `--planted NAME`.
 */
import { spawnSync } from "node:child_process"
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"
import * as RunPod from "../../src/providers/RunPod.ts"
import * as Simulation from "../../src/testing/simulation/Simulation.ts"
import * as Copy from "../mutants/copy.ts"
import { mutants } from "../mutants/index.ts"
import type { Mutant } from "../mutants/mutant.ts"

interface Played {
  readonly seed: number
  readonly kind: string
  readonly invariant: string | null
  readonly message: string
  readonly simulated: number
  readonly sessions: number
  readonly machines: number
}

/** The mistake that is played. */
interface Planted {
  readonly name: string
  /** Null when it is in the source. */
  readonly fault: Simulation.Fault | null
}

/** What the threads share: which of the seeds is played next. */
interface Share {
  readonly next: Int32Array
  readonly seeds: ReadonlyArray<number>
  readonly planted: Planted | null
}

/** More failures than a person reads at once. */
const mostShown = 10
const hour = 3_600_000
/** Most of what a world makes is gone soon: room for it costs less than collecting it often. */
const resourceLimits = { maxYoungGenerationSizeMb: 96 }

/** The search for secrets takes time: one seed of eight is searched, of each kind; one seed alone and planted mistakes are. */
const isSearched = (seed: number): boolean => Math.floor(seed / Simulation.kinds.length) % 8 === 0

interface How {
  readonly seeksSecrets?: boolean
  readonly trace?: ((line: string) => void) | undefined
}

const played = (seed: number, planted: Planted | null, { seeksSecrets, trace }: How = {}): Played => {
  const { kind, machines, sessions, simulated, violation } = Simulation.play({
    seed,
    fault: planted?.fault,
    seeksSecrets,
    trace,
    runpod: RunPod.make
  })
  const [invariant, message] = [violation?.invariant ?? null, violation?.message ?? ""]
  return { seed, kind, invariant, message, simulated, sessions, machines }
}

const refuse = (message: string): never => {
  console.error(
    `${message}\nnpm run sim -- --seeds N [--from S] [--kind K] | --seed S [--trace] [--mutate NAME] [--workers N]`
  )
  process.exit(2)
}

const count = (name: string, text: string | undefined, otherwise: number, least = 0): number => {
  const value = text === undefined ? otherwise : Number(text)
  return Number.isInteger(value) && value >= least && value < 2 ** 31
    ? value
    : refuse(`--${name}: a whole number, ${least} or more`)
}

const readArguments = () => {
  try {
    return parseArgs({
      options: {
        seeds: { type: "string" },
        from: { type: "string" },
        kind: { type: "string" },
        seed: { type: "string" },
        trace: { type: "boolean", default: false },
        mutate: { type: "string" },
        planted: { type: "string" },
        workers: { type: "string" }
      }
    }).values
  } catch (cause) {
    return refuse(cause instanceof Error ? cause.message : String(cause))
  }
}

const replay = ({ seed }: Played, planted: Planted | null): string =>
  `npm run sim -- --seed ${seed} --trace${planted === null ? "" : ` --mutate ${planted.name}`}`

const one = (seed: number, planted: Planted | null, trace: boolean): void => {
  const result = played(seed, planted, { trace: trace ? (line) => console.log(line) : undefined })
  console.log(`seed ${seed} (${result.kind}): ${result.invariant === null ? "every invariant held" : result.message}`)
  if (result.invariant === null) return
  if (planted !== null) console.log(`${planted.name} is caught by the invariant "${result.invariant}"`)
  if (!trace) console.log(`  ${replay(result, planted)}`)
  process.exitCode = 1
}

const many = (share: Share, threads: number): void => {
  const { planted } = share
  const failures: Array<Played> = []
  const sum = { seeds: 0, simulated: 0, sessions: 0, machines: 0 }
  const began = performance.now()
  let running = threads

  const hear = (result: Played): void => {
    sum.seeds += 1
    sum.simulated += result.simulated
    sum.sessions += result.sessions
    sum.machines += result.machines
    if (result.invariant === null) return
    failures.push(result)
    // one is enough to show that a planted fault is seen
    if (planted !== null || failures.length >= mostShown) Atomics.store(share.next, 0, share.seeds.length)
  }

  const conclude = (): void => {
    const seconds = (performance.now() - began) / 1_000
    const { system, user } = process.cpuUsage()
    for (const failure of failures.toSorted((a, b) => a.seed - b.seed).slice(0, planted === null ? mostShown : 1)) {
      console.log(`seed ${failure.seed} (${failure.kind}): ${failure.message}\n  ${replay(failure, planted)}`)
      if (planted !== null) console.log(`${planted.name} is caught by the invariant "${failure.invariant}"`)
    }
    if (planted !== null && failures.length === 0) {
      console.log(`${planted.name} was not caught by seeds ${share.seeds[0]} to ${share.seeds.at(-1)}`)
    }
    const hours = sum.simulated / hour
    console.log(
      `${sum.seeds} seeds, ${failures.length} broken: ${
        hours.toFixed(0)
      } simulated hours with ${sum.sessions} sessions and ` +
        `${sum.machines} machines in ${seconds.toFixed(1)} s (${(hours / seconds).toFixed(1)} hours a second, ` +
        `${((user + system) / 1e6).toFixed(1)} s of processor time)`
    )
    if (failures.length > 0) process.exitCode = 1
  }

  for (let thread = 0; thread < threads; thread++) {
    const worker = new Worker(new URL(import.meta.url), { workerData: share, resourceLimits })
    worker.on("message", hear)
    worker.on("error", (error) => {
      console.error(error)
      process.exitCode = 2
    })
    worker.on("exit", () => {
      running -= 1
      if (running === 0) conclude()
    })
  }
}

/** Plays a mistake of the source in a copy of it, with the arguments that were given. */
const inCopy = (mutant: Mutant): void => {
  const copy = Copy.make()
  // the copy is taken away first
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(2))
  try {
    copy.plant(mutant)
    const args = process.argv.slice(2).map((arg) => arg.replace(/^--mutate(?=$|=)/, "--planted"))
    const { status } = spawnSync(process.execPath, [`${copy.path}/test/simulation/run.ts`, ...args], {
      stdio: "inherit"
    })
    process.exitCode = status ?? 2
  } finally {
    copy.remove()
  }
}

/** The seeds to play: all from one on, or those of one kind of world. */
const seedsOf = (kind: string | undefined, wanted: number, from: number): ReadonlyArray<number> => {
  if (kind === undefined) return Array.from({ length: wanted }, (_, index) => from + index)
  const known = Simulation.kinds.find((one) => one === kind)
  return known === undefined
    ? refuse(`unknown kind; known are ${Simulation.kinds.join(", ")}`)
    : Simulation.seedsOf(known, wanted, from)
}

const play = (planted: Planted | null): void => {
  const { from, kind, seed, seeds, trace, workers } = values
  if (seed !== undefined) return one(count("seed", seed, 0), planted, trace)
  const share = {
    seeds: seedsOf(kind, count("seeds", seeds, 100, 1), count("from", from, 0)),
    next: new Int32Array(new SharedArrayBuffer(4)),
    planted
  }
  many(share, count("workers", workers, availableParallelism(), 1))
}

const values = isMainThread ? readArguments() : { trace: false }

if (isMainThread) {
  const { mutate, planted } = values
  const mutant = mutants.find(({ name }) => name === mutate)
  if (mutate === undefined) play(planted === undefined ? null : { name: planted, fault: null })
  else if (Simulation.isFault(mutate)) play({ name: mutate, fault: mutate })
  else if (mutant !== undefined) inCopy(mutant)
  else refuse(`unknown mistake; known are ${mutants.map(({ name }) => name).join(", ")}`)
} else {
  // of many seeds only messages are read; where they come from is shown by one seed alone
  Error.stackTraceLimit = 0
  const share: Share = workerData
  const search = (seed: number): Played => {
    try {
      return played(seed, share.planted, { seeksSecrets: share.planted !== null || isSearched(seed) })
    } catch (cause) {
      throw new Error(`the simulation itself failed: npm run sim -- --seed ${seed}`, { cause })
    }
  }
  const take = (): number => Atomics.add(share.next, 0, 1)
  for (let seed = share.seeds[take()]; seed !== undefined; seed = share.seeds[take()]) {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    parentPort?.postMessage(search(seed))
  }
}
