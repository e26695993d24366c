/** About how much memory a message takes. */

/** A message with more parts than this is counted as far as these: counting must not cost more than the message is worth. */
const mostParts = 100_000
/** What a value takes besides the characters in it. */
const partSize = 8

const partsOf = (value: object): Iterable<unknown> => {
  if (Array.isArray(value) || value instanceof Set) return value
  if (value instanceof Map) return [...value.keys(), ...value.values()]
  try {
    return Object.values(value)
  } catch {
    // a property that cannot be read takes nothing, and publishing never fails
    return []
  }
}

/** Texts by their characters, bytes by their number, everything else by its parts. */
export const sizeOf = (message: unknown): number => {
  let size = 0
  let parts = 0
  const open: Array<unknown> = [message]
  while (open.length > 0 && parts < mostParts) {
    const value = open.pop()
    parts += 1
    size += partSize
    if (typeof value === "string") size += value.length
    else if (ArrayBuffer.isView(value)) size += value.byteLength
    else if (typeof value === "object" && value !== null) { for (const one of partsOf(value)) open.push(one) }
  }
  return size
}
