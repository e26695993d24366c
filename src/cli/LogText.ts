/**
 * Log lines as text for people and pipes: the pieces of a line are put together, and a line ends once.
 */
import type { LogElement } from "../domain/LogElement.ts"

/** A log that is being written out. */
export interface LogText {
  /** These lines with their ends; of a line without an end yet what there is of it. */
  readonly of: (lines: ReadonlyArray<LogElement>) => string
  /** What ends a line that is still open; empty where there is none. */
  readonly close: () => string
}

/**
 * Begins a log. On a terminal a progress bar overwrites itself; elsewhere each state of it is a line. `prefix` is written where
 * a line begins.
 */
export const make = (
  { isTerminal, prefix = () => "" }: {
    readonly isTerminal: boolean
    readonly prefix?: ((line: LogElement) => string) | undefined
  }
): LogText => {
  /** Something of a line was given, and not its end. */
  let isOpen = false

  const close = () => {
    if (!isOpen) return ""
    isOpen = false
    return "\n"
  }

  const one = (line: LogElement): string => {
    const { continues, overwritten, partial, text } = line
    // where each state is a line, the end of an overwritten one has been written
    if (continues && text === "" && !isOpen && !isTerminal) return ""
    // a return within a line hides what stands before it
    const shown = text.includes("\r") ? text.replaceAll(/\r+\n?/g, "\n") : text
    const begun = continues ? "" : close() + prefix(line)
    isOpen = true
    if (partial) return begun + shown
    isOpen = false
    return `${begun}${shown}${overwritten && isTerminal ? "\r" : "\n"}`
  }

  return { of: (lines) => lines.map(one).join(""), close }
}
