/**
 * What a database that failed means for its sessions, in sentences of this library: its own message may show a row.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { AtlasError } from "../../domain/AtlasError.ts"
import * as SystemReason from "../../storage/SystemReason.ts"
import { storageFault } from "./faults.ts"

const causeOf = (error: unknown): unknown => Predicate.hasProperty(error, "cause") ? error.cause : null

/** Of SQLite's codes, those that say that the disk is full, or that the file cannot be made sense of. */
const sqliteFull = 13
const sqliteDamaged = 11
const sqliteForeign = 26

/** The code of a failure of the database, as SQLite and the operating system give it. */
const codeOfFailure = (error: unknown): string | number | null => {
  const sqlError = [error, causeOf(error)].find((one) => isSqlError(one))
  const code = SystemReason.codeOf(sqlError === undefined ? error : sqlError.reason)
  return typeof code === "number" ? code & 0xff : code
}

/** Whether the disk, or a quota of it, is full. */
export const isFullDisk = (error: unknown): boolean => {
  const code = codeOfFailure(error)
  return code === sqliteFull || code === "ENOSPC" || code === "EDQUOT"
}

/** Whether a part of the database is damaged. */
export const isDamaged = (error: unknown): boolean => codeOfFailure(error) === sqliteDamaged

/** Whether the database is damaged, or none. */
export const isUnusable = (error: unknown): boolean => isDamaged(error) || codeOfFailure(error) === sqliteForeign

/** What an operator does about a file that is damaged, or is no database. */
export const repairAdvice =
  "move it away together with its -wal and -shm files, and put a copy in its place, or none: machines of this owner that no " +
  "session has are then ended"

const sentenceOf = (error: SqlError, filename: string | undefined): string => {
  const { _tag } = error.reason
  const why = SystemReason.codeOf(error.reason) !== null
    ? SystemReason.describe(error.reason, filename)
    : _tag === "ConnectionError"
    ? "it cannot be reached, or its connection was lost"
    : _tag === "LockTimeoutError"
    ? "another connection kept it locked for too long"
    : `it answered with ${_tag}`
  return `the session database failed: ${why}`
}

/**
 * Fails as `StorageFault`, also where a client throws: a transaction whose connection is lost cannot be rolled back, which
 * Effect reports as a defect.
 */
export const guarded = <A, R>(
  operation: string,
  effect: Effect.Effect<A, unknown, R>,
  filename?: string
): Effect.Effect<A, AtlasError, R> =>
  Effect.catchCause(effect, (cause) => {
    const thrown = cause.reasons.flatMap((reason) =>
      Cause.isFailReason(reason) ? [reason.error] : Cause.isDieReason(reason) ? [reason.defect] : []
    )
    const known = thrown.find((error) => error instanceof AtlasError)
    if (known !== undefined) return Effect.fail(known)
    const sqlError = thrown.flatMap((error) => [error, causeOf(error)]).find((error) => isSqlError(error))
    if (sqlError !== undefined) {
      const advice = filename !== undefined && isUnusable(sqlError) ? `: ${filename}; ${repairAdvice}` : ""
      return Effect.fail(storageFault(operation, `${sentenceOf(sqlError, filename)}${advice}`))
    }
    const [failure] = cause.reasons.filter(Cause.isFailReason)
    if (failure !== undefined) return Effect.fail(storageFault(operation, "the session database failed"))
    return Effect.failCause(Cause.fromReasons(cause.reasons.filter((reason) => !Cause.isFailReason(reason))))
  })
