/**
 * Keeps other processes out with a lock that SQLite holds on a file of its own: the kernel takes it back when a process dies.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { closeSync, openSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import type { AtlasError } from "../../domain/AtlasError.ts"
import { codeOf, storageFault } from "./faults.ts"

/**
 * Locks this process holds. They are looked up before a file is touched: closing any handle of a file gives up every lock
 * that the process has on it.
 */
const held = new Set<string>()

/** SQLite's code for a lock that somebody else has. */
const busy = 5

/** Private from its first byte; one that is there is not opened, for the same reason. */
const ensure = (path: string): void => {
  try {
    closeSync(openSync(path, "wx", 0o600))
  } catch (cause) {
    if (codeOf(cause) !== "EEXIST") throw cause
  }
}

const lockOf = (path: string): DatabaseSync | null => {
  if (held.has(path)) return null
  ensure(path)
  const db = new DatabaseSync(path)
  try {
    db.exec("PRAGMA busy_timeout = 0")
    db.exec("BEGIN EXCLUSIVE")
  } catch (cause) {
    db.close()
    if (codeOf(cause) === busy) return null
    throw cause
  }
  held.add(path)
  return db
}

/** Whether the lock could be had; it is held until the scope closes. The file stays, since removing it would race. */
export const take = (path: string): Effect.Effect<boolean, AtlasError, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.try({
        try: () => lockOf(path),
        catch: (cause) => storageFault("lock", `the lock file ${path} cannot be used (${String(codeOf(cause))})`)
      }),
      (db) =>
        Effect.sync(() => {
          if (db === null) return
          db.close()
          held.delete(path)
        })
    ),
    (db) => db !== null
  )
