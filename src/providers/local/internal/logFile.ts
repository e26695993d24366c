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
import { make as makeSplitter, type Splitter } from "./logLines.ts"
import * as LogParts from "./logParts.ts"

const readSize = 64 * 1024
const pause = "100 millis"
/** After so many pauses without the end of a line, what there is of it is given as a piece. */
const patience = 5

const parseCursor = (after: string | null | undefined): Effect.Effect<number, Validation> => {
  if (after === null || after === undefined) return Effect.succeed(0)
  return /^\d{1,15}$/.test(after)
    ? Effect.succeed(Number(after))
    : Effect.fail(new Validation({ issues: [{ path: "after", message: "Expected a cursor of this compute's log" }] }))
}

const lostOutput = "atlas: some of what was written is lost: the log could not be written, or its disk was full"

const lost = (at: number, text: string): LogElement =>
  new LogElement({ cursor: String(at), at: null, stream: "system", text, lost: true })

/**
 * Lines of the file after a cursor; with `follow` until `isOver` says that nothing more can come, then to the very end.
 *
 * A line without an end comes as a piece: after a short pause while it is followed, else with the end of the reading. The file
 * is kept open, so a reading that has begun goes on to the end of a log that is taken away meanwhile.
 */
export const lines = (
  fs: FileSystem.FileSystem,
  directory: string,
  options: {
    readonly after?: string | null | undefined
    readonly follow: boolean
    /** Fails when there is no such compute. */
    readonly exists: Effect.Effect<void, AtlasErrorReason>
    readonly isOver: Effect.Effect<boolean, AtlasErrorReason>
  }
): Stream.Stream<LogElement, AtlasErrorReason> => {
  const file = `${directory}/log`
  const fault = (error: PlatformError.PlatformError) =>
    new StorageFault({ message: `${file} cannot be read: ${SystemReason.describe(error, file)}` })

  const reading = (log: LogParts.Reader, first: Splitter, hasLost: Effect.Effect<boolean>) => {
    let splitter = first
    /** Ends what was read so far where bytes are missed, and says so. */
    const afterGap = (missed: LogParts.Missed | null): ReadonlyArray<LogElement> => {
      if (missed === null) return []
      const unended = splitter.rest("last")
      splitter = makeSplitter(missed.to, null)
      return [...unended, lost(missed.to, LogParts.describe(missed))]
    }
    /** What has no end yet, and whether all that was written is there. */
    const ending = (piece: "partial" | "last") =>
      Effect.map(hasLost, (hasLost) => {
        const unended = splitter.rest(piece)
        return hasLost ? [...unended, lost(splitter.offset(), lostOutput)] : unended
      })
    /** `waits` counts the pauses since a line began that has no end yet. */
    const step = (
      { isLast, waits }: { readonly isLast: boolean; readonly waits: number }
    ): Effect.Effect<readonly [ReadonlyArray<LogElement>, Option.Option<typeof start>], AtlasErrorReason> =>
      Effect.gen(function*() {
        const bytes = yield* Effect.mapError(log.readAlloc(readSize), fault)
        if (Option.isSome(bytes)) {
          const found = [...afterGap(log.missed()), ...splitter.push(bytes.value)]
          return [found, Option.some({ isLast, waits: found.length > 0 ? 0 : waits })]
        }
        if (isLast) return [yield* ending("last"), Option.none()]
        // asked before the last read, so that nothing written before the end is missed
        const isOver = yield* options.isOver
        if (isOver) return [[], Option.some({ isLast: true, waits })]
        if (!options.follow) return [yield* ending("partial"), Option.none()]
        const found = waits >= patience ? splitter.rest("partial") : waits > 0 ? splitter.returned() : []
        if (found.length === 0) yield* Effect.sleep(pause)
        return [found, Option.some({ isLast, waits: found.length === 0 && splitter.isHolding() ? waits + 1 : 0 })]
      })
    const start = { isLast: false, waits: 0 }
    return Stream.paginate(start, step)
  }

  const opened = (offset: number) =>
    Effect.gen(function*() {
      // the byte before tells whether a line begins here
      const before = yield* Effect.scoped(Effect.gen(function*() {
        if (offset === 0) return null
        const log = yield* LogParts.open(fs, directory, offset - 1)
        const byte = yield* log.readAlloc(1)
        return log.missed() === null ? Option.getOrUndefined(byte)?.[0] ?? null : null
      }))
      const log = yield* LogParts.open(fs, directory, offset)
      return reading(log, makeSplitter(offset, before), yield* LogParts.watchLoss(fs, directory))
    }).pipe(Effect.mapError(fault))

  return Stream.unwrap(Effect.flatMap(Effect.andThen(options.exists, parseCursor(options.after)), opened))
}
