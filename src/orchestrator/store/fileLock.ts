/**
 * A lock file that keeps other processes out. SQLite holds the lock on it, and the kernel frees it when the process dies.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { closeSync, openSync } from "node:fs"
import type { AtlasError } from "../../domain/AtlasError.ts"
import { DatabaseSync } from "../../storage/BuiltinSqlite.ts"
import * as SystemReason from "../../storage/SystemReason.ts"
import { storageFault } from "./faults.ts"

/**
 * Paths this process has locked. They are looked up before a file is opened, since closing any handle of a file frees every
 * lock that the process has on it.
 */
const held = new Set<string>()

/** SQLite's code for a lock that another connection holds. */
const busy = 5

/** Creates the file, private from its first byte. A file that exists is not opened, since closing it would free its lock. */
const ensure = (path: string): void => {
  try {
    closeSync(openSync(path, "wx", 0o600))
  } catch (cause) {
    if (SystemReason.codeOf(cause) !== "EEXIST") throw cause
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
    if (SystemReason.codeOf(cause) === busy) return null
    throw cause
  }
  held.add(path)
  return db
}

/** Whether the lock could be taken; it is held until the scope closes. The file stays, since removing it would race. */
export const take = (path: string): Effect.Effect<boolean, AtlasError, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.try({
        try: () => lockOf(path),
        catch: (cause) =>
          storageFault("lock", `the lock file ${path} cannot be used: ${SystemReason.describe(cause, path)}`)
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
