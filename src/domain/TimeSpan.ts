/**
 * Lengths of time as people read them.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"

/** What a reader does not want to know of a time this long, in milliseconds: the parts of a second, and from an hour on the seconds. */
const grain = (millis: number): number =>
  millis >= 86_400_000 ? 3_600_000 : millis >= 3_600_000 ? 60_000 : millis >= 10_000 ? 1000 : millis >= 1000 ? 100 : 1

const units = [["d", 86_400_000], ["h", 3_600_000], ["m", 60_000], ["s", 1000], ["ms", 1]] as const

/**
 * A length of time, rounded to what is worth reading: `250ms`, `2s 500ms`, `30s`, `1m 48s`, `2h 5m`.
 *
 * **Example** (In a message)
 *
 * ```ts
 * import * as TimeSpan from "effect-atlas/domain/TimeSpan"
 *
 * TimeSpan.format("29998 millis") // "30s"
 * ```
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = (input: Duration.Input): string => {
  const millis = Duration.toMillis(input)
  if (!Number.isFinite(millis)) return String(millis)
  const unit = grain(Math.abs(millis))
  let rest = Math.round(Math.abs(millis) / unit) * unit
  const parts: Array<string> = []
  for (const [name, size] of units) {
    const count = Math.floor(rest / size)
    rest -= count * size
    if (count > 0) parts.push(`${count}${name}`)
  }
  return parts.length === 0 ? "0" : `${millis < 0 ? "-" : ""}${parts.join(" ")}`
}
