/**
 * The lines within the bytes of a log that grows: each byte in exactly one of them, wherever a reading begins.
 */
import { LogElement } from "../../../domain/LogElement.ts"

/** A longer line comes in pieces, so memory stays bounded whatever a program writes. */
export const longestPiece = 16 * 1024 * 1024
const feed = 10
const carriageReturn = 13
/** What ends a line and is followed by nothing yet is held no longer than this. */
const longestEnd = 1024

/** How a line ended: by a line feed, with or without carriage returns before it, or by carriage returns alone. */
type End = "feed" | "return"

/** What is known of a line that has no end yet. */
type Piece = "partial" | "last"

/** Splits what is read, in order. */
export interface Splitter {
  /** The lines that are whole now. */
  readonly push: (bytes: Uint8Array) => ReadonlyArray<LogElement>
  /** Up to where the bytes are given out. */
  readonly offset: () => number
  /** Whether something was read that no line has yet. */
  readonly isHolding: () => boolean
  /** A line that ends in a carriage return, where no line feed has followed it. */
  readonly returned: () => ReadonlyArray<LogElement>
  /** What has no end yet: as a piece that goes on, or, where nothing more can come, as the last line. */
  readonly rest: (piece: Piece) => ReadonlyArray<LogElement>
}

/** Where the last character that is whole ends: bytes of the form 10xxxxxx continue one. */
const wholeEnd = (bytes: Uint8Array): number => {
  let start = bytes.length - 1
  while (start > 0 && start > bytes.length - 4 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start--
  const lead = bytes[start] ?? 0
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1
  return start + length > bytes.length ? start : bytes.length
}

/**
 * A splitter of what follows after `offset` bytes; `before` is the byte in front of them, null at the beginning of the log.
 *
 * Carriage returns in a row are one end, and a line feed behind them belongs to it. A progress bar begins with the return that
 * would end the line before: an empty line that ended so is left out.
 */
export const make = (offset: number, before: number | null): Splitter => {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
  /** Bytes given out. */
  let given = offset
  /** What follows them, in pieces as they were read, so that a long line is put together once. */
  let held: Array<Uint8Array> = []
  let size = 0
  let continues = before !== null && before !== feed && before !== carriageReturn
  /** The last line given out ended in a return, so a line feed that comes now belongs to that end. */
  let isAfterReturn = before === carriageReturn
  /** The line that ended so was left out, as an empty one. */
  let isLeftOut = false

  const element = (text: string, ended: End | Piece): LogElement =>
    new LogElement({
      cursor: String(given),
      at: null,
      stream: "output",
      text,
      ...(ended === "partial" ? { partial: true } : {}),
      ...(continues ? { continues: true } : {}),
      ...(ended === "return" ? { overwritten: true } : {})
    }, { disableChecks: true })

  const hold = (bytes: Uint8Array): void => {
    if (bytes.length === 0) return
    held.push(bytes)
    size += bytes.length
  }

  const takeHeld = (last: Uint8Array): Uint8Array => {
    if (size === 0) return last
    const all = new Uint8Array(size + last.length)
    let at = 0
    for (const piece of [...held, last]) {
      all.set(piece, at)
      at += piece.length
    }
    held = []
    size = 0
    return all
  }

  /** Gives out all that is held and these bytes, the last `ending` of which are the end of the line. */
  const take = (bytes: Uint8Array, ending: number, ended: End | Piece, into: Array<LogElement>): void => {
    const all = takeHeld(bytes)
    given += all.length
    const text = decoder.decode(all.subarray(0, all.length - ending))
    isLeftOut = ended === "return" && text === "" && !continues
    if (isLeftOut) return
    into.push(element(text, ended))
    continues = ended === "partial"
  }

  /** Gives out what is held, but for a character that is not whole yet. */
  const takePiece = (into: Array<LogElement>): void => {
    const all = takeHeld(new Uint8Array())
    const end = wholeEnd(all)
    if (end > 0) take(all.subarray(0, end), 0, "partial", into)
    hold(all.subarray(end))
  }

  /** How many returns stand at the end of what is held; a line is held with them until it is known what follows. */
  const returnsHeld = (): number => {
    let count = 0
    for (let index = held.length - 1; index >= 0; index--) {
      const piece = held[index] ?? new Uint8Array()
      for (let at = piece.length - 1; at >= 0; at--) {
        if (piece[at] !== carriageReturn) return count
        count += 1
      }
    }
    return count
  }

  const takeReturned = (returns: number, into: Array<LogElement>): void => {
    take(new Uint8Array(), returns, "return", into)
    isAfterReturn = true
  }

  /** Passes over what belongs to the return before; where the rest begins. */
  const passEnd = (bytes: Uint8Array, into: Array<LogElement>): number => {
    let at = 0
    while (bytes[at] === carriageReturn) at += 1
    given += at
    if (at === bytes.length) return at
    isAfterReturn = false
    if (bytes[at] !== feed) return at
    // what was shown as overwritten stays after all
    given += 1
    continues = !isLeftOut
    into.push(element("", "feed"))
    continues = false
    return at + 1
  }

  const push = (bytes: Uint8Array): ReadonlyArray<LogElement> => {
    const lines: Array<LogElement> = []
    let start = isAfterReturn ? passEnd(bytes, lines) : 0
    let returns = returnsHeld()
    if (returns > 0 && start < bytes.length && bytes[start] !== feed && bytes[start] !== carriageReturn) {
      take(new Uint8Array(), returns, "return", lines)
      returns = 0
    }
    let nextFeed = bytes.indexOf(feed, start)
    let nextReturn = bytes.indexOf(carriageReturn, start)
    while (start < bytes.length) {
      if (nextFeed !== -1 && nextFeed < start) nextFeed = bytes.indexOf(feed, start)
      if (nextReturn !== -1 && nextReturn < start) nextReturn = bytes.indexOf(carriageReturn, start)
      if (nextReturn !== -1 && (nextFeed === -1 || nextReturn < nextFeed)) {
        let after = nextReturn
        while (bytes[after] === carriageReturn) after += 1
        // whether a line feed follows is not known yet
        if (after === bytes.length) break
        const isFeed = bytes[after] === feed
        const next = isFeed ? after + 1 : after
        const ending = next - nextReturn + (nextReturn === start ? returns : 0)
        take(bytes.subarray(start, next), ending, isFeed ? "feed" : "return", lines)
        start = next
      } else if (nextFeed === -1) break
      else {
        take(bytes.subarray(start, nextFeed + 1), 1 + (nextFeed === start ? returns : 0), "feed", lines)
        start = nextFeed + 1
      }
      returns = 0
    }
    hold(bytes.subarray(start))
    if (size <= longestEnd) return lines
    const ending = returnsHeld()
    if (ending > longestEnd || (ending > 0 && size > longestPiece)) takeReturned(ending, lines)
    else if (size > longestPiece) takePiece(lines)
    return lines
  }

  const returned = (): ReadonlyArray<LogElement> => {
    const lines: Array<LogElement> = []
    const returns = returnsHeld()
    if (returns > 0) takeReturned(returns, lines)
    return lines
  }

  const rest = (piece: Piece): ReadonlyArray<LogElement> => {
    const lines = [...returned()]
    if (piece === "partial") takePiece(lines)
    else if (size > 0) take(new Uint8Array(), 0, "last", lines)
    return lines
  }

  return { push, offset: () => given, isHolding: () => size > 0, returned, rest }
}
