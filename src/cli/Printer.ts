/**
 * What a command prints while it stays with a machine: in order, and by a fiber of its own, so that neither a limit nor an end
 * waits for its reader.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import type { LogElement } from "../domain/LogElement.ts"
import * as ComputeView from "./ComputeView.ts"
import * as LogText from "./LogText.ts"
import { GivenUp, Shell } from "./Shell.ts"

/** So many characters may wait to be written; a log is read further when there is room. */
const mostWaiting = 1024 * 1024
/** What is written at once, so that a slow reader is seen to make progress. */
const pieceSize = 16 * 1024

/** Why output was not written whose reader was given up; the shell itself tells how much that was. */
export const givenUp = "its reader was given up"

/** How long the end may wait for a reader; null is for ever. */
export interface Patience {
  /** Without anything being taken. */
  readonly quiet: Duration.Duration | null
  /** At all. */
  readonly total: Duration.Duration | null
}

/** A command's own output. */
export interface Printer {
  /** Takes lines of a log; never waits. */
  readonly log: (lines: ReadonlyArray<LogElement>) => void
  /** Takes a record, which is printed in JSON only; never waits. */
  readonly record: (value: { readonly type: string; readonly [field: string]: unknown }) => void
  /** Waits while much is waiting to be written. */
  readonly room: Effect.Effect<void>
  /**
   * Waits until `source` has given all it has, and all of that is written: null. Or why not, when patience came to an end before;
   * then nothing is written any more.
   */
  readonly drained: (source: Effect.Effect<void>, patience: Patience) => Effect.Effect<string | null>
  /** How many lines of logs were printed. */
  readonly count: () => number
  /** How many were taken, printed or not. */
  readonly taken: () => number
}

type Item = LogElement | string

/** How many of these are lines with an end. */
export const countOf = (items: ReadonlyArray<Item>): number =>
  items.filter((item) => typeof item !== "string" && !item.partial).length

const sizeOf = (item: Item): number => typeof item === "string" ? item.length : item.text.length + 1

/** Pieces of a text, none of which ends within a character. */
const piecesOf = (text: string): ReadonlyArray<string> => {
  const pieces: Array<string> = []
  for (let from = 0; from < text.length;) {
    let end = Math.min(text.length, from + pieceSize)
    if (end < text.length && /[\ud800-\udbff]/.test(text.charAt(end - 1))) end += 1
    pieces.push(text.slice(from, end))
    from = end
  }
  return pieces
}

/** A printer, whose fiber belongs to the scope. */
export const make = Effect.gen(function*() {
  const { invocation: { json }, out, outIsTerminal, write } = yield* Shell
  const readerGivenUp = yield* GivenUp
  const text = LogText.make({ isTerminal: outIsTerminal })
  let waiting: Array<Item> = []
  let size = 0
  let count = 0
  let taken = 0
  /** How often something was written. */
  let writes = 0
  let isComplete = false
  const arrived = Latch.makeUnsafe()
  const hasRoom = Latch.makeUnsafe(true)

  const put = (items: ReadonlyArray<Item>): void => {
    taken += countOf(items)
    for (const item of items) {
      waiting.push(item)
      size += sizeOf(item)
    }
    if (size > mostWaiting) hasRoom.closeUnsafe()
    // the printing fiber may run within this, so all that has arrived is there before
    arrived.openUnsafe()
  }

  const show = (items: ReadonlyArray<Item>): Effect.Effect<void> => {
    if (json) {
      const lines = items.map((item) => typeof item === "string" ? item : JSON.stringify(ComputeView.logToJson(item)))
      return Effect.tap(out(lines.join("\n")), () =>
        Effect.sync(() => {
          writes += 1
          count += countOf(items)
        }))
    }
    const shown = text.of(items.filter((item) => typeof item !== "string"))
    return Effect.forEach(piecesOf(shown), (piece) =>
      Effect.tap(write(piece), () =>
        Effect.sync(() => {
          writes += 1
          count += piece.split("\n").length - 1
        })), { discard: true })
  }

  const printing = Effect.gen(function*() {
    while (true) {
      const all = waiting
      waiting = []
      for (let from = 0; from < all.length;) {
        let shown = 0
        let end = from
        while (end < all.length && (end === from || shown < pieceSize)) shown += sizeOf(all[end++] ?? "")
        yield* show(all.slice(from, end))
        from = end
        size -= shown
        if (size <= mostWaiting) hasRoom.openUnsafe()
      }
      if (waiting.length > 0) continue
      if (isComplete) break
      arrived.closeUnsafe()
      yield* arrived.await
    }
    const end = text.close()
    if (end !== "") yield* write(end)
  })
  const fiber = yield* Effect.forkScoped(printing)

  /** Waits until nothing was written for so long. */
  const stuck = (quiet: Duration.Duration) =>
    Effect.gen(function*() {
      while (true) {
        const before = writes
        yield* Effect.sleep(quiet)
        // where nothing waits to be written, it is not the reader who is slow
        if (writes === before && size > 0) return
      }
    })

  const drained: Printer["drained"] = (source, { quiet, total }) => {
    const all = source.pipe(
      Effect.andThen(Effect.sync(() => {
        isComplete = true
        arrived.openUnsafe()
      })),
      Effect.andThen(Fiber.await(fiber)),
      Effect.as(null)
    )
    const why = () => size > 0 ? "its reader took no more" : "there was no time for the rest"
    const limits = [
      // what is written then is dropped, so there is no use in reading more of it
      Effect.as(readerGivenUp, givenUp),
      ...(quiet === null ? [] : [Effect.map(stuck(quiet), why)]),
      ...(total === null ? [] : [Effect.map(Effect.sleep(total), why)])
    ]
    return Effect.tap(
      Effect.raceAllFirst([all, ...limits]),
      (why) => why === null ? Effect.void : Fiber.interrupt(fiber)
    )
  }

  const printer: Printer = {
    log: put,
    record: (value) => json ? put([JSON.stringify(value)]) : undefined,
    room: hasRoom.await,
    drained,
    count: () => count,
    taken: () => taken
  }
  return printer
})
