/**
 * What the two log hosts write, read leniently: a part that is missing, null or of another type reads as null, and no
 * answer makes it throw. Times are kept to the nanosecond.
 */
import * as Schema from "effect/Schema"
import * as Compiler from "effect/schema/SchemaJITCompiler"
import { LogEntry } from "../LogEntry.ts"
import { cutMark } from "./jsonItems.ts"
import * as JsonItems from "./jsonItems.ts"

type JsonObject = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const empty: JsonObject = {}

/** An object as it is; one without members where it is none. */
const objectOf = (value: unknown): JsonObject => isObject(value) ? value : empty

const textOf = (value: unknown): string | null => typeof value === "string" ? value : null

/** Lines after which the schema is worth compiling: that takes as long as the lines of a few pages. */
const manyLines = 200
let lines = 0
let isEntry = Schema.is(LogEntry)

/** Checks with the schema; one that has checked many lines is compiled, where the runtime allows it, and checks the same faster. */
const checked = (entry: LogEntry): LogEntry | null => {
  lines += 1
  if (lines === manyLines) {
    Compiler.enable(LogEntry.ast)
    isEntry = Schema.is(LogEntry)
  }
  return isEntry(entry) ? entry : null
}

/** The longest line that is kept whole; of a longer one the long texts are cut and marked. */
export const longestLine = 8 * 1024 * 1024

const nothing: LogEntry = {
  timestamp: null,
  message: null,
  level: null,
  region: null,
  instance: null,
  appName: null
}

/** Stands for a line that is too large to be kept, whatever is cut of it. */
const tooLarge = (length: number): LogEntry => ({ ...nothing, message: cutMark(length).trim() })

/** One log line; null for what is no object. */
const machinesLine = (line: unknown): LogEntry | null => {
  if (!isObject(line)) return null
  const fly = objectOf(line["fly"])
  const app = objectOf(fly["app"])
  return checked({
    timestamp: textOf(line["timestamp"]),
    message: textOf(line["message"]),
    level: textOf(objectOf(line["log"])["level"]),
    region: textOf(fly["region"]),
    instance: textOf(app["instance"]),
    appName: textOf(app["name"])
  })
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Takes a body as it comes. */
export interface Reader {
  readonly push: (chunk: string) => void
  /** Gives the lines that have come, of a body that breaks off: its end is not looked at. */
  readonly stop: () => void
  /** What the body says besides its lines, when nothing more comes. */
  readonly end: () => {
    /** The body ends where a page ends, and not within a line. */
    readonly isWhole: boolean
    /** Where the host says that the next page begins. */
    readonly nextToken: string | null
  }
}

/** Takes a line, and the id that the host gave it; null for one that is no log entry: it costs only itself. */
export type OnLine = (entry: LogEntry | null, id: string | null) => void

/** Reads NDJSON, each line on its own. */
export const readMachines = (onLine: OnLine): Reader => {
  const { end, push } = JsonItems.byLine(
    longestLine,
    (text, length) => onLine(text === null ? tooLarge(length) : machinesLine(parseJson(text)), null)
  )
  return {
    push,
    stop: () => {},
    end: () => {
      const rest = end()
      if (rest === null || rest.trim() === "") return { isWhole: rest !== null, nextToken: null }
      // a line without a line end was written to its end if it can be read
      const last = machinesLine(parseJson(rest))
      onLine(last, null)
      return { isWhole: last !== null, nextToken: null }
    }
  }
}

/** `next_token` as a bare number; within a text its quotes would be escaped, so only a key matches. */
const bareToken = /"next_token"\s*:\s*(\d+)(?=\s*[,}])/g
/** Nanoseconds since 1970 have 19 digits; a longer text is no cursor. */
const digits = /^\d{1,30}$/

/** A body of at most this many characters is parsed as a whole; a longer one, or one that is no JSON, item by item. */
const mostAtOnce = 1_048_576

