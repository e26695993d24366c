/**
 * Where the last lines of a log begin, found from its end, so that a log of any size takes no more reading than they do.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import { StorageFault } from "../../../domain/AtlasError.ts"
import * as SystemReason from "../../../storage/SystemReason.ts"
import * as LogParts from "./logParts.ts"

const readSize = 64 * 1024
const newline = 10
const carriageReturn = 13

/** These bytes of a log; fewer where some were removed meanwhile. */
const bytesOf = (fs: FileSystem.FileSystem, directory: string, from: number, to: number) =>
  Effect.scoped(Effect.gen(function*() {
    const log = yield* LogParts.open(fs, directory, from)
    const bytes = new Uint8Array(to - from)
    let filled = 0
    while (filled < bytes.length) {
      const read = Option.getOrNull(yield* log.readAlloc(bytes.length - filled))
      if (read === null || log.missed() !== null) break
      bytes.set(read, filled)
      filled += read.length
    }
    return bytes.subarray(0, filled)
  }))

/**
 * The number of bytes before the last `lines` whole lines of a log, and what follows them without an end; its beginning where it has
 * no more, 0 where it is not there.
 */
export const beginOfLast = (
  fs: FileSystem.FileSystem,
  directory: string,
  lines: number
): Effect.Effect<number, StorageFault> =>
  Effect.gen(function*() {
    const extent = yield* LogParts.extent(fs, directory)
    if (extent === null) return 0
    // those that end these lines, and the one before them
    let left = lines + 1
    let end = extent.end
    // a return right before a newline is part of its end
    let next: number | null = null
    while (end > extent.start) {
      const start = Math.max(extent.start, end - readSize)
      const read = yield* bytesOf(fs, directory, start, end)
      // its beginning was removed meanwhile: nothing that is left is left out
      if (read.length < end - start) return end
      for (let at = read.length - 1; at >= 0; at--) {
        const byte = read[at] ?? 0
        const isEnd = byte === newline || (byte === carriageReturn && next !== newline)
        next = byte
        if (!isEnd) continue
        left -= 1
        if (left === 0) return start + at + 1
      }
      end = start
    }
    return extent.start
  }).pipe(
    Effect.mapError((error) =>
      new StorageFault({
        message: `${directory}/log cannot be read: ${SystemReason.describe(error, `${directory}/log`)}`
      })
    )
  )
