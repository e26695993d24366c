/**
 * What a process writes, as text: whole lines out of chunks, the end of it under a limit, both without terminal codes.
 */
import { stripVTControlCharacters } from "node:util"

// colours are stripped before; a bell or a backspace says nothing to a reader, and may not move anybody's cursor
// oxlint-disable-next-line no-control-regex
const unprintable = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/
const everyUnprintable = new RegExp(unprintable, "g")

/** Text without escape sequences and other control characters; tabs and line feeds stay. */
export const plain = (text: string): string =>
  // most text has none, and one look for any is many times cheaper than taking them out
  unprintable.test(text) ? stripVTControlCharacters(text).replace(everyUnprintable, "") : text

/** A longer line comes in pieces, so that memory stays bounded whatever is written. */
const longestLine = 10 * 1024 * 1024

const redraw = "\r"

/** Where the last character stands that is no carriage return, and one more. */
const drawnEnd = (text: string): number => {
  let end = text.length
  while (end > 0 && text[end - 1] === redraw) end--
  return end
}

/** What a terminal would show of a line that was redrawn with carriage returns: the last thing drawn. */
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

/** Lines end in `\n` or `\r\n`; of what is redrawn after a lone `\r`, only the last stays. */
export const makeLines = (): Lines => {
  const decoder = new TextDecoder()
  /** What is no whole line yet; grows by pieces, so it is looked at only when it is whole. */
  let rest = ""
  let isDrawn = false

  /** An endless progress bar is one line that is drawn over and over: what is drawn over goes at once. */
  const keep = (piece: string): void => {
    const end = drawnEnd(piece)
    const over = end === 0 ? -1 : piece.lastIndexOf(redraw, end - 1)
    if (end > 0) {
      const drawn = over >= 0 ? piece.slice(over + 1) : piece
      rest = over >= 0 || isDrawn ? drawn : rest + drawn
      isDrawn = end < piece.length
    } else if (piece !== "" && !isDrawn) {
      rest += redraw
      isDrawn = true
    }
  }

  const take = (text: string): ReadonlyArray<string> => {
    const lines: Array<string> = []
    let from = 0
    for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", from)) {
      lines.push(lastDrawn(rest + text.slice(from, at)))
      rest = ""
      isDrawn = false
      from = at + 1
    }
    keep(text.slice(from))
    if (rest.length >= longestLine) {
      lines.push(lastDrawn(rest))
      rest = ""
      isDrawn = false
    }
    return lines
  }

  return {
    push: (chunk) => take(decoder.decode(chunk, { stream: true })),
    end: () => {
      const lines = take(decoder.decode())
      const last = lastDrawn(rest)
      rest = ""
      return last === "" ? lines : [...lines, last]
    }
  }
}

/** Keeps the end of what is pushed. */
export interface Tail {
  readonly push: (chunk: Uint8Array) => void
  /** All of it, or as much as is kept under a line that says how much is missing. */
  readonly text: () => string
}

const firstSize = 16 * 1024

const isContinuation = (byte: number | undefined): boolean => ((byte ?? 0) & 0xc0) === 0x80

/** A ring of at most `limit` bytes, which grows to that only if it must. */
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
