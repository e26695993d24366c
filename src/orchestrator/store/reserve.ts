/**
 * Room on the disk that is kept for sessions that exist, so that a full disk does not keep what becomes of them from being
 * recorded. New sessions may not use it.
 *
 * Two parts: a write-ahead log that has its full size from the start, so that a commit overwrites blocks that it has, whatever
 * fills the disk; and a file of written blocks beside the database, given up when a commit needs more, as when the
 * database itself grows, and made again when there is room.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import type * as SqlClient from "effect/sql/SqlClient"
import { randomBytes } from "node:crypto"
import { statfsSync } from "node:fs"
import type { AtlasError } from "../../domain/AtlasError.ts"
import { storageFault } from "./faults.ts"
import { isFullDisk } from "./sqlFaults.ts"
import type { Write } from "./StoreContract.ts"

/** What a store does about a disk that is full. */
export interface Reserve {
  /** Makes the reserve of a database whose owner lock was taken, as far as there is room. */
  readonly fill: (sql: SqlClient.SqlClient) => Effect.Effect<void>
  /**
   * Runs work on the database; when the disk is full, gives up the file, writes the log back, so that it is used from its
   * beginning again, and runs the work once more.
   */
  readonly guard: <A, E, R>(
    work: Effect.Effect<A, E, R>,
    writeBack?: Effect.Effect<unknown, unknown>
  ) => Effect.Effect<A, E, R>
  /** Before each commit: fails when it holds new sessions and the disk is full. */
  readonly admit: (
    writes: ReadonlyArray<Write>,
    writeBack: Effect.Effect<unknown, unknown>
  ) => Effect.Effect<void, AtlasError>
}

/** For databases that are not a file of this machine. */
export const none: Reserve = {
  fill: () => Effect.void,
  guard: (work) => work,
  admit: () => Effect.void
}

/** The size of the file: what a database may grow between two checkpoints. */
const reserveBytes = 1_048_576

/** Pages of the log after which it is written back and used again: as large as the file, since it may be as much growth. */
const checkpointPages = 256

/** The size of the log: a commit of 500 rows among 100,000 takes a little more than 4 MiB, after a log that is nearly due. */
const logBytes = 6 * 1_048_576

/** Pages that SQLite keeps in memory before they reach the log: its default, and some more. */
const cacheBytes = 3 * 1_048_576

/** How often a reserve that was given up is tried to be made again, in milliseconds; a new session tries at once. */
const refillEvery = 10_000

const isNew = ({ state, version }: Write): boolean => version === 0 && state !== null

/** The reserve of a database file. */
export const make = Effect.fnUntraced(function*(
  filename: string
): Effect.fn.Return<Reserve, never, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = `${filename}.reserve`
  /** Null while the file is there; else when it was last tried to be made. */
  let missingSince: number | null = null

  const isWhole = Effect.match(fs.stat(file), {
    onFailure: () => false,
    onSuccess: ({ size }) => Number(size) >= reserveBytes
  })

  const remove = Effect.ignore(fs.remove(file, { force: true }))

  /** Makes the file if it is not there; whether it is there now. */
  const refill = Effect.gen(function*() {
    if (yield* isWhole) {
      missingSince = null
      return true
    }
    const written = yield* Effect.result(Effect.scoped(Effect.gen(function*() {
      const handle = yield* fs.open(file, { flag: "w", mode: 0o600 })
      // blocks that a file system can neither leave out nor compress, and has really given when this returns
      yield* handle.writeAll(randomBytes(reserveBytes))
      yield* handle.sync
    })))
    if (Result.isSuccess(written)) {
      if (missingSince !== null) yield* Effect.logInfo("the disk of the session database has room again")
      missingSince = null
      return true
    }
    yield* remove
    missingSince = yield* Clock.currentTimeMillis
    return false
  })

  const directory = path.dirname(filename)

  /** Asked before each commit, which waits for the same disk on this thread. */
  const hasLess = (bytes: number): Effect.Effect<boolean> =>
    Effect.sync(() => {
      try {
        const { bavail, bsize } = statfsSync(directory)
        return bavail * bsize < bytes
      } catch {
        return false
      }
    })

  /** Gives the log its size by a transaction that is larger than SQLite's cache and is undone. */
  const growLog = (sql: SqlClient.SqlClient) =>
    Effect.gen(function*() {
      yield* sql`PRAGMA wal_autocheckpoint = ${sql.literal(String(checkpointPages))}`
      const size = yield* Effect.match(fs.stat(`${filename}-wal`), {
        onFailure: () => 0,
        onSuccess: ({ size }) => Number(size)
      })
      // a disk that this would fill had room for a session before
      if (size >= logBytes || (yield* hasLess(logBytes + cacheBytes + 2 * reserveBytes))) return
      return yield* sql.withTransaction(Effect.gen(function*() {
        yield* sql`CREATE TABLE atlas_reserve (filling BLOB)`
        yield* sql`INSERT INTO atlas_reserve VALUES (zeroblob(${logBytes + cacheBytes}))`
        return yield* Effect.fail("undone")
      }))
    }).pipe(Effect.ignoreCause)

  const isFull = (cause: Cause.Cause<unknown>) =>
    cause.reasons.some((reason) =>
        (Cause.isFailReason(reason) && isFullDisk(reason.error)) ||
        (Cause.isDieReason(reason) && isFullDisk(reason.defect))
      )
      ? Effect.succeed(true)
      : hasLess(reserveBytes)

  const release = Effect.gen(function*() {
    if (missingSince === null) {
      yield* Effect.logError(
        "the disk of the session database is full: no session can begin until there is room; a small reserve is used to record " +
          "what becomes of those that exist"
      )
    }
    missingSince = yield* Clock.currentTimeMillis
    yield* remove
  })

  const guard: Reserve["guard"] = (work, writeBack = Effect.void) =>
    Effect.catchCauseIf(work, (cause) => !Cause.hasInterrupts(cause), (cause) =>
      Effect.gen(function*() {
        if (!(yield* isFull(cause))) return yield* Effect.failCause(cause)
        yield* release
        yield* Effect.ignoreCause(writeBack)
        return yield* work
      }))

  return {
    fill: (sql) => Effect.andThen(growLog(sql), refill).pipe(Effect.asVoid),
    guard,
    admit: (writes, writeBack) =>
      Effect.gen(function*() {
        const begins = writes.some(isNew)
        const isMissing = begins ? !(yield* isWhole) : missingSince !== null
        const isFull = yield* hasLess(isMissing ? 2 * reserveBytes : reserveBytes)
        const now = yield* Clock.currentTimeMillis
        const isDue = isMissing && (begins || missingSince === null || now - missingSince >= refillEvery)
        const isMade = isDue && !isFull && (yield* refill)
        if (begins && (isFull || (isMissing && !isMade))) {
          return yield* storageFault(
            "commit",
            "the disk of the session database is full: what room is left is kept for the sessions that exist"
          )
        }
        // the log must not hold more growth of the database than the file makes room for
        if (isFull) yield* Effect.ignoreCause(guard(writeBack))
      })
  }
})
