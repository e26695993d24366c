/**
 * Cuts a body of JSON into its items while it comes: the lines of NDJSON, or the elements of one array of a document. What is
 * held is one item, and of one that is too long the long texts are cut and marked, so that it still reads as JSON.
 */

/** What stands at the end of a text that was cut, so that no reader takes it for the whole. */
export const cutMark = (lost: number): string => ` [... ${lost} more characters cut ...]`

/** A text that is needed to make sense of an item keeps this much, however long the texts before it were. */
const leastText = 4096

/** Gathers one value of JSON under a limit. */
interface Sink {
  /** Text outside of strings. */
  readonly plain: (text: string) => void
  readonly open: () => void
  readonly within: (text: string) => void
  readonly close: () => void
  /** What was gathered; null for a value that is too large even with its texts cut. */
  readonly take: () => string | null
  /** How much has come since the last `take`. */
  readonly seen: () => number
}

const makeSink = (limit: number): Sink => {
  let parts: Array<string> = []
  let size = 0
  let seen = 0
  /** How much of the current string may still be kept, and what was left out of it. */
  let room = 0
  let lost = 0

  const keep = (text: string): void => {
    size += text.length
    if (size <= 2 * limit) parts.push(text)
    else parts = []
  }

  return {
    plain: (text) => {
      seen += text.length
      keep(text)
    },
    open: () => {
      room = Math.max(leastText, limit - size)
      lost = 0
      keep("\"")
    },
    within: (text) => {
      seen += text.length
      if (lost === 0 && text.length <= room) {
        room -= text.length
        return keep(text)
      }
      // an escape is never divided; of other text the beginning stays, without half a character at its end
      const whole = text.startsWith("\\") || lost > 0 ? "" : text.slice(0, room).replace(/[\ud800-\udbff]$/, "")
      lost += text.length - whole.length
      keep(whole)
    },
    close: () => {
      keep(lost === 0 ? "\"" : `${cutMark(lost)}"`)
    },
    take: () => {
      const text = size <= 2 * limit ? parts.join("") : null
      parts = []
      size = 0
      seen = 0
      return text
    },
    seen: () => seen
  }
}

/** What follows a backslash: one character, or `u` and four. */
const escapeLength = (first: string): number => first === "u" ? 6 : 2

/** Tells strings from what is between them, across the borders of chunks. */
const makeScanner = (on: {
  /** A piece without quotes, and the mark that ended it: one of `ends`, or none at the end of a chunk. */
  readonly between: (text: string, mark: string) => void
  readonly open: () => void
  /** A piece of a string, or one whole escape. */
  readonly within: (text: string) => void
  readonly close: () => void
  /** A line end ends a string too: the line was broken, and the next one must not suffer from it. */
  readonly isByLine: boolean
}) => {
  const marks = /["{}[\],:\n]/g
  const inText = /["\\\n]/g
  let isString = false
  let escape = ""

  return (chunk: string): void => {
    let at = 0
    while (at < chunk.length) {
      if (escape !== "") {
        const next = chunk[at] ?? ""
        if (next === "\n" && on.isByLine) {
          escape = ""
        } else {
          escape += next
          at += 1
          if (escape.length >= escapeLength(escape[1] ?? "")) {
            on.within(escape)
            escape = ""
          }
        }
        continue
      }
      const search = isString ? inText : marks
      search.lastIndex = at
      const found = search.exec(chunk)
      const end = found?.index ?? chunk.length
      const mark = found?.[0] ?? ""
      const text = chunk.slice(at, end)
      at = end + mark.length
      if (!isString) {
        if (mark === "\"") {
          on.between(text, "")
          isString = true
          on.open()
        } else on.between(text, mark)
      } else {
        if (text !== "") on.within(text)
        if (mark === "\"") {
          isString = false
          on.close()
        } else if (mark === "\\") escape = mark
        else if (mark === "\n" && on.isByLine) {
          isString = false
          on.between("", mark)
        } else if (mark === "\n") on.within(mark)
      }
    }
  }
}

/** Takes an item as JSON text, or how long it was where it is too large to be kept. */
export type OnItem = (text: string | null, length: number) => void

/** Takes the chunks of a body. */
export interface Items {
  readonly push: (chunk: string) => void
  /** The text around the items when the body has ended; null where that is too large. */
  readonly end: () => string | null
}

/** The lines of NDJSON; the text around them is a last line that has no line end. Blank lines are no items. */
export const byLine = (limit: number, onItem: OnItem): Items => {
  const sink = makeSink(limit)
  const scan = makeScanner({
    between: (text, mark) => {
      sink.plain(mark === "\n" ? text : text + mark)
      if (mark !== "\n") return
      const length = sink.seen()
      const line = sink.take()
      if (line === null || line.trim() !== "") onItem(line, length)
    },
    open: sink.open,
    within: sink.within,
    close: sink.close,
    isByLine: true
  })
  /** The beginning of a line; one that is too long is in the sink from there on. */
  let held = ""
  let isLong = false

  const add = (piece: string): void => {
    held = held === "" ? piece : held + piece
    if (!isLong && held.length <= limit) return
    isLong = true
    scan(held)
    held = ""
  }

  return {
    push: (chunk) => {
      let at = 0
      for (let end = chunk.indexOf("\n"); end !== -1; end = chunk.indexOf("\n", at)) {
        add(chunk.slice(at, end))
        at = end + 1
        if (isLong) scan("\n")
        else if (held.trim() !== "") onItem(held, held.length)
        held = ""
        isLong = false
      }
      if (at < chunk.length) add(chunk.slice(at))
    },
    end: () => isLong ? sink.take() : held
  }
}

/** The elements of the array under a key of the outermost object; the text around them is the document with that array empty. */
export const inArray = (key: string, limit: number, onItem: OnItem): Items => {
  const around = makeSink(limit)
  const item = makeSink(limit)
  let depth = 0
  let isInside = false
  /** The last string of the outermost object, and the key that the next value belongs to. */
  let name = ""
  let current = ""
  const sink = () => isInside ? item : around

  const endItem = (): void => {
    const length = item.seen()
    const text = item.take()
    if (text === null || text.trim() !== "") onItem(text, length)
  }

  const between = (text: string, mark: string): void => {
    if (isInside && depth === 2 && (mark === "," || mark === "]")) {
      item.plain(text)
      endItem()
      if (mark === "]") {
        isInside = false
        depth = 1
        around.plain(mark)
      }
      return
    }
    sink().plain(text + mark)
    if (mark === "{" || mark === "[") {
      depth += 1
      isInside ||= mark === "[" && depth === 2 && current === key
    } else if (mark === "}" || mark === "]") depth -= 1
    else if (mark === ":" && depth === 1) current = name
    else if (mark === "," && depth === 1) current = ""
  }

  const push = makeScanner({
    between,
    open: () => {
      name = ""
      sink().open()
    },
    within: (text) => {
      if (depth === 1 && name.length < 64) name += text
      sink().within(text)
    },
    close: () => sink().close(),
    isByLine: false
  })
  return { push, end: around.take }
}
