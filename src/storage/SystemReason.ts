/**
 * Why the operating system or a database refused, in words: what it said, and for a permission whose file is in the way.
 *
 * @since 0.1.0
 */
import * as PlatformError from "effect/PlatformError"
import * as Predicate from "effect/Predicate"
import * as fs from "node:fs"
import * as path from "node:path"
import { getSystemErrorMap } from "node:util"

/** Words where the system's own would not help, by its code. */
const words = new Map<string, string>([
  ["ENOSPC", "the disk is full"],
  ["EDQUOT", "the disk quota is used up"],
  ["EROFS", "the file system is read-only"],
  ["ENAMETOOLONG", "the path is too long"],
  ["ENOENT", "it does not exist"],
  ["ENOTDIR", "a part of the path is not a directory"],
  ["EISDIR", "it is a directory"],
  ["EEXIST", "it exists already"],
  ["ELOOP", "the path has too many symbolic links"],
  ["EMFILE", "this process has too many open files; see ulimit -n"],
  ["ENFILE", "the system has too many open files"],
  ["EFBIG", "the file is larger than the limit of this process or file system; see ulimit -f"],
  ["EIO", "the disk failed"],
  ["ETXTBSY", "the program is being written"],
  ["E2BIG", "the arguments and the environment are too long for the system"],
  ["EAGAIN", "the system has no room for it right now, such as for another process; see ulimit -u"],
  ["ENOMEM", "there is no memory left"]
])

/** Words for errors that come without the system's code, as those of another implementation of `FileSystem`. */
const tags: Readonly<Record<PlatformError.SystemErrorTag, string>> = {
  AlreadyExists: "it exists already",
  BadResource: "it is not of the kind that was expected",
  Busy: "it is in use",
  InvalidData: "what it holds cannot be read",
  NotFound: "it does not exist",
  PermissionDenied: "permission denied",
  TimedOut: "it took too long",
  UnexpectedEof: "it ended too early",
  Unknown: "the system did not say why",
  WouldBlock: "it is in use",
  WriteZero: "nothing more could be written"
}

/** Result codes of SQLite, by their lowest byte. */
const sqlite = new Map<number, string>([
  [5, "another connection kept it locked for too long"],
  [6, "another connection kept it locked for too long"],
  [8, "it is read-only"],
  [10, "its disk failed, or is full"],
  [11, "it is damaged"],
  [13, "its disk is full"],
  [14, "it cannot be opened"],
  [23, "this user may not use it"],
  [26, "its file is not an SQLite database"]
])

/** Those of them behind which the permissions of a file may be. */
const unexplained: ReadonlySet<number> = new Set([8, 14, 23])

/** SQLSTATE codes of PostgreSQL. */
const postgres = new Map<string, string>([
  ["25006", "it is read-only"],
  ["53100", "its disk is full"],
  ["53300", "it accepts no more connections"],
  ["55P03", "another connection kept it locked for too long"]
])

/**
 * The first code in an error or its causes: of the operating system or PostgreSQL a text, such as `ENOSPC`, of SQLite a number;
 * null where there is none.
 *
 * @category reading
 * @since 0.1.0
 */
export const codeOf = (error: unknown): string | number | null => {
  for (let at = error, depth = 0; typeof at === "object" && at !== null && depth < 6; depth++) {
    if (Predicate.hasProperty(at, "errcode") && typeof at.errcode === "number") return at.errcode
    if (Predicate.hasProperty(at, "code") && typeof at.code === "string" && /^[A-Z0-9_]{3,40}$/.test(at.code)) {
      return at.code
    }
    const cause = Predicate.hasProperty(at, "cause") ? at.cause : undefined
    at = cause ?? (Predicate.hasProperty(at, "reason") ? at.reason : null)
  }
  return null
}

/** The system's own text for a code. */
const textOf = (code: string): string => {
  for (const [name, text] of getSystemErrorMap().values()) if (name === code) return text
  return "the system did not say more"
}

const statOf = (file: string): fs.Stats | null => {
  try {
    return fs.statSync(file)
  } catch {
    return null
  }
}

const may = (file: string, mode: number): boolean => {
  try {
    fs.accessSync(file, mode)
    return true
  } catch {
    return false
  }
}

