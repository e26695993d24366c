/**
 * The files of a compute's log as one sequence of bytes: `log`, which is written, and `log.START.END`, the part before it, whose
 * name says which bytes of the whole log it holds. What is older has been removed; an offset means the same byte for ever.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Scope from "effect/Scope"
import * as PrivateFile from "../../../storage/PrivateFile.ts"

/** Bytes that were removed before they were read: those from `from` up to `to`. */
export interface Missed {
  readonly from: number
  readonly to: number
}

/** A place in the log, from which it is read on. */
export interface Reader {
  /** The bytes that come next; none where there are none now. Where some are missed, the bytes are those after them. */
  readonly readAlloc: (size: number) => Effect.Effect<Option.Option<Uint8Array>, PlatformError.PlatformError>
  /** What was missed before the bytes that were read last. */
  readonly missed: () => Missed | null
}

/** What a missed part is in a line of the log. */
export const describe = ({ from, to }: Missed): string =>
  `atlas: bytes ${from} to ${to} of this log were removed, since it had reached its limit`

interface Part {
  readonly name: string
  readonly start: number
  /** Null for the one that is written. */
  readonly end: number | null
}

const partOf = (name: string): ReadonlyArray<Part & { readonly end: number }> => {
  const [, start, end] = /^log\.(\d{1,15})\.(\d{1,15})$/.exec(name) ?? []
  return start === undefined || end === undefined ? [] : [{ name, start: Number(start), end: Number(end) }]
}

const isGone = <A, R>(looked: Effect.Effect<A, PlatformError.PlatformError, R>) =>
  Effect.catchReason(looked, "PlatformError", "NotFound", () => Effect.succeed(null))

/** The parts, the oldest first; the last one is written. Null where the log was taken away with its compute. */
const partsIn = (fs: FileSystem.FileSystem, directory: string) =>
  isGone(Effect.map(fs.readDirectory(directory), (names): readonly [Part, ...ReadonlyArray<Part>] => {
    const before = names.flatMap(partOf).toSorted((a, b) => a.start - b.start)
    const written = { name: "log", start: before.at(-1)?.end ?? 0, end: null }
    const [oldest, ...others] = before
    return oldest === undefined ? [written] : [oldest, ...others, written]
  }))

/** Which bytes of the whole log are there; null where it was taken away with its compute. */
export const extent = (
  fs: FileSystem.FileSystem,
  directory: string
): Effect.Effect<{ readonly start: number; readonly end: number } | null, PlatformError.PlatformError> =>
  Effect.gen(function*() {
    const parts = yield* partsIn(fs, directory)
    const written = parts?.at(-1)
    if (parts === null || written === undefined) return null
    const stat = yield* isGone(fs.stat(`${directory}/${written.name}`))
    return { start: parts[0].start, end: written.start + Number(stat?.size ?? 0) }
  })

interface Open {
  readonly file: FileSystem.File
  readonly start: number
  /** Null while it may grow. */
  readonly end: number | null
  readonly close: Effect.Effect<void>
}

/**
 * Opens a log at an offset. A file that was opened is read to its end, also when it has been given another name or was removed
 * meanwhile.
 */
export const open = (
  fs: FileSystem.FileSystem,
  directory: string,
  offset: number
): Effect.Effect<Reader, PlatformError.PlatformError, Scope.Scope> =>
  Effect.map(Effect.scope, (scope) => {
    let position = offset
    let current: Open | null = null
    let missed: Missed | null = null

    /** Where the bytes begin that are written now. */
    const written = Effect.map(partsIn(fs, directory), (parts) => parts?.at(-1)?.start ?? null)

    /** Opens a part at the position; null where its name is gone. */
    const openPart = ({ end, name, start }: Part) =>
      Effect.gen(function*() {
        const inner = yield* Scope.fork(scope)
        const close = Scope.close(inner, Exit.void)
        const path = `${directory}/${name}`
        const file = yield* isGone(
          Scope.provide(Effect.andThen(PrivateFile.check(fs, path), fs.open(path, { flag: "r" })), inner)
        )
        if (file === null) return yield* Effect.as(close, null)
        yield* file.seek(BigInt(position - start), "start")
        return { file, start, end, close }
      })

    /** Opens the part that has the position; null where there is nothing to read now. */
    const openNext: Effect.Effect<Open | null, PlatformError.PlatformError> = Effect.gen(function*() {
      while (true) {
        const parts = yield* partsIn(fs, directory)
        if (parts === null) return null
        const [oldest] = parts
        if (position < oldest.start) {
          missed = { from: missed?.from ?? position, to: oldest.start }
          position = oldest.start
        }
        const part = parts.findLast(({ start }) => start <= position) ?? oldest
        const opened = yield* openPart(part)
        // between the looks the log may have become the part before it, and its name have been given to a new file
        if ((part.end === null) && (yield* written) === part.start) return opened
        if (part.end !== null && opened !== null) return opened
        if (opened !== null) yield* opened.close
      }
    })

    const readAlloc = (size: number): Effect.Effect<Option.Option<Uint8Array>, PlatformError.PlatformError> =>
      Effect.gen(function*() {
        while (true) {
          current ??= yield* openNext
          if (current === null) return Option.none()
          const { close, end, file, start } = current
          let bytes = yield* file.readAlloc(size)
          if (Option.isNone(bytes) && end === null) {
            const now = yield* written
            if (now === null || now === start) return bytes
            // it has become the part before, and nothing is written to it any more: what came since is read before it is closed
            bytes = yield* file.readAlloc(size)
          }
          if (Option.isSome(bytes)) {
            position += bytes.value.length
            return bytes
          }
          yield* close
          current = null
        }
      })

    return {
      readAlloc: (size) =>
        Effect.suspend(() => {
          missed = null
          return readAlloc(size)
        }),
      missed: () => missed
    }
  })

/**
 * Tells whether something could not be written to a log. The writer takes the right to write from a file when that happens, which
 * needs no room on the disk; the file is kept open, so that this is also known of a log that is taken away meanwhile.
 */
export const watchLoss = (
  fs: FileSystem.FileSystem,
  directory: string
): Effect.Effect<Effect.Effect<boolean>, never, Scope.Scope> => {
  const path = `${directory}/whole`
  return Effect.andThen(PrivateFile.check(fs, path), fs.open(path, { flag: "r" })).pipe(
    Effect.map((file) =>
      Effect.match(file.stat, { onFailure: () => false, onSuccess: ({ mode }) => (mode & 0o200) === 0 })
    ),
    // of a log that an earlier atlas made it is not known
    Effect.orElseSucceed(() => Effect.succeed(false))
  )
}