/** Reads a page of the platform's JSON, line by line. */
export const readPlatform = (app: string, onLine: OnLine): Reader => {
  const onItem = (item: unknown): void => {
    if (!isObject(item)) return onLine(null, null)
    const attributes = objectOf(item["attributes"])
    const entry = checked({
      timestamp: textOf(attributes["timestamp"]),
      message: textOf(attributes["message"]),
      level: textOf(attributes["level"]),
      region: textOf(attributes["region"]),
      instance: textOf(attributes["instance"]),
      // the answer is about one app and does not repeat its name
      appName: app
    })
    onLine(entry, textOf(item["id"]))
  }
  const items = JsonItems.inArray(
    "data",
    longestLine,
    (text, length) => text === null ? onLine(tooLarge(length), null) : onItem(parseJson(text))
  )
  /** The body, as long as it may be parsed as a whole; null from then on. */
  let whole: string | null = ""

  const itemByItem = (): void => {
    if (whole !== null) items.push(whole)
    whole = null
  }

  const endOf = (body: unknown, data: unknown) => {
    const nextToken = textOf(objectOf(objectOf(body)["meta"])["next_token"])
    return { isWhole: Array.isArray(data), nextToken: nextToken !== null && digits.test(nextToken) ? nextToken : null }
  }

  // quoted before it is parsed: as a JavaScript number it would be another one
  const parse = (text: string): unknown => parseJson(text.replace(bareToken, "\"next_token\":\"$1\""))

  return {
    push: (chunk) => {
      if (whole === null) return items.push(chunk)
      whole += chunk
      if (whole.length > mostAtOnce) itemByItem()
    },
    stop: itemByItem,
    end: () => {
      if (whole !== null && whole.length > 0) {
        const body = parse(whole)
        const data = objectOf(body)["data"]
        if (Array.isArray(data)) {
          for (const item of data) onItem(item)
          return endOf(body, data)
        }
      }
      itemByItem()
      const body = parse(items.end() ?? "")
      return endOf(body, objectOf(body)["data"])
    }
  }
}

/**
 * Whole seconds since 1970 and the nanoseconds within them: two numbers that are exact where one would not be, since no
 * JavaScript number holds all nine digits of the hosts' times.
 */
export interface Moment {
  readonly seconds: number
  readonly nanos: number
}

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,30}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/

/** The day that was asked for last, and its answer: lines that come together are mostly of one day. */
let lastDay: { readonly year: number; readonly month: number; readonly day: number; readonly midnight: number | null } =
  {
    year: 1970,
    month: 1,
    day: 1,
    midnight: 0
  }

/** Seconds since 1970 at the beginning of a day; null when the calendar has no such day. */
const midnightOf = (year: number, month: number, day: number): number | null => {
  if (lastDay.year === year && lastDay.month === month && lastDay.day === day) return lastDay.midnight
  const date = new Date(0)
  // not Date.UTC: it takes the years 0 to 99 for those of the last century
  date.setUTCFullYear(year, month - 1, day)
  const midnight = date.getUTCDate() === day ? date.getTime() / 1000 : null
  lastDay = { year, month, day, midnight }
  return midnight
}

/** An RFC 3339 time, offset included; null for any other text. Digits beyond the ninth are cut. */
export const parseTime = (text: string): Moment | null => {
  const found = rfc3339.exec(text)
  if (found === null) return null
  const [year, month, day] = [Number(found[1]), Number(found[2]), Number(found[3])]
  const [hour, minute, second] = [Number(found[4]), Number(found[5]), Number(found[6])]
  if (
    month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 60
  ) return null
  const midnight = midnightOf(year, month, day)
  if (midnight === null) return null
  const offset = Number(found[9] ?? 0) * 60 + Number(found[10] ?? 0)
  if (offset >= 24 * 60) return null
  const minutes = hour * 60 + minute + (found[8] === "-" ? offset : -offset)
  return {
    seconds: midnight + minutes * 60 + second,
    nanos: Number((found[7] ?? "").slice(0, 9).padEnd(9, "0"))
  }
}