const isUsable = (file: string): boolean => may(file, fs.constants.R_OK | fs.constants.W_OK)

/**
 * Whose file is in the way: the first directory on the path that may not be entered, else the file or its directory, of which one may
 * not be used. What only the owner may do is refused whatever the modes are.
 */
const inTheWay = (file: string, isForOwner = false): string | null => {
  const above: Array<string> = []
  for (let at = path.resolve(file); path.dirname(at) !== at; at = path.dirname(at)) above.unshift(path.dirname(at))
  const found = above.find((directory) => statOf(directory) !== null && !may(directory, fs.constants.X_OK))
    ?? [file, above.at(-1) ?? file].find((one) => statOf(one) !== null && (isForOwner || !isUsable(one)))
    ?? [file, above.at(-1) ?? file].find((one) => statOf(one) !== null)
  const info = found === undefined ? null : statOf(found)
  if (found === undefined || info === null) return null
  const mode = (info.mode & 0o7777).toString(8).padStart(4, "0")
  const self = process.getuid?.()
  return `${found} belongs to user ${info.uid} with mode ${mode}${
    self === undefined ? "" : `, and this process runs as user ${self}`
  }`
}

const reasonOf = (error: unknown): PlatformError.PlatformError["reason"] | null =>
  error instanceof PlatformError.PlatformError ? error.reason : null

const pathIn = (error: unknown): string | null => {
  const reason = reasonOf(error)
  const own = reason instanceof PlatformError.SystemError ? reason.pathOrDescriptor : undefined
  if (typeof own === "string") return own
  return Predicate.hasProperty(error, "path") && typeof error.path === "string" ? error.path : null
}

/**
 * Whether the system refused for want of a permission.
 *
 * @category guards
 * @since 0.1.0
 */
export const isDenied = (error: unknown): boolean => {
  const code = codeOf(error)
  return code === "EACCES" || code === "EPERM" || (code === null && reasonOf(error)?._tag === "PermissionDenied")
}

/** The system has no more of what every file and process needs. */
const shortages: ReadonlySet<string | number | null> = new Set(["EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "EINTR"])

/**
 * Whether the process or the system is short of something right now, so that the error says nothing about the file.
 *
 * @category guards
 * @since 0.1.0
 */
export const isShortage = (error: unknown): boolean => shortages.has(codeOf(error))

/**
 * What the system said, in a few words with its code, such as `the disk is full (ENOSPC)`; for a permission also whose file it is.
 *
 * **Details**
 *
 * Takes a `PlatformError`, an error of Node, or one of a database. `file` is looked at where the error itself names none. The text of the error is not
 * repeated, since it may hold arguments.
 *
 * **Example** (In a failure of one's own)
 *
 * ```ts
 * import * as SystemReason from "effect-atlas/storage/SystemReason"
 * import * as PlatformError from "effect/PlatformError"
 *
 * const message = (file: string) => (error: PlatformError.PlatformError) =>
 *   `${file} cannot be written: ${SystemReason.describe(error, file)}`
 * ```
 *
 * @category conversions
 * @since 0.1.0
 */
export const describe = (error: unknown, file?: string): string => {
  const code = codeOf(error)
  const reason = reasonOf(error)
  if (isDenied(error)) {
    const denied = code === null ? "permission denied" : `permission denied (${code})`
    const named = file ?? pathIn(error)
    const whose = named === null ? null : inTheWay(named, code === "EPERM")
    return whose === null ? denied : `${denied}: ${whose}`
  }
  if (typeof code === "number") {
    const said = sqlite.get(code & 0xff) ?? `it failed with SQLite's code ${code}`
    // SQLite does not say why it cannot open or write a file
    const isPermitted = file === undefined || (isUsable(file) && may(path.dirname(file), fs.constants.W_OK))
    const whose = isPermitted || !unexplained.has(code & 0xff) ? null : inTheWay(file)
    return whose === null ? said : `${said}: ${whose}`
  }
  if (code !== null) return postgres.get(code) ?? `${words.get(code) ?? textOf(code)} (${code})`
  if (reason === null) return "the system did not say why"
  return reason.description
    ?? (reason._tag === "BadArgument" ? `it was refused by ${reason.module}.${reason.method}` : tags[reason._tag])
}
