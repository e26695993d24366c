/**
 * The help of a command, in lines that fit a terminal.
 */
import * as CliOutput from "effect/cli/CliOutput"
import type * as HelpDoc from "effect/cli/HelpDoc"
import { stripVTControlCharacters as plain } from "node:util"

/** The longest line of help; a terminal that is narrower has shorter ones. */
const widest = 100
const narrowest = 60

/** The column where the text of a row goes on: that of the words after its name, or of its first word. */
const columnOf = (line: string): number => {
  const text = plain(line)
  const row = /^ {2}\S.*? {2,}(?=\S)/.exec(text)?.[0] ?? /^ */.exec(text)?.[0] ?? ""
  return CliOutput.displayWidth(row)
}

const wrapped = (line: string, width: number): string => {
  if (CliOutput.displayWidth(line) <= width) return line
  const column = columnOf(line)
  const rows: Array<string> = []
  let row = ""
  for (const word of line.split(" ")) {
    const longer = `${row}${word} `
    if (CliOutput.displayWidth(longer) - 1 <= width || plain(row).trim() === "") {
      row = longer
      continue
    }
    rows.push(row.trimEnd())
    row = `${" ".repeat(column)}${word} `
  }
  return [...rows, row.trimEnd()].join("\n")
}

/** A flag's choices stand in its description already. */
const short = (flag: HelpDoc.FlagDoc): HelpDoc.FlagDoc => flag.type.includes("|") ? { ...flag, type: "choice" } : flag

/** The help as it is printed. */
export const format = (
  doc: HelpDoc.HelpDoc,
  { colours, columns }: { readonly colours: boolean; readonly columns: number | undefined }
): string => {
  const { globalFlags, ...rest } = doc
  const text = CliOutput.defaultFormatter({ colors: colours }).formatHelpDoc({
    ...rest,
    ...(globalFlags === undefined ? {} : { globalFlags: globalFlags.map(short) })
  })
  const width = Math.max(narrowest, Math.min(widest, columns || widest))
  const lines = text.split("\n")
  const examples = lines.findIndex((line) => plain(line) === "EXAMPLES")
  // an example is there to be copied, as one line
  return lines.map((line, index) => examples >= 0 && index > examples ? line : wrapped(line, width)).join("\n")
}
