/** Server-sent events within bytes that come in any pieces. Effect's own parser is made for more, and weighs as much. */

/** An event; `id` is that of the last event that had one. */
export interface Event {
  readonly id: string | null
  readonly data: string
}

/** Reads piece after piece; false once an event is larger than `longest` characters. */
export const reader = (longest: number, onEvent: (event: Event) => void): (piece: Uint8Array) => boolean => {
  const decoder = new TextDecoder()
  let id: string | null = null
  let data = ""
  let pending = ""
  let isAfterReturn = false

  return (piece) => {
    const text = decoder.decode(piece, { stream: true })
    if (text === "") return true
    // the second half of a line's end that was cut in two
    const lines = (isAfterReturn && text.startsWith("\n") ? text.slice(1) : text).split(/\r\n|\r|\n/)
    isAfterReturn = text.endsWith("\r")
    lines[0] = pending + lines[0]
    pending = lines.pop() ?? ""

    for (const line of lines) {
      if (line === "") {
        if (data !== "") onEvent({ id, data: data.slice(0, -1) })
        data = ""
        continue
      }
      const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
      if (field === "data") data += `${value}\n`
      if (field === "id" && !value.includes("\0")) id = value
    }
    return pending.length + data.length <= longest
  }
}
