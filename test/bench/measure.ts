/**
 * Rates measured side by side: every contender runs in turn, round after round, so that noise hits all alike.
 */

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

/** The ratio of every round, in words: how far apart they are says how much the median is worth. */
const spread = (ratios: ReadonlyArray<number>): string => {
  const sorted = ratios.toSorted((a, b) => a - b)
  const at = (part: number): string => (sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN).toFixed(2)
  return `${at(0.5)}x, half of the rounds ${at(0.25)}x to ${at(0.75)}x`
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
 * or the peer. Answers the ratios of CPU time between any two of them: the median of the rounds, each with itself.
 */
export const compare = async (
  contenders: ReadonlyArray<Contender>,
  times: number
): Promise<(name: string, peer: string) => number> => {
  const costs = new Map<string, Array<Cost>>(contenders.map(({ name }) => [name, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const contender of contenders) {
      const spent = await cost(contender, times)
      // the first round only warms up
      if (round > 0) costs.get(contender.name)?.push(spent)
    }
  }
  const of = (name: string): ReadonlyArray<Cost> => costs.get(name) ?? []
  const ratio = (kind: keyof Cost) => (name: string, peer: string): number =>
    median(of(name).map((cost, round) => cost[kind] / (of(peer)[round]?.[kind] ?? Number.NaN)))
  const first = contenders[0]?.name ?? ""
  const width = Math.max(...contenders.map(({ name }) => name.length))
  for (const { name } of contenders) {
    const rate = 1_000_000 / median(of(name).map(({ wall }) => wall))
    const cpu = median(of(name).map(({ cpu }) => cpu))
    const ratios = `${ratio("wall")(name, first).toFixed(2)}x the time, ${
      ratio("cpu")(name, first).toFixed(2)
    }x the CPU of ${first}`
    console.log(
      `${name.padEnd(width)}  ${Math.round(rate).toLocaleString("en").padStart(12)} /s  ${
        cpu.toFixed(cpu < 10 ? 2 : 0).padStart(7)
      } us CPU  ${name === first ? "" : ratios}`
    )
  }
  return ratio("cpu")
}

/**
 * Two contenders in turn, in many short rounds whose order alternates, so that noise hits both alike. Answers the ratio of
 * their CPU time, round by round, and prints it.
 */
export const pair = async (one: Contender, peer: Contender, times: number, many = 40): Promise<number> => {
  const ratios: Array<number> = []
  for (let round = 0; round <= many; round++) {
    const spent = new Map<Contender, number>()
    for (const contender of round % 2 === 0 ? [one, peer] : [peer, one]) {
      spent.set(contender, (await cost(contender, times)).cpu)
    }
    // the first round only warms up
    if (round > 0) ratios.push((spent.get(one) ?? Number.NaN) / (spent.get(peer) ?? Number.NaN))
  }
  console.log(`${one.name}, paired in ${many} rounds: ${spread(ratios)} the CPU of ${peer.name}`)
  return median(ratios)
}
