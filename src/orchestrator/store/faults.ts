/**
 * The failures of a session store, in sentences of this library: a database's own message may show a row.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { AtlasError, StorageFault } from "../../domain/AtlasError.ts"
import type { Owner } from "../../provider/NameStamp.ts"

/** A failure of a store's operation; the message holds no content of a row. */
export const storageFault = (operation: string, message: string): AtlasError =>
  new AtlasError({ provider: null, operation, reason: new StorageFault({ message }) })

/** Another process holds the owner lock. */
export const alreadyLocked = (owner: Owner, holder: string): AtlasError =>
  storageFault("lock", `an orchestrator of the owner ${owner} is running already: ${holder}`)

/** Result codes of SQLite, by their lowest byte. */
const sqliteCodes = new Map<number, string>([
  [5, "another connection kept the session database locked for too long"],
  [6, "another connection kept the session database locked for too long"],
  [8, "the session database is read-only"],
  [10, "the disk of the session database failed, or is full"],
  [11, "the session database is damaged"],
  [13, "the disk of the session database is full"],
  [14, "the session database cannot be opened"],
  [26, "the file of the session database is not an SQLite database"]
])

/** SQLSTATE codes of PostgreSQL. */
const sqlStates = new Map<string, string>([
  ["25006", "the session database is read-only"],
  ["53100", "the disk of the session database is full"],
  ["53300", "the session database accepts no more connections"],
  ["55P03", "another connection kept the session database locked for too long"]
])

/** Error codes of the operating system for the file of an SQLite database. */
const systemCodes = new Map<string, string>([
  ["EACCES", "this user may not write the session database"],
  ["EPERM", "this user may not write the session database"],
  ["EROFS", "the session database is on a file system that is read-only"],
  ["ENOSPC", "the disk of the session database is full"],
  ["EDQUOT", "the disk quota for the session database is used up"],
  ["ENOTDIR", "the directory of the session database is not a directory"]
])

/** The first code that a driver gave in the chain of causes. */
export const codeOf = (error: unknown): string | number | null => {
  for (let at = error, depth = 0; typeof at === "object" && at !== null && depth < 5; depth++) {
    if (Predicate.hasProperty(at, "errcode") && typeof at.errcode === "number") return at.errcode
    if (Predicate.hasProperty(at, "code") && typeof at.code === "string" && /^[A-Z0-9_]{5,40}$/.test(at.code)) {
      return at.code
    }
    at = Predicate.hasProperty(at, "cause") ? at.cause : null
  }
  return null
}

const causeOf = (error: unknown): unknown => Predicate.hasProperty(error, "cause") ? error.cause : null

/** Of SQLite's codes, those that say that the disk is full, or that the file cannot be made sense of. */
const sqliteFull = 13
const sqliteDamaged = 11
const sqliteForeign = 26

/** The code of a failure of the database, as SQLite and the operating system give it. */
const codeOfFailure = (error: unknown): string | number | null => {
  const sqlError = [error, causeOf(error)].find((one) => isSqlError(one))
  const code = codeOf(sqlError === undefined ? error : sqlError.reason)
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

const sentenceOf = (error: SqlError): string => {
  const code = codeOf(error.reason)
  const known = typeof code === "number"
    ? sqliteCodes.get(code & 0xff)
    : sqlStates.get(code ?? "") ?? systemCodes.get(code ?? "")
  if (known !== undefined) return known
  const { _tag } = error.reason
  if (_tag === "ConnectionError") return "the session database cannot be reached, or its connection was lost"
  if (_tag === "LockTimeoutError") return "another connection kept the session database locked for too long"
  return `the session database failed (${_tag}${code === null ? "" : `, code ${code}`})`
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
      return Effect.fail(storageFault(operation, `${sentenceOf(sqlError)}${advice}`))
    }
    const [failure] = cause.reasons.filter(Cause.isFailReason)
    if (failure !== undefined) return Effect.fail(storageFault(operation, "the session database failed"))
    return Effect.failCause(Cause.fromReasons(cause.reasons.filter((reason) => !Cause.isFailReason(reason))))
  })
