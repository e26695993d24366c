/**
 * A compute's log, line by line, resumable at any line: the cursor is the number of bytes up to its end.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Stream from "effect/Stream"
import { type AtlasErrorReason, StorageFault, Validation } from "../../../domain/AtlasError.ts"
import type { LogElement } from "../../../domain/LogElement.ts"
import { make as makeSplitter, type Splitter } from "./logLines.ts"

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

/**
 * Lines of the file after a cursor; with `follow` until `isOver` says that nothing more can come, then to the very end.
 *
 * A line without an end comes as a piece: after a short pause while it is followed, else with the end of the reading. The file
 * is kept open, so a reading that has begun goes on to the end of a log that is taken away meanwhile.
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
    new StorageFault({ message: `${file} cannot be read: ${error.reason._tag}` })

  const reading = (handle: FileSystem.File, splitter: Splitter) => {
    /** `waits` counts the pauses since a line began that has no end yet. */
    const step = (
      { isLast, waits }: { readonly isLast: boolean; readonly waits: number }
    ): Effect.Effect<readonly [ReadonlyArray<LogElement>, Option.Option<typeof start>], AtlasErrorReason> =>
      Effect.gen(function*() {
        const bytes = yield* Effect.mapError(handle.readAlloc(readSize), fault)
        if (Option.isSome(bytes)) {
          const found = splitter.push(bytes.value)
          return [found, Option.some({ isLast, waits: found.length > 0 ? 0 : waits })]
        }
        if (isLast) return [splitter.rest("last"), Option.none()]
        // asked before the last read, so that nothing written before the end is missed
        const isOver = yield* options.isOver
        if (isOver) return [[], Option.some({ isLast: true, waits })]
        if (!options.follow) return [splitter.rest("partial"), Option.none()]
        const found = waits >= patience ? splitter.rest("partial") : waits > 0 ? splitter.returned() : []
        if (found.length === 0) yield* Effect.sleep(pause)
        return [found, Option.some({ isLast, waits: found.length === 0 && splitter.isHolding() ? waits + 1 : 0 })]
      })
    const start = { isLast: false, waits: 0 }
    return Stream.paginate(start, step)
  }

  const opened = (offset: number) =>
    Effect.gen(function*() {
      const handle = yield* fs.open(file, { flag: "r" })
      // the byte before tells whether a line begins here
      const from = Math.max(0, offset - 1)
      yield* handle.seek(BigInt(from), "start")
      const before = offset === 0 ? Option.none() : yield* handle.readAlloc(1)
      return reading(handle, makeSplitter(offset, Option.getOrUndefined(before)?.[0] ?? null))
    }).pipe(
      // taken away with its compute between the look and the reading
      Effect.catchReason("PlatformError", "NotFound", () => Effect.succeed(Stream.empty)),
      Effect.mapError(fault)
    )

  return Stream.unwrap(Effect.flatMap(Effect.andThen(options.exists, parseCursor(options.after)), opened))
}
