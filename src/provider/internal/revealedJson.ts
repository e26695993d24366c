/** JSON in which every redacted text is written out, as it is sent. */
import * as Redacted from "effect/Redacted"

/** Stands for a value that writes itself as JSON, or is no plain data. */
const odd = Symbol()

const isPlain = (value: object): boolean =>
  Object.getPrototypeOf(value) === Object.prototype && typeof Reflect.get(value, "toJSON") !== "function"

/** Plain data with its redacted texts revealed, the very value where it has none; or `odd`. */
const revealed = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value
  if (Redacted.isRedacted(value)) return revealed(Redacted.value(value))
  if (Array.isArray(value)) {
    const shown = value.map(revealed)
    return shown.includes(odd) ? odd : shown
  }
  if (!isPlain(value)) return odd
  let copy: Record<string, unknown> | null = null
  for (const key of Object.keys(value)) {
    const part: unknown = Reflect.get(value, key)
    const shown = revealed(part)
    // assigned as a field, this one name would set the object's prototype
    if (shown === odd || key === "__proto__") return odd
    if (shown === part) continue
    copy ??= { ...value }
    copy[key] = shown
  }
  return copy ?? value
}

/** The JSON of a value; undefined for what JSON cannot hold. Throws as `JSON.stringify` does. */
export const revealedJson = (value: unknown): string | undefined => {
  const shown = revealed(value)
  // a function that is asked about each value costs several times as much
  if (shown !== odd) return JSON.stringify(shown)
  return JSON.stringify(value, function(this: unknown, key, shown: unknown) {
    // a redacted value turns itself into "<redacted>" before it gets here, so look at its holder
    const held: unknown = typeof this === "object" && this !== null ? Reflect.get(this, key) : shown
    return Redacted.isRedacted(held) ? Redacted.value(held) : shown
  })
}
