/**
 * A session database that can only be read, as on a read-only file system: its rows as they are now, in a private copy, since
 * SQLite needs files beside a database even to read it.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type * as Scope from "effect/Scope"
import { statSync } from "node:fs"
import type { AtlasError } from "../../domain/AtlasError.ts"
import { DatabaseSync } from "../../storage/BuiltinSqlite.ts"
import * as SystemReason from "../../storage/SystemReason.ts"
import { storageFault } from "./faults.ts"
import type { SessionStore } from "./StoreContract.ts"

/** SQLite's codes for a database or directory that may not be written, or has no room for its other files. */
const sqliteRefusals: ReadonlySet<unknown> = new Set([8, 10, 13, 14])
const systemRefusals: ReadonlySet<unknown> = new Set(["EROFS", "EACCES", "EPERM", "ENOSPC", "EDQUOT"])

/** Whether a database could not be opened because it cannot be written. */
export const mayBeReadable = (error: unknown): boolean => {
  const code = SystemReason.codeOf(error)
  return typeof code === "number" ? sqliteRefusals.has(code & 0xff) : systemRefusals.has(code)
}

/** Copies that a writer disturbed are made again, but not for ever. */
const mostCopies = 5

/** Tells whether a file has changed; empty where there is none, throws where that cannot be seen. */
const versionOf = (file: string): string => {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false })
  return found === undefined ? "" : `${found.ino} ${found.size} ${found.mtimeNs}`
}

/** Lets SQLite itself copy what is committed, which it can where the files of a writer are there; whether it could. */
const snapshot = (filename: string, copy: string): boolean => {
  let db: DatabaseSync | null = null
  try {
    db = new DatabaseSync(filename, { readOnly: true })
    db.exec("PRAGMA busy_timeout = 1000")
    db.prepare("VACUUM INTO ?").run(copy)
    return true
  } catch {
    // the files are copied instead
    return false
  } finally {
    db?.close()
  }
}

/** The path of a private copy, which is gone with the scope; of a database that is not there, one in memory. */
export const copyOf = (
  filename: string
): Effect.Effect<string, unknown, Scope.Scope | FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const versions = Effect.try(() => [versionOf(filename), versionOf(`${filename}-wal`)] as const)
    if ((yield* versions)[0] === "") return ":memory:"
    const directory = yield* fs.makeTempDirectoryScoped({ prefix: "effect-atlas-sessions-" })
    const copy = path.join(directory, "sessions.db")
    if (yield* Effect.sync(() => snapshot(filename, copy))) return copy
    for (let time = 0; time < mostCopies; time++) {
      const before = yield* versions
      yield* Effect.ignore(fs.remove(copy, { force: true }))
      yield* Effect.ignore(fs.remove(`${copy}-wal`, { force: true }))
      yield* fs.copyFile(filename, copy)
      if (before[1] !== "") yield* fs.copyFile(`${filename}-wal`, `${copy}-wal`)
      const after = yield* versions
      if (before[0] === after[0] && before[1] === after[1]) return copy
    }
    return yield* Effect.fail("written all the time")
  })

/** A store that reads, and says why it does not write. */
export const refusing = (store: SessionStore["Service"], filename: string, why: string): SessionStore["Service"] => {
  const refused = (operation: string): Effect.Effect<never, AtlasError> =>
    Effect.fail(storageFault(operation, `the session database ${filename} can only be read: ${why}`))
  return {
    ...store,
    lock: () => refused("lock"),
    commit: (_, writes) => writes.length === 0 ? Effect.succeed([]) : refused("commit")
  }
}
