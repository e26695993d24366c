/**
 * Suspended time by the clocks of the kernel.
 */

/** One reading of the kernel in milliseconds: all time since the start, and the part of it that was not suspended. */
export interface Uptime {
  readonly all: number
  readonly awake: number
}

/** Two clocks of a kernel are not read at one moment; a difference up to this, in milliseconds, is no suspend. */
const noise = 1_000
/** How often the kernel is asked, in milliseconds: a busy engine reads the time thousands of times a second. */
const askEvery = 200

/** Reads Linux, which counts suspended time in `/proc/uptime` and not in the clock of `hrtime`; null on other systems. */
export const uptimeOfLinux = (): (() => Uptime | null) | null => {
  // a bundle for a browser has no such modules, and needs none
  if (typeof process === "undefined" || process.platform !== "linux") return null
  const fs = process.getBuiltinModule("node:fs")
  return () => {
    try {
      const seconds = Number(/^\d+(?:\.\d+)?/.exec(fs.readFileSync("/proc/uptime", "latin1"))?.[0])
      // read second: what passes between the two readings must not look like a suspend
      const awake = Number(process.hrtime.bigint() / 1_000_000n)
      return Number.isFinite(seconds) ? { all: seconds * 1_000, awake } : null
    } catch {
      // no /proc here
      return null
    }
  }
}

/** Suspended milliseconds by these readings: known from the first on or never, and never less than before. */
export const makeReader = (
  uptime: (() => Uptime | null) | null,
  millis: () => number = () => performance.now()
): () => number | null => {
  let asleep: number | null = null
  let askedAt: number | null = null
  return () => {
    const now = millis()
    if (uptime === null || (askedAt !== null && (asleep === null || now - askedAt < askEvery))) return asleep
    askedAt = now
    const read = uptime()
    const seen = read === null ? asleep : Math.round(read.all - read.awake)
    if (asleep === null || (seen !== null && seen - asleep > noise)) asleep = seen
    return asleep
  }
}