const isAfter = (one: Moment, other: Moment): boolean =>
  one.seconds > other.seconds || (one.seconds === other.seconds && one.nanos > other.nanos)

export const toNanos = ({ nanos, seconds }: Moment): bigint => BigInt(seconds) * 1_000_000_000n + BigInt(nanos)

interface Timed {
  readonly timestamp: string | null
}

/** The minute of the time that was read last, as the hosts write it, and its beginning: lines that come together share it. */
let lastMinute = { text: "1970-01-01T00:00:", start: 0n }

/** The nanoseconds within a minute of a time as the hosts write it, `2026-11-01T08:30:12.123456789Z`; null for another text. */
const withinMinute = (text: string): number | null => {
  if (text.length !== 30 || text.charCodeAt(17) > 53 || text[19] !== "." || text[29] !== "Z") return null
  let nanos = 0
  for (let at = 17; at < 29; at++) {
    if (at === 19) continue
    const digit = text.charCodeAt(at) - 48
    if (digit < 0 || digit > 9) return null
    nanos = nanos * 10 + digit
  }
  return nanos
}

/** A line's time in nanoseconds since 1970; null where it has none that can be read, or one before there was Fly. */
export const nanosOf = ({ timestamp }: Timed): bigint | null => {
  if (timestamp === null) return null
  const within = withinMinute(timestamp)
  if (within !== null && timestamp.startsWith(lastMinute.text)) return lastMinute.start + BigInt(within)
  const moment = parseTime(timestamp)
  if (moment === null || moment.seconds < 0) return null
  const nanos = toNanos(moment)
  if (within !== null) lastMinute = { text: timestamp.slice(0, 17), start: nanos - BigInt(within) }
  return nanos
}

/** The greatest time of lines that is not after `limit`. */
export const newestUntil = (entries: ReadonlyArray<LogEntry>, limit: bigint): bigint | null => {
  let newest: bigint | null = null
  for (const entry of entries) {
    const at = nanosOf(entry)
    if (at !== null && at <= limit && (newest === null || at > newest)) newest = at
  }
  return newest
}

/** Whether no line is older than the one before it; lines without a time do not count. */
export const isSorted = (entries: ReadonlyArray<LogEntry>): boolean => {
  let before = -1n
  return entries.every((entry) => {
    const at = nanosOf(entry)
    if (at === null) return true
    const isLater = at >= before
    before = at
    return isLater
  })
}

/** The greatest time among log lines, and how many lines have none that can be read. */
interface Latest {
  readonly moment: Moment | null
  readonly unreadable: number
}

const byParsing = (entries: ReadonlyArray<Timed>): Latest => {
  let moment: Moment | null = null
  let unreadable = 0
  for (const { timestamp } of entries) {
    const one = timestamp === null ? null : parseTime(timestamp)
    // before 1970 there was no Fly
    if (one === null || one.seconds < 0) unreadable += 1
    else if (moment === null || isAfter(one, moment)) moment = one
  }
  return { moment, unreadable }
}

/** A time as the hosts write it: all of one length and zone, so that the greatest text is the greatest time. */
const hostTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/

/** The greatest time of all lines; it is read by text comparison where that is possible, which is faster. */
export const latestTime = (entries: ReadonlyArray<Timed>): Latest => {
  const others: Array<Timed> = []
  let newest = ""
  for (const entry of entries) {
    const { timestamp } = entry
    if (timestamp === null || !hostTime.test(timestamp)) others.push(entry)
    else if (timestamp > newest) newest = timestamp
  }
  if (newest === "") return byParsing(others)
  // only the greatest text is parsed; if it is no date of the calendar, all are
  return parseTime(newest) === null ? byParsing(entries) : byParsing([...others, { timestamp: newest }])
}
