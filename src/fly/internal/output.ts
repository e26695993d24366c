/**
 * What a process writes, as text without terminal codes: whole lines out of chunks, the end of it under a limit, and lines
 * that wait for a slow reader.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import { plain } from "../../domain/ForeignText.ts"
import { cutMark } from "./jsonItems.ts"

/**
 * A longer line is cut, so that memory stays bounded whatever the process writes. A little less than what waits for a reader: the
 * line that is cut is shown, and not dropped with the lines around it.
 */
const longestLine = 10_000_000

const redraw = "\r"

/** The length of the text without carriage returns at its end. */
const drawnEnd = (text: string): number => {
  let end = text.length
  while (end > 0 && text[end - 1] === redraw) end--
  return end
}

/** What a terminal would show of a line that was redrawn with carriage returns: the last text drawn. */
const lastDrawn = (line: string): string => {
  if (!line.includes(redraw)) return plain(line)
  const drawn = line.slice(0, drawnEnd(line))
  return plain(drawn.slice(drawn.lastIndexOf(redraw) + 1))
}

/** Makes lines of bytes: a line or a character may begin in one chunk and end in another. */
export interface Lines {
  readonly push: (chunk: Uint8Array) => ReadonlyArray<string>
  /** The last line, if no line end follows it. */
  readonly end: () => ReadonlyArray<string>
}

/**
 * Lines end in `\n` or `\r\n`; of a line that is redrawn after a lone `\r`, only the last text stays. A line above the limit is
 * cut, and says so at its end.
 */
export const makeLines = (): Lines => {
  const decoder = new TextDecoder()
  /** The beginning of a line that has not ended yet; it grows by pieces and is searched only when it is whole. */
  let rest = ""
  let isDrawn = false

  /** How much of the line was cut. */
  let lost = 0

  /** An endless progress bar is one line that is redrawn again and again: text that is drawn over is dropped at once. */
  const keep = (piece: string): void => {
    const end = drawnEnd(piece)
    const over = end === 0 ? -1 : piece.lastIndexOf(redraw, end - 1)
    if (end > 0) {
      const drawn = over >= 0 ? piece.slice(over + 1) : piece
      const isNew = over >= 0 || isDrawn
      isDrawn = end < piece.length
      if (!isNew && lost > 0) {
        lost += drawn.length
        return
      }
      rest = isNew ? drawn : rest + drawn
      lost = 0
      if (rest.length > longestLine) {
        const kept = rest.slice(0, longestLine).replace(/[\ud800-\udbff]$/, "")
        lost += rest.length - kept.length
        rest = kept
      }
    } else if (piece !== "" && !isDrawn) {
      rest += redraw
      isDrawn = true
    }
  }

  const endLine = (): string => {
    const line = lastDrawn(rest) + (lost === 0 ? "" : cutMark(lost))
    rest = ""
    isDrawn = false
    lost = 0
    return line
  }

  const take = (text: string): ReadonlyArray<string> => {
    const lines: Array<string> = []
    let from = 0
    for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", from)) {
      keep(text.slice(from, at))
      lines.push(endLine())
      from = at + 1
    }
    keep(text.slice(from))
    return lines
  }

  return {
    push: (chunk) => take(decoder.decode(chunk, { stream: true })),
    end: () => {
      const lines = take(decoder.decode())
      const last = endLine()
      return last === "" ? lines : [...lines, last]
    }
  }
}

/** Keeps the end of the bytes that are pushed. */
export interface Tail {
  readonly push: (chunk: Uint8Array) => void
  /** All of the output, or its end below a line that says how many bytes are missing. */
  readonly text: () => string
}

const firstSize = 16 * 1024

const isContinuation = (byte: number | undefined): boolean => ((byte ?? 0) & 0xc0) === 0x80

/** A ring of at most `limit` bytes, which starts small and grows as needed. */
export const makeTail = (limit: number): Tail => {
  let ring = new Uint8Array(Math.min(firstSize, limit))
  let start = 0
  let kept = 0
  let dropped = 0

  const inOrder = (size: number): Uint8Array<ArrayBuffer> => {
    const bytes = new Uint8Array(size)
    const untilEnd = Math.min(kept, ring.length - start)
    bytes.set(ring.subarray(start, start + untilEnd))
    bytes.set(ring.subarray(0, kept - untilEnd), untilEnd)
    return bytes
  }

  return {
    push: (chunk) => {
      const wanted = kept + chunk.length
      if (wanted > ring.length && ring.length < limit) {
        ring = inOrder(Math.min(limit, Math.max(wanted, 2 * ring.length)))
        start = 0
      }
      const fitting = chunk.subarray(Math.max(0, chunk.length - limit))
      const overwritten = Math.max(0, kept + fitting.length - ring.length)
      dropped += overwritten + chunk.length - fitting.length
      start = (start + overwritten) % ring.length
      kept -= overwritten
      const at = (start + kept) % ring.length
      const untilEnd = Math.min(fitting.length, ring.length - at)
      ring.set(fitting.subarray(0, untilEnd), at)
      ring.set(fitting.subarray(untilEnd), 0)
      kept += fitting.length
    },
    text: () => {
      const bytes = inOrder(kept)
      if (dropped === 0) return new TextDecoder().decode(bytes)
      let from = 0
      while (isContinuation(bytes[from])) from++
      return `[... ${dropped + from} bytes of earlier output dropped ...]\n${
        new TextDecoder().decode(bytes.subarray(from))
      }`
    }
  }
}

/** Lines on their way to a reader who may be slow: the writer never waits, and past the limit the oldest are dropped. */
export interface Backlog {
  readonly offer: (lines: ReadonlyArray<string>) => void
  /** No more lines will come; a reader who waits gets the empty answer. */
  readonly end: () => void
  /** Waits for lines and takes all of them; empty when it has ended. A first line says how many were dropped. */
  readonly take: Effect.Effect<ReadonlyArray<string>>
}

/** A backlog of at most `limit` characters. */
export const makeBacklog = (limit: number): Backlog => {
  const waiting = Latch.makeUnsafe(false)
  let lines: Array<string> = []
  /** Lines before this one are dropped; they leave the array when it is taken, or when they are most of it. */
  let first = 0
  let size = 0
  let lost = 0
  let hasEnded = false

  return {
    offer: (more) => {
      if (more.length === 0) return
      for (const line of more) {
        lines.push(line)
        size += line.length + 1
      }
      while (size > limit) {
        size -= (lines[first]?.length ?? 0) + 1
        first += 1
        lost += 1
      }
      if (first > lines.length / 2) {
        lines = lines.slice(first)
        first = 0
      }
      waiting.openUnsafe()
    },
    end: () => {
      hasEnded = true
      waiting.openUnsafe()
    },
    take: waiting.await.pipe(Effect.map(() => {
      const taken = lines.slice(first)
      const gap = lost === 0 ? [] : [`[... ${lost} lines dropped: read too slowly ...]`]
      lines = []
      first = 0
      size = 0
      lost = 0
      if (!hasEnded) waiting.closeUnsafe()
      return [...gap, ...taken]
    }))
  }
}
