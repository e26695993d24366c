/** Moments of log lines in nanoseconds, which no JavaScript number can hold: all nine digits of RFC 3339 count. */

/** Whole seconds since 1970 and the nanoseconds within them: two numbers that are exact where one would not be. */
export interface Moment {
  readonly seconds: number
  readonly nanos: number
}

const shape = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,30}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/

/** An RFC 3339 time, offset included; null for what is none. Digits beyond the ninth are cut. */
export const parse = (text: string): Moment | null => {
  const found = shape.exec(text)
  if (found === null) return null
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map((part) => Number(found[part]))
  if (
    year === undefined || month === undefined || day === undefined || hour === undefined || minute === undefined
    || second === undefined || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 60
  ) return null
  const midnight = new Date(0)
  // not Date.UTC: it takes the years 0 to 99 for those of the last century
  midnight.setUTCFullYear(year, month - 1, day)
  if (midnight.getUTCDate() !== day) return null
  const offset = Number(found[9] ?? 0) * 60 + Number(found[10] ?? 0)
  if (offset >= 24 * 60) return null
  const minutes = hour * 60 + minute + (found[8] === "-" ? offset : -offset)
  return {
    seconds: midnight.getTime() / 1000 + minutes * 60 + second,
    nanos: Number((found[7] ?? "").slice(0, 9).padEnd(9, "0"))
  }
}

export const isAfter = (one: Moment, other: Moment): boolean =>
  one.seconds > other.seconds || (one.seconds === other.seconds && one.nanos > other.nanos)

export const toNanos = ({ nanos, seconds }: Moment): bigint => BigInt(seconds) * 1_000_000_000n + BigInt(nanos)

interface Timed {
  readonly timestamp: string | null
}

/** The greatest time among log lines, and how many lines have none that can be read. */
export interface Latest {
  readonly moment: Moment | null
  readonly unreadable: number
}

const byParsing = (entries: ReadonlyArray<Timed>): Latest => {
  let moment: Moment | null = null
  let unreadable = 0
  for (const { timestamp } of entries) {
    const one = timestamp === null ? null : parse(timestamp)
    // before 1970 there was no Fly
    if (one === null || one.seconds < 0) unreadable += 1
    else if (moment === null || isAfter(one, moment)) moment = one
  }
  return { moment, unreadable }
}

/** As the hosts write them: of the same length and zone, so that the greatest text is the greatest time. */
const usual = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/

export const latest = (entries: ReadonlyArray<Timed>): Latest => {
  const others: Array<Timed> = []
  let newest = ""
  for (const entry of entries) {
    const { timestamp } = entry
    if (timestamp === null || !usual.test(timestamp)) others.push(entry)
    else if (timestamp > newest) newest = timestamp
  }
  if (newest === "") return byParsing(others)
  // one is parsed instead of all; if it is no day of any calendar, all are
  return parse(newest) === null ? byParsing(entries) : byParsing([...others, { timestamp: newest }])
}
