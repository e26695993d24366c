/**
 * A compute's log, line by line, resumable at any line: the cursor is the number of bytes up to its end.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Stream from "effect/Stream"
import { type AtlasErrorReason, StorageFault, Validation } from "../../../domain/AtlasError.ts"
import { LogElement } from "../../../domain/LogElement.ts"
import * as SystemReason from "../../../storage/SystemReason.ts"

const readSize = 64 * 1024
/** A longer line comes in pieces, so memory stays bounded whatever a program writes. */
const longestLine = 1024 * 1024
const pause = "100 millis"
const newline = 10

const parseCursor = (after: string | null | undefined): Effect.Effect<number, Validation> => {
  if (after === null || after === undefined) return Effect.succeed(0)
  return /^\d{1,15}$/.test(after)
    ? Effect.succeed(Number(after))
    : Effect.fail(new Validation({ issues: [{ path: "after", message: "Expected a cursor of this compute's log" }] }))
}

interface Progress {
  /** Bytes given out as whole lines. */
  readonly offset: number
  /** What follows them and is no whole line yet. */
  readonly rest: Uint8Array
}

const element = (bytes: Uint8Array, cursor: number): LogElement => {
  const text = new TextDecoder().decode(bytes)
  return new LogElement({
    cursor: String(cursor),
    at: null,
    stream: "output",
    text: text.endsWith("\r") ? text.slice(0, -1) : text
  })
}

/** A piece never ends within a character: bytes of the form 10xxxxxx continue one. */
const pieceEnd = (bytes: Uint8Array): number => {
  let end = longestLine
  while (end > longestLine - 4 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return end
}

const takeLines = (progress: Progress, more: Uint8Array): readonly [ReadonlyArray<LogElement>, Progress] => {
  let rest = more
  if (progress.rest.length > 0) {
    rest = new Uint8Array(progress.rest.length + more.length)
    rest.set(progress.rest)
    rest.set(more, progress.rest.length)
  }
  const lines: Array<LogElement> = []
  let offset = progress.offset
  while (true) {
    const at = rest.indexOf(newline)
    const isLong = at === -1 ? rest.length > longestLine : at > longestLine
    if (at === -1 && !isLong) return [lines, { offset, rest }]
    const end = isLong ? pieceEnd(rest) : at
    const next = isLong ? end : end + 1
    lines.push(element(rest.subarray(0, end), offset + next))
    offset += next
    rest = rest.subarray(next)
  }
}

/**
 * Lines of the file after a cursor; with `follow` until `isOver` says that nothing more can come, then to the very end.
 *
 * A last line without its newline comes only when it is over.
 */
export const lines = (
  fs: FileSystem.FileSystem,
  file: string,
  options: {
    readonly after?: string | null | undefined
    readonly follow: boolean
    /** Fails when there is no such compute. */
    readonly exists: Effect.Effect<void, AtlasErrorReason>
    readonly isOver: Effect.Effect<boolean, AtlasErrorReason>
  }
): Stream.Stream<LogElement, AtlasErrorReason> => {
  const fault = (error: PlatformError.PlatformError) =>
    new StorageFault({ message: `${file} cannot be read: ${SystemReason.describe(error, file)}` })

  const step = (state: { readonly progress: Progress; readonly isLast: boolean }) =>
    Effect.scoped(Effect.gen(function*() {
      const { progress } = state
      const at = progress.offset + progress.rest.length
      const bytes = yield* fs.open(file, { flag: "r" }).pipe(
        Effect.tap((handle) => handle.seek(BigInt(at), "start")),
        Effect.flatMap((handle) => handle.readAlloc(readSize)),
        // taken away with its compute: what was there has been read
        Effect.catchReason("PlatformError", "NotFound", () => Effect.succeedNone),
        Effect.mapError(fault)
      )
      if (Option.isSome(bytes)) {
        const [found, next] = takeLines(progress, bytes.value)
        return [found, Option.some({ progress: next, isLast: state.isLast })] as const
      }
      if (state.isLast) {
        const { offset, rest } = progress
        return [rest.length === 0 ? [] : [element(rest, offset + rest.length)], Option.none()] as const
      }
      // asked before the last read, so that nothing written before the end is missed
      const isOver = yield* options.isOver
      if (!isOver && !options.follow) return [[], Option.none()] as const
      if (!isOver) yield* Effect.sleep(pause)
      return [[], Option.some({ progress, isLast: isOver })] as const
    }))

  return Stream.unwrap(
    Effect.map(
      Effect.andThen(options.exists, parseCursor(options.after)),
      (offset) => Stream.paginate({ progress: { offset, rest: new Uint8Array() }, isLast: false }, step)
    )
  )
}
