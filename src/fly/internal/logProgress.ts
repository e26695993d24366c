/**
 * Which lines of a page are new, and where the next page begins, whatever the host makes of times, ids and cursors.
 *
 * The next page is requested from a few seconds before the newest line, so that lines of the same time on both sides of a page's
 * border are all seen, and those that reach the host late; what comes again is told by the page before. An id proves nothing by
 * itself: hosts send empty and equal ones.
 */
import * as Hash from "../../domain/Hash.ts"
import type { Page } from "../FlyLogSource.ts"
import type { LogEntry } from "../LogEntry.ts"
import * as LogWire from "./logWire.ts"

/** Lines this far ahead of the host's clock have a wrong time; the clock is told in whole seconds. */
const ahead = 2_000_000_000n
/** Where to go on when every line is ahead of the host's clock: the lines to come may be this late. */
const lateness = 60_000_000_000n
/** Lines may reach the host this much later than newer ones. */
const overlap = 5_000_000_000n
/** The lines in a page of the platform; other hosts show how many they put into one. */
const usualPage = 100
/** Small pages of one size mean nothing. */
const fewLines = 4
/** A cursor is a time if it lies this close to that of a line; others may count lines or pages. */
const near = 24n * 3_600_000_000_000n
/** A host that says "continue here" this shortly after its newest line means that line. */
const close = 1_000_000_000n
/** Lines that are remembered to be told when they come again. */
const mostRemembered = 50_000
/** After this many pages without a new line the host's own cursor is tried: what it has may lie behind lines of one time. */
const mostIdle = 3
/** Pages in a row that had only what was before their cursor, until the host is taken for one that ignores cursors. */
const mostIgnored = 3

/** What a page brought. */
export interface Step {
  /** The lines that were not in the page before. */
  readonly entries: ReadonlyArray<LogEntry>
  /** The host has more, or must be asked in another way, so the next page is requested at once. */
  readonly isBehind: boolean
  /** How often in a row the host has sent what was read long ago; 0 for a host that minds cursors. */
  readonly ignored: number
  /** What a reader should know: lines may be missing. */
  readonly notice: string | null
}

/** Follows a log from page to page. */
export interface Progress {
  /** The cursor to ask with. */
  readonly cursor: () => string | null
  readonly accept: (page: Page) => Step
}

/** A line that was shown, and how often by the page that had it last. */
interface Remembered {
  /** Under which it is found: its time, or a joined key where another line has that. */
  readonly key: string
  readonly isJoined: boolean
  readonly id: string | null
  readonly instance: string | null
  readonly message: string | null
  readonly at: bigint | null
  /** How often a page before its last one had it at most, and that one. */
  count: number
  now: number
  /** The page that had it last, counted from 1. */
  page: number
}

/** A long text is told by its length and its hash, so that remembering a line takes little. */
const shortened = (text: string | null): string | null =>
  text === null || text.length <= 200 ? text : `${text.length}:${Hash.mix(text).join("-")}:${text.slice(0, 40)}`

/** A text with its length, so that no two lists of texts are one when they are joined. */
const part = (text: string | null): string => text === null ? "-" : `${text.length}:${text}`

/** Lines that are to be remembered. */
interface Recent {
  readonly entries: ReadonlyArray<LogEntry>
  readonly ids: ReadonlyArray<string | null>
  readonly times: ReadonlyArray<bigint | null>
}

/** A line as it is kept until the next page: of one text the length and the hash, if it is long. */
const brief = (entry: LogEntry): LogEntry => {
  const message = shortened(entry.message)
  return message === entry.message ? entry : { ...entry, message }
}

/** Unlike each time, which begins with the digits of a year. */
const keyOf = ({ instance, message, timestamp }: LogEntry, id: string | null): string =>
  [shortened(id), timestamp, instance, shortened(message)].map(part).join("")

const later = (one: bigint | null, other: bigint | null): bigint | null =>
  one === null || (other !== null && other > one) ? other : one

const latest = (times: ReadonlyArray<bigint | null>): bigint | null => times.reduce(later, null)

const isNear = (one: bigint, other: bigint | null): boolean =>
  other !== null && one - other < near && other - one < near

const sooner = (one: bigint | null, other: bigint | null): bigint | null =>
  one === null || (other !== null && other < one) ? other : one

const earliest = (times: ReadonlyArray<bigint | null>): bigint | null => times.reduce(sooner, null)

const isSorted = (times: ReadonlyArray<bigint | null>): boolean => {
  const known = times.filter((at) => at !== null)
  return known.every((at, index) => index === 0 || at >= (known[index - 1] ?? at))
}

const tooManyAtOnce =
  "more lines have one and the same time than the log host puts into a page: some of them may be missing"
const ignoresCursors =
  "the log host ignores where the last page ended and sends the same lines again: lines may be missing when many come at once"

