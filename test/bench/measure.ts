/**
 * Rates measured side by side: every contender runs in turn, round after round, so that noise hits all alike.
 */

export interface Contender {
  readonly name: string
  /** Does the work this many times. */
  readonly run: (times: number) => void | Promise<void>
}

const rounds = 9

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

/** Prints operations a second of each contender, and its ratio to the first one, which is the limit or the peer. */
export const compare = async (contenders: ReadonlyArray<Contender>, times: number): Promise<void> => {
  const rates = new Map<string, Array<number>>(contenders.map(({ name }) => [name, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const { name, run } of contenders) {
      const start = performance.now()
      await run(times)
      const rate = times / ((performance.now() - start) / 1000)
      // the first round only warms up
      if (round > 0) rates.get(name)?.push(rate)
    }
  }
  const [first] = contenders
  const peer = median(rates.get(first?.name ?? "") ?? [])
  const width = Math.max(...contenders.map(({ name }) => name.length))
  for (const { name } of contenders) {
    const rate = median(rates.get(name) ?? [])
    const ratio = `${(peer / rate).toFixed(2)}x the time of ${first?.name}`
    console.log(
      `${name.padEnd(width)}  ${Math.round(rate).toLocaleString("en").padStart(12)} /s  ${
        name === first?.name ? "" : ratio
      }`
    )
  }
}
