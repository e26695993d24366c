/**
 * Rates measured side by side: every contender runs in turn, round after round, so that noise hits all alike.
 */
import { type Spread, spreadOf } from "./bounds.ts"

export interface Contender {
  readonly name: string
  /** Does the work this many times. */
  readonly run: (times: number) => void | Promise<void>
}

/** What one contender needs for one piece of work: microseconds on the clock, and of CPU, all threads together. */
interface Cost {
  readonly wall: number
  readonly cpu: number
}

const rounds = 9
/** Code that was just loaded gets this many rounds before one counts. */
const warming = 2

/** CPU time of the contenders, for a bound. */
export interface Measured {
  /** One contender's CPU time for a piece of work, in microseconds. */
  readonly cpu: (name: string) => Spread
  /** A contender's CPU time over a peer's, each round with itself. */
  readonly ratio: (name: string, peer: string) => Spread
  /** The same, whose best is the least of one over the least of the other: a round in which the peer alone was disturbed is none. */
  readonly over: (name: string, peer: string) => Spread
}

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

const cost = async ({ run }: Contender, times: number): Promise<Cost> => {
  const start = performance.now()
  const before = process.cpuUsage()
  await run(times)
  const { system, user } = process.cpuUsage(before)
  return { wall: (performance.now() - start) * 1000 / times, cpu: (system + user) / times }
}

/**
 * Prints operations a second of each contender, its CPU time, and the ratio of both to the first one, which is the limit
 * or the peer.
 */
export const compare = async (
  contenders: ReadonlyArray<Contender>,
  times: number
): Promise<Measured> => {
  const costs = new Map<string, Array<Cost>>(contenders.map(({ name }) => [name, []]))
  for (let round = 1 - warming; round <= rounds; round++) {
    for (const contender of contenders) {
      const spent = await cost(contender, times)
      if (round > 0) costs.get(contender.name)?.push(spent)
    }
  }
  const of = (name: string): ReadonlyArray<Cost> => costs.get(name) ?? []
  const ratios = (kind: keyof Cost, name: string, peer: string): ReadonlyArray<number> =>
    of(name).map((cost, round) => cost[kind] / (of(peer)[round]?.[kind] ?? Number.NaN))
  const first = contenders[0]?.name ?? ""
  const width = Math.max(...contenders.map(({ name }) => name.length))
  for (const { name } of contenders) {
    const rate = 1_000_000 / median(of(name).map(({ wall }) => wall))
    const cpu = median(of(name).map(({ cpu }) => cpu))
    const overFirst = `${median(ratios("wall", name, first)).toFixed(2)}x the time, ${
      median(ratios("cpu", name, first)).toFixed(2)
    }x the CPU of ${first}`
    console.log(
      `${name.padEnd(width)}  ${Math.round(rate).toLocaleString("en").padStart(12)} /s  ${
        cpu.toFixed(cpu < 10 ? 2 : 0).padStart(7)
      } us CPU  ${name === first ? "" : overFirst}`
    )
  }
  const cpu = (name: string): Spread => spreadOf(of(name).map(({ cpu }) => cpu))
  const ratio = (name: string, peer: string): Spread => spreadOf(ratios("cpu", name, peer))
  return { cpu, ratio, over: (name, peer) => ({ ...ratio(name, peer), best: cpu(name).best / cpu(peer).best }) }
}

/**
 * Two contenders in turn, in many short rounds whose order alternates, so that noise hits both alike. Answers the ratio of
 * their CPU time, round by round, and prints it.
 */
export const pair = async (one: Contender, peer: Contender, times: number, many = 40): Promise<Spread> => {
  const ratios: Array<number> = []
  for (let round = 0; round <= many; round++) {
    const spent = new Map<Contender, number>()
    for (const contender of round % 2 === 0 ? [one, peer] : [peer, one]) {
      spent.set(contender, (await cost(contender, times)).cpu)
    }
    // the first round only warms up
    if (round > 0) ratios.push((spent.get(one) ?? Number.NaN) / (spent.get(peer) ?? Number.NaN))
  }
  const spread = spreadOf(ratios)
  const [half, low, high] = [spread.median, spread.low, spread.high].map((ratio) => `${ratio.toFixed(2)}x`)
  console.log(
    `${one.name}, paired in ${many} rounds: ${half}, half of the rounds ${low} to ${high} the CPU of ${peer.name}`
  )
  return spread
}
