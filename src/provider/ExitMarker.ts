/**
 * The exit marker: the line by which a wrapper inside a machine says in the machine's log how its command ended.
 *
 * For clouds that tell no exit codes. It holds the stamped name that the machine was rented under, and with it the attempt, which
 * is random: a command's own output does not look like it by chance.
 *
 * @since 0.1.0
 */
import * as NameStamp from "./NameStamp.ts"

/**
 * The marker as a format for a shell's `printf`, which takes the stamped name and the exit code.
 *
 * @category models
 * @since 0.1.0
 */
export const format = "atlas: %s exited with %s\\n"

/**
 * What a line of a log says.
 *
 * @category models
 * @since 0.1.0
 */
export interface ExitMarker {
  /** The stamped name. */
  readonly name: string
  readonly exitCode: number
  /** What stands before it: the end of output that did not end its last line; mostly empty. */
  readonly before: string
}

const beginning = "atlas: "
const pattern = /^atlas: (\S+) exited with (\d{1,3})\s*$/

/**
 * Reads a line of a log; null for any other line.
 *
 * **Example** (A line that a wrapper wrote)
 *
 * ```ts
 * import * as ExitMarker from "effect-atlas/provider/ExitMarker"
 *
 * ExitMarker.parse("atlas: atlas-adhoc-web-abcdefghijkl exited with 7")?.exitCode // 7
 * ExitMarker.parse("atlas: something else exited with 7") // null
 * ```
 *
 * @category reading
 * @since 0.1.0
 */
export const parse = (line: string): ExitMarker | null => {
  const start = line.lastIndexOf(beginning)
  const match = start === -1 ? null : pattern.exec(line.slice(start))
  if (match === null) return null
  const [, name = "", code = ""] = match
  const exitCode = Number(code)
  return exitCode > 255 || NameStamp.parse(name) === null
    ? null
    : { name, exitCode, before: line.slice(0, start) }
}