export const make = (): Progress => {
  const remembered = new Map<string, Remembered>()
  /** Everything from here on that the host has shown is remembered; in the host's own way of counting time. */
  let base: bigint | null = null
  /** The host's own cursor, the furthest that it gave. */
  let head: bigint | null = null
  /** The time of the newest line that is not ahead of the host's clock. */
  let timely: bigint | null = null
  let asksBase = false
  let idle = 0
  let ignored = 0
  /** The most lines that the host has put into a page. */
  let largest = 0
  /** How many lines a page holds, as far as that is known. */
  let room = usualPage
  /** The time of the newest line up to which every line was read. */
  let reached: bigint | null = null

  /** The last page was full: there is no time to look for late lines before what is new has been read. */
  let catchesUp = false
  let sizeBefore = 0

  const asked = (): bigint | null => {
    if (!asksBase || base === null) return head
    return catchesUp && reached !== null ? later(base, reached - 1n) : base
  }

  /** How many pages have come, and the newest time in all of them. */
  let pages = 0
  let newestSeen: bigint | null = null
  /** How many lines are remembered under a joined key, because another line of the same time has that for its key. */
  let joined = 0
  /** What the last page had for the first time. */
  let recent: Recent = { entries: [], ids: [], times: [] }

  const lookUp = (entry: LogEntry, id: string | null, at: bigint | null): Remembered | undefined => {
    const first = at === null || entry.timestamp === null ? undefined : remembered.get(entry.timestamp)
    if (
      first !== undefined && first.message === shortened(entry.message) && first.instance === entry.instance
      && first.id === shortened(id)
    ) return first
    return joined === 0 ? undefined : remembered.get(keyOf(entry, id))
  }

  const remember = (entry: LogEntry, id: string | null, at: bigint | null): void => {
    const seen = lookUp(entry, id, at)
    if (seen !== undefined) {
      seen.count += 1
      return
    }
    const { instance, message, timestamp } = entry
    const isJoined = at === null || timestamp === null || remembered.has(timestamp)
    if (isJoined) joined += 1
    const key = isJoined ? keyOf(entry, id) : timestamp
    remembered.set(key, {
      key,
      isJoined,
      id: shortened(id),
      instance,
      message: shortened(message),
      at,
      count: 1,
      now: 0,
      page: pages
    })
  }

  /** Remembers of the last page what this page or a later one may have again. */
  const rememberRecent = ({ cut }: Page, times: ReadonlyArray<bigint | null>): void => {
    const from = cut == null ? [earliest(times), base].reduce(sooner) : null
    const { entries, ids } = recent
    for (const [index, entry] of entries.entries()) {
      const at = recent.times[index] ?? null
      if (at === null || from === null || at >= from) remember(entry, ids[index] ?? null, at)
    }
  }

  /** Takes the lines out that came before, as often as they did. */
  const sift = (page: Page, times: ReadonlyArray<bigint | null>) => {
    const fresh: Array<LogEntry> = []
    const repeated: Array<bigint | null> = []
    if (times.length === 0) return { repeated, fresh }
    rememberRecent(page, times)
    pages += 1
    const unknown = { entries: Array<LogEntry>(), ids: Array<string | null>(), times: Array<bigint | null>() }
    for (const [index, entry] of page.entries.entries()) {
      const at = times[index] ?? null
      const id = page.ids[index] ?? null
      // one that is newer than all before is not looked for
      const isNewest = at !== null && (newestSeen === null || at > newestSeen)
      const seen = isNewest ? undefined : lookUp(entry, id, at)
      if (seen !== undefined) {
        if (seen.page !== pages) {
          seen.page = pages
          seen.count = Math.max(seen.count, seen.now)
          seen.now = 0
          // the one that was seen last is forgotten last
          remembered.delete(seen.key)
          remembered.set(seen.key, seen)
        }
        seen.now += 1
        if (seen.now <= seen.count) {
          repeated.push(at)
          continue
        }
      } else {
        unknown.entries.push(brief(entry))
        unknown.ids.push(shortened(id))
        unknown.times.push(at)
      }
      fresh.push(entry)
    }
    newestSeen = later(newestSeen, latest(times))
    recent = unknown
    return { repeated, fresh }
  }

  const forget = (hasAllAgain: boolean): void => {
    for (const { at, isJoined, key, page } of remembered.values()) {
      if (page === pages) continue
      const mayComeAgain = base !== null && (at === null ? !hasAllAgain : at >= base)
      if (mayComeAgain && remembered.size <= mostRemembered) continue
      remembered.delete(key)
      if (isJoined) joined -= 1
    }
  }

  /**
   * Where the next page is to begin when all lines up to `newest` were read: as far back as late lines may lie, but so that the
   * lines that come again are half of a page at most.
   */
  const before = (newest: bigint): bigint => {
    const again: Array<bigint> = []
    const oldest = newest - overlap
    for (const { at, count, now } of remembered.values()) {
      if (at === null || at < oldest || at > newest) continue
      for (let left = Math.max(count, now); left > 0; left--) again.push(at)
    }
    for (const at of recent.times) {
      if (at !== null && at >= oldest && at <= newest) again.push(at)
    }
    const most = Math.floor(room / 2)
    const [border] = again.length <= most ? [] : again.toSorted((a, b) => a > b ? -1 : a < b ? 1 : 0).slice(most)
    const start = later(later(oldest, border ?? null), 0n) ?? 0n
    return start < newest ? start : newest - 1n
  }

  /** Moves the cursors; whether lines were read that are newer than all before. */
  const move = (page: Page, times: ReadonlyArray<bigint | null>, leavesOld: boolean): boolean => {
    const token = page.cursor === null ? null : BigInt(page.cursor)
    const now = page.hostTime == null ? null : BigInt(page.hostTime) * 1_000_000n
    const newest = latest(times)
    const known = now === null ? newest : latest(times.filter((at) => at !== null && at <= now + ahead))
    const isTime = newest !== null
      && (base !== null || token === null || isNear(token, newest) || isNear(token, known))
    head = later(head, token)
    // of a log that is still empty, "the newest lines" would leave out all but those once many come at once
    if (page.entries.length === 0 && base === null && head === null && now !== null) base = now - lateness
    if (!isTime) return false
    head = later(head, newest)
    timely = later(timely, known)
    if (!asksBase && base !== null) return false
    const old = { base, reached }
    if (known !== null) {
      // a host that counts in another order than that of the lines' times has the last word
      const isItsOwn = token !== null && token > known + close && (now === null || token <= now + ahead)
      // what is older than the newest page, at the start, is left out
      const first = base === null && page.isFull ? earliest(times) : null
      if (leavesOld) base = later(base, isItsOwn ? token - 1n : later(before(known), first === known ? null : first))
      reached = later(reached, known)
    } else if (base === null && now !== null) base = now - lateness
    // nothing is before the beginning of time
    if (base !== null && base < 0n) base = null
    return base !== old.base || reached !== old.reached
  }

  return {
    cursor: () => {
      const from = asked()
      return from === null ? null : String(from)
    },
    accept: (page) => {
      const times = page.entries.map(LogWire.nanosOf)
      const from = asked()
      const isBase = asksBase && base !== null && from !== null
      const { fresh, repeated } = sift(page, times)
      const isCut = page.cut != null
      const isFull = page.isFull || (isCut && fresh.length > 0)
      const size = page.entries.length
      largest = Math.max(largest, size)
      // of a host that does not say so, pages of one and the same size are full
      const isLikelyFull = isFull || (!isCut && size > fewLines && size === largest && size === sizeBefore)
      if (!isCut) sizeBefore = size
      room = Math.max(room, size)
      // the lines behind the cut would be lost if those before it were not in order
      const hasMoved = (!isCut || isSorted(times)) && move(page, times, !catchesUp || isLikelyFull)
      if (size > 0 && (!isCut || hasMoved)) forget(isBase)

      const isStale = from !== null && fresh.length === 0 && size > 1
        && (!isBase || repeated.some((at) => at !== null && at < from))
      ignored = isStale ? ignored + 1 : 0
      catchesUp = fresh.length > 0 && isLikelyFull
      const step = { entries: fresh, ignored: ignored >= mostIgnored ? ignored : 0 }

      if (!isBase) {
        asksBase = base !== null
        const isBehind = fresh.length > 0 && isFull && asked() !== from
        return { ...step, isBehind, notice: step.ignored > 0 ? ignoresCursors : null }
      }
      if (step.ignored > 0) {
        asksBase = false
        return { ...step, isBehind: false, notice: ignoresCursors }
      }
      // what was cut off says nothing about what the host has
      if (isCut && !hasMoved) return { ...step, isBehind: fresh.length > 0, notice: null }
      const last = latest(times)
      const isShort = !isCut && !isStale && fresh.length === 0 && timely !== null && last !== null
        && (last < timely ? size >= largest : last === timely && page.isFull)
      if (isShort && last > from + 1n) {
        // the lines that come again are more than a page: it says nothing of those behind it
        room = size
        base = later(base, last - 1n)
        idle = 0
        return { ...step, isBehind: true, notice: null }
      }
      if (isShort) {
        base = timely === null ? base : timely - 1n
        idle = 0
        return { ...step, isBehind: true, notice: tooManyAtOnce }
      }
      if (hasMoved) {
        idle = 0
        return { ...step, isBehind: isFull, notice: null }
      }
      // the page brought nothing new, or only lines of the same time: what follows may be out of its reach
      idle += 1
      const isEmpty = size === 0 && head !== null
      const isBlind = isEmpty || page.isFull || (size > 1 && size >= largest)
      asksBase = !(isBlind || idle >= mostIdle)
      if (!asksBase) idle = 0
      return { ...step, isBehind: !isStale && (isEmpty || page.isFull), notice: null }
    }
  }
}
