/**
 * The SQLite that is built into Node, without the warning that some versions of Node give when it is loaded.
 *
 * @since 0.1.0
 */
import type { DatabaseSync as Database } from "node:sqlite"

/** Loading it is one synchronous call, so that no other warning can come in between. */
const load = (): typeof import("node:sqlite") => {
  const warn = process.emitWarning
  process.emitWarning = (warning: string | Error, ...rest: ReadonlyArray<unknown>) => {
    if (rest[0] === "ExperimentalWarning" && String(warning).startsWith("SQLite ")) return
    Reflect.apply(warn, process, [warning, ...rest])
  }
  try {
    return process.getBuiltinModule("node:sqlite")
  } finally {
    process.emitWarning = warn
  }
}

/**
 * Node's `DatabaseSync`.
 *
 * **Details**
 *
 * Node 22 says on stderr that its SQLite is an experiment. The user of a program cannot act on that, so this one warning is left
 * out; all others are given, and no flag of the process is changed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const DatabaseSync: typeof Database = load().DatabaseSync

/**
 * An open database.
 *
 * @category models
 * @since 0.1.0
 */
export type DatabaseSync = Database
