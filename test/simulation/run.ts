/**
 * `npm run sim`: plays seeds in as many threads as there are cores.
 *
 * `--seeds N [--from S]` plays N seeds, `--seed S --trace` one with everything that happens in it, and `--mutate NAME` plants
 * a fault: then it is a success of the checks, and exit code 1, when an invariant breaks.
 */
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"
import * as RunPod from "../../src/providers/RunPod.ts"
import * as Simulation from "../../src/testing/simulation/Simulation.ts"

interface Played {
  readonly seed: number
  readonly kind: string
  readonly invariant: string | null
  readonly message: string
  readonly simulated: number
  readonly sessions: number
  readonly machines: number
}

/** What the threads share: the seed to take next, of which only so many are left. */
interface Share {
  readonly next: Int32Array
  readonly until: number
  readonly mutation: Simulation.Mutation | null
}

/** More failures than anybody reads at once. */
const mostShown = 10
const hour = 3_600_000

const played = (seed: number, mutation: Simulation.Mutation | null, trace?: (line: string) => void): Played => {
  const { kind, machines, sessions, simulated, violation } = Simulation.play({
    seed,
    mutation,
    trace,
    runpod: RunPod.make
  })
  const [invariant, message] = [violation?.invariant ?? null, violation?.message ?? ""]
  return { seed, kind, invariant, message, simulated, sessions, machines }
}

const refuse = (message: string): never => {
  console.error(`${message}\nnpm run sim -- --seeds N [--from S] | --seed S [--trace] [--mutate NAME] [--workers N]`)
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
        seed: { type: "string" },
        trace: { type: "boolean", default: false },
        mutate: { type: "string" },
        workers: { type: "string" }
      }
    }).values
  } catch (cause) {
    return refuse(cause instanceof Error ? cause.message : String(cause))
  }
}

const replay = ({ seed }: Played, mutation: Simulation.Mutation | null): string =>
  `npm run sim -- --seed ${seed} --trace${mutation === null ? "" : ` --mutate ${mutation}`}`

const one = (seed: number, mutation: Simulation.Mutation | null, trace: boolean): void => {
  const result = played(seed, mutation, trace ? (line) => console.log(line) : undefined)
  console.log(`seed ${seed} (${result.kind}): ${result.invariant === null ? "every invariant held" : result.message}`)
  if (result.invariant === null) return
  if (!trace) console.log(`  ${replay(result, mutation)}`)
  process.exitCode = 1
}

const many = (share: Share, from: number, threads: number): void => {
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
    if (share.mutation !== null || failures.length >= mostShown) Atomics.store(share.next, 0, share.until)
  }

  const conclude = (): void => {
    const seconds = (performance.now() - began) / 1_000
    const { system, user } = process.cpuUsage()
    for (
      const failure of failures.toSorted((a, b) => a.seed - b.seed).slice(0, share.mutation === null ? mostShown : 1)
    ) {
      console.log(`seed ${failure.seed} (${failure.kind}): ${failure.message}\n  ${replay(failure, share.mutation)}`)
      if (share.mutation !== null) console.log(`${share.mutation} is caught by the invariant "${failure.invariant}"`)
    }
    if (share.mutation !== null && failures.length === 0) {
      console.log(`${share.mutation} was not caught by seeds ${from} to ${share.until - 1}`)
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
    const worker = new Worker(new URL(import.meta.url), { workerData: share })
    worker.on("message", hear)
    worker.on("error", (error) => {
      console.error(error)
      process.exitCode = 1
    })
    worker.on("exit", () => {
      running -= 1
      if (running === 0) conclude()
    })
  }
}

const isMutation = (name: string): name is Simulation.Mutation => Simulation.mutations.some((known) => known === name)

if (isMainThread) {
  const values = readArguments()
  const { mutate = null, seed } = values
  if (mutate !== null && !isMutation(mutate)) refuse(`unknown fault; known are ${Simulation.mutations.join(", ")}`)
  const mutation = mutate !== null && isMutation(mutate) ? mutate : null
  if (seed !== undefined) one(count("seed", seed, 0), mutation, values.trace)
  else {
    const from = count("from", values.from, 0)
    const until = from + count("seeds", values.seeds, 100, 1)
    const next = new Int32Array(new SharedArrayBuffer(4))
    next[0] = from
    many({ next, until, mutation }, from, count("workers", values.workers, availableParallelism(), 1))
  }
} else {
  const share: Share = workerData
  for (let seed = Atomics.add(share.next, 0, 1); seed < share.until; seed = Atomics.add(share.next, 0, 1)) {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    parentPort?.postMessage(played(seed, share.mutation))
  }
}
