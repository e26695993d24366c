/**
 * Tables for people: aligned columns, `-` for what is absent, a bold head where the terminal has colours.
 */
import * as ForeignText from "../domain/ForeignText.ts"

/** What a cell may hold; null is shown as `-`. */
export type Cell = string | number | null

const bold = (text: string): string => `\u001b[1m${text}\u001b[22m`

/** A wider column could not be read. */
const widestCell = 500
/** A value that stands on a line of its own, such as a token or the output of a job, is shown as a whole. */
const longestValue = 64 * 1024

const show = (cell: Cell, max: number): string => cell === null ? "-" : ForeignText.line(String(cell), { max }) || "-"

/** Rows under a head; the cells of a row stand in the order of the head. */
export const render = (
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<Cell>>,
  options: { readonly color: boolean }
): string => {
  const lines = [head, ...rows.map((row) => row.map((cell) => show(cell, widestCell)))]
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines.map((line, index) => {
    const text = line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd()
    return index === 0 && options.color ? bold(text) : text
  }).join("\n")
}

/** Names and values of one thing, a line each. */
export const list = (pairs: ReadonlyArray<readonly [string, Cell]>): string => {
  const width = Math.max(...pairs.map(([name]) => name.length))
  return pairs.map(([name, cell]) => `${name.padEnd(width)}  ${show(cell, longestValue)}`).join("\n")
}

/** A price in US dollars; more digits where two would hide it. */
export const dollars = (price: number | null): string | null =>
  price === null ? null : `$${price.toFixed(price > 0 && price < 0.1 ? 4 : 2)}`
