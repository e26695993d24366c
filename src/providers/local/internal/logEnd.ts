/**
 * Where the last lines of a log begin, found from its end, so that a log of any size takes no more reading than they do.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import { StorageFault } from "../../../domain/AtlasError.ts"

const readSize = 64 * 1024
const newline = 10

/**
 * The number of bytes before the last `lines` whole lines of a file, and what follows them without an end; 0 where it has no more,
 * or is not there.
 */
export const beginOfLast = (
  fs: FileSystem.FileSystem,
  file: string,
  lines: number
): Effect.Effect<number, StorageFault> =>
  Effect.scoped(Effect.gen(function*() {
    const handle = yield* fs.open(file, { flag: "r" })
    // those that end these lines, and the one before them
    let left = lines + 1
    let end = Number((yield* handle.stat).size)
    while (end > 0) {
      const start = Math.max(0, end - readSize)
      yield* handle.seek(BigInt(start), "start")
      const read = Option.getOrElse(yield* handle.readAlloc(end - start), () => new Uint8Array())
      // it was cut short meanwhile: nothing is left out
      if (read.length < end - start) return 0
      for (let at = read.length - 1; at >= 0; at--) {
        if (read[at] !== newline) continue
        left -= 1
        if (left === 0) return start + at + 1
      }
      end = start
    }
    return 0
  })).pipe(
    Effect.catchReason("PlatformError", "NotFound", () => Effect.succeed(0)),
    Effect.mapError((error) => new StorageFault({ message: `${file} cannot be read: ${error.reason._tag}` }))
  )
