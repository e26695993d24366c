/**
 * The bounds that `npm run bench` holds: each benchmark says what its rounds were, and the runner prints all in one table.
 *
 * A bound is judged by the best round: other work on the machine only ever makes a round worse.
 */
import { appendFileSync } from "node:fs"

/** What rounds of one measurement came to. */
export interface Spread {
  readonly best: number
  readonly median: number
  /** A quarter of the rounds was better than this, */
  readonly low: number
  /** and a quarter worse than this. */
  readonly high: number
}

/** A measured path, and what it may cost at most. */
export interface Bound {
  /** What is measured, as in the table: `Atlas.getCompute`. */
  readonly path: string
  /** What it is measured against; null for a figure of its own, such as a size. */
  readonly against: string | null
  /** `x` is a ratio of CPU time; the others are absolute. */
  readonly unit: "x" | "us" | "s" | "ms" | "B" | "kB" | "MB" | "%"
  readonly limit: number
  readonly aim: number | null
  readonly rounds: Spread
}

/** The spread of values of which the smallest is the best; of the largest, where more is better. */
export const spreadOf = (values: ReadonlyArray<number>, better: "less" | "more" = "less"): Spread => {
  const sorted = values.toSorted((a, b) => better === "less" ? a - b : b - a)
  const at = (part: number): number => sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN
  return { best: at(0), median: at(0.5), low: at(0.25), high: at(0.75) }
}

/** A figure that has no rounds, such as a size. */
export const exactly = (value: number): Spread => spreadOf([value])

/** Whether the best round kept the bound; a share (`%`) must be at least, everything else at most. NaN keeps nothing. */
export const isKept = ({ limit, rounds, unit }: Bound): boolean =>
  unit === "%" ? rounds.best >= limit : rounds.best <= limit

const figure = (value: number, unit: Bound["unit"]): string => {
  const text = Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2).replace(/\.?0+$/u, "")
  return unit === "x" || unit === "%" ? `${text}${unit}` : `${text} ${unit}`
}

/** The bounds as a table in Markdown, as it stands in guides/benchmarks.md. */
export const table = (bounds: ReadonlyArray<Bound>): string => {
  const rows = bounds.map((bound) => {
    const { against, aim, limit, path, rounds, unit } = bound
    const values = [rounds.best, rounds.median].map((value) => figure(value, unit))
    const middle = rounds.low === rounds.high ? "" : `${figure(rounds.low, unit)} to ${figure(rounds.high, unit)}`
    const kept = isKept(bound) ? "yes" : "MISSED"
    return [path, against ?? "", ...values, middle, figure(limit, unit), aim === null ? "" : figure(aim, unit), kept]
  })
  const head = ["path", "against", "best", "median", "half of the rounds", "bound", "aim", "kept"]
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: ReadonlyArray<string>): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n")
}

/** The file in which the runner collects what its benchmarks say, a line each; none when one is started by hand. */
export const collected = "ATLAS_BENCH_BOUNDS"

/** Says how a bound was kept; one that was missed is exit code 1. */
export const hold = (bound: Bound): void => {
  const file = process.env[collected]
  if (file === undefined) console.log(table([bound]))
  else appendFileSync(file, `${JSON.stringify(bound)}\n`)
  if (!isKept(bound)) process.exitCode = 1
}
