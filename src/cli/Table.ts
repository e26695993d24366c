/**
 * Tables for people: aligned columns, `-` for what is absent, a bold head where the terminal has colours.
 */
import * as ForeignText from "../domain/ForeignText.ts"
import * as TextWidth from "./TextWidth.ts"

/** What a cell may hold; null is shown as `-`. */
export type Cell = string | number | null

const bold = (text: string): string => `\u001b[1m${text}\u001b[22m`

const gap = "  "
/** A wider column could not be read. */
const widestCell = 500
/** A value that stands on a line of its own, such as a token or the output of a job, is shown as a whole. */
const longestValue = 64 * 1024

const show = (cell: Cell, max: number): string => cell === null ? "-" : ForeignText.line(String(cell), { max }) || "-"

/** How much a column gives up where a line is too long for its terminal. */
export interface Column {
  readonly name: string
  /** Cut to no fewer cells than these; never cut where it is left out. */
  readonly min?: number
  /** Left out where cutting is not enough, the lowest first, and first of all where it holds nothing; never left out without it. */
  readonly leave?: number
  /** What a cell is shown as, once its width is known. */
  readonly paint?: (shown: string) => string
}

const widthOfLine = (widths: ReadonlyArray<number>): number =>
  widths.reduce((sum, width) => sum + width, 0) + gap.length * Math.max(0, widths.length - 1)

/** The widths cut, the widest of those that may be first, until a line of them fits or nothing more can be cut. */
const fitted = (columns: ReadonlyArray<Column>, widths: ReadonlyArray<number>, max: number): ReadonlyArray<number> => {
  const cut = [...widths]
  while (widthOfLine(cut) > max) {
    let widest = -1
    for (const [index, { min }] of columns.entries()) {
      const width = cut[index] ?? 0
      if (min !== undefined && width > min && (widest < 0 || width > (cut[widest] ?? 0))) widest = index
    }
    if (widest < 0) return cut
    cut[widest] = (cut[widest] ?? 0) - 1
  }
  return cut
}

/** Rows under a head, no line wider than `width` where the columns allow it. */
export const fit = (
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<ReadonlyArray<Cell>>,
  options: { readonly color: boolean; readonly width: number }
): string => {
  const head = columns.map(({ name }) => name)
  const lines = [head, ...rows.map((row) => row.map((cell) => show(cell, widestCell)))]
  const natural = columns.map((_, column) => Math.max(...lines.map((line) => TextWidth.of(line[column] ?? ""))))
  const widths = fitted(columns, natural, options.width)
  if (widthOfLine(natural) > options.width) {
    const may = columns.filter(({ leave }) => leave !== undefined).toSorted((a, b) => (a.leave ?? 0) - (b.leave ?? 0))
    const tellsNothing = may.find((column) => rows.every((row) => row[columns.indexOf(column)] === null))
    const left = tellsNothing ?? (widthOfLine(widths) > options.width ? may[0] : undefined)
    if (left !== undefined) {
      const at = columns.indexOf(left)
      return fit(columns.toSpliced(at, 1), rows.map((row) => row.toSpliced(at, 1)), options)
    }
  }
  return lines.map((line, index) => {
    const text = line.map((cell, column) => {
      const width = widths[column] ?? 0
      const shown = TextWidth.cut(cell, width)
      const blanks = column === line.length - 1 ? "" : " ".repeat(Math.max(0, width - TextWidth.of(shown)))
      const paint = index > 0 && options.color ? columns[column]?.paint : undefined
      return (paint === undefined ? shown : paint(shown)) + blanks
    }).join(gap).trimEnd()
    return index === 0 && options.color ? bold(text) : text
  }).join("\n")
}

/** Rows under a head, however wide; the cells of a row stand in the order of the head. */
export const render = (
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<Cell>>,
  options: { readonly color: boolean }
): string => fit(head.map((name) => ({ name })), rows, { ...options, width: Number.POSITIVE_INFINITY })

/** Names and values of one thing, a line each. */
export const list = (pairs: ReadonlyArray<readonly [string, Cell]>): string => {
  const width = Math.max(...pairs.map(([name]) => name.length))
  return pairs.map(([name, cell]) => `${name.padEnd(width)}  ${show(cell, longestValue)}`).join("\n")
}

/** A price in US dollars; more digits where two would hide it. */
export const dollars = (price: number | null): string | null =>
  price === null ? null : `$${price.toFixed(price > 0 && price < 0.1 ? 4 : 2)}`
