/**
 * Where an app's log lines come from: a page after a cursor, from one of the two hosts that Fly's own programs use.
 *
 * @since 0.1.0
 */
import type * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { ProviderFault } from "../domain/AtlasError.ts"
import * as Setting from "../domain/Setting.ts"
import type { AppName } from "./AppName.ts"
import { FlyError, type FlyErrorReason } from "./FlyError.ts"
import * as LogHttp from "./internal/logHttp.ts"
import * as LogWire from "./internal/logWire.ts"
import * as Scrub from "./internal/scrub.ts"
import type { LogEntry } from "./LogEntry.ts"

/**
 * Which page of which app's log: after which cursor, of which region and machine; null means any.
 *
 * @category models
 * @since 0.1.0
 */
export interface PageRequest {
  readonly app: AppName
  readonly token: Redacted.Redacted
  /** Nanoseconds since 1970 in digits, from the page before; more than a JavaScript number can hold. */
  readonly cursor: string | null
  readonly region: string | null
  readonly instance: string | null
  /** Replaces the base URL of the layer for this request. */
  readonly baseUrl: string | null
}

/**
 * Some log lines, oldest first, and where the next page begins.
 *
 * @category models
 * @since 0.1.0
 */
export interface Page {
  readonly entries: ReadonlyArray<LogEntry>
  /** The id of each entry, by which a line that comes twice is recognized; null where the host gives none. */
  readonly ids: ReadonlyArray<string | null>
  /** Where the next page begins; null when the page does not say, and the cursor of the request is to be used again. */
  readonly cursor: string | null
  /** The host has more lines than this page holds, so the next page can be requested at once. */
  readonly isFull: boolean
  /** The host's clock as it answered, in milliseconds since 1970; absent or null where it does not say. */
  readonly hostTime?: number | null | undefined
  /** Why the answer was not read to its end; absent or null for a whole page. The lines before that point are in the page. */
  readonly cut?: FlyError | null | undefined
  /** How many lines were no log entries. */
  readonly skipped: number
}

/**
 * Fetches pages of log lines from a log host.
 *
 * @category services
 * @since 0.1.0
 */
export class FlyLogSource extends Context.Service<FlyLogSource, {
  /**
   * Sends one request, which is never repeated; redirects are not followed. Any answer but 200 is a failure, and so is one that
   * does not begin within 10 seconds. A line longer than 8 Mi characters is cut and says so.
   */
  readonly page: (request: PageRequest) => Effect.Effect<Page, FlyError>
}>()("effect-atlas/fly/FlyLogSource") {}

/**
 * The address of a source.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly baseUrl?: string | undefined
}

const operation = "logs"

const failed = (app: string) => (reason: FlyErrorReason) => new FlyError({ app, operation, reason })

/** Logs how many lines were skipped and never what they say: a line that cannot be read may hold anything. */
const logSkipped = (app: string, skipped: number): Effect.Effect<void> =>
  skipped === 0
    ? Effect.void
    : Effect.annotateLogs(Effect.logDebug("lines of the log host's answer are not log entries and were skipped"), {
      app,
      skipped
    })

/** The most characters of one page, whatever the host sends; the rest is requested as the next page. */
const mostText = 64 * 1024 * 1024
/** What an entry takes besides its message. */
const entrySize = 200

interface Read {
  readonly entries: ReadonlyArray<LogEntry>
  readonly ids: ReadonlyArray<string | null>
  readonly skipped: number
  readonly nextToken: string | null
  readonly cut: FlyErrorReason | null
}

const ended = new ProviderFault({ status: 200, message: "the log host's answer ended in the middle" })
const stopped = new ProviderFault({
  status: 200,
  message: `the log host's answer is larger than ${mostText} characters; what follows is left to the next request`
})
const noPage = new ProviderFault({ status: 200, message: "the log host's answer is not a page of Fly logs" })

/** For each token what hides it: made once, and held as long as the token is. */
const hiders = new WeakMap<Redacted.Redacted, (text: string) => string>()

const hiderOf = (token: Redacted.Redacted): (text: string) => string => {
  const known = hiders.get(token)
  if (known !== undefined) return known
  const hide = Scrub.own([Redacted.value(token)])
  hiders.set(token, hide)
  return hide
}

/** Hides a token in texts that are mostly the same one after the other, such as the machine of each line. */
const again = (hide: (text: string) => string): (text: string | null) => string | null => {
  let last: string | null = null
  let hidden: string | null = null
  return (text) => {
    if (text === last) return hidden
    last = text
    hidden = text === null ? null : hide(text)
    return hidden
  }
}

/** A function that hides a token in every part of an entry, which a host may fill with what it was sent. */
const cleaner = (hide: (text: string) => string): (entry: LogEntry) => LogEntry => {
  const [hideLevel, hideRegion, hideInstance] = [again(hide), again(hide), again(hide)]
  return (entry) => {
    const timestamp = entry.timestamp === null ? null : hide(entry.timestamp)
    const message = entry.message === null ? null : hide(entry.message)
    const level = hideLevel(entry.level)
    const region = hideRegion(entry.region)
    const instance = hideInstance(entry.instance)
    const isClean = timestamp === entry.timestamp && message === entry.message && level === entry.level
      && region === entry.region && instance === entry.instance
    return isClean ? entry : { timestamp, message, level, region, instance, appName: entry.appName }
  }
}

/** Reads an answer as it comes. One that breaks off is as good as the lines before that; without any, it is a failure. */
const readLines = Effect.fnUntraced(function*(
  { read }: LogHttp.Answer,
  token: Redacted.Redacted,
  readerOf: (onLine: LogWire.OnLine) => LogWire.Reader
) {
  const hide = hiderOf(token)
  const clean = cleaner(hide)
  const entries: Array<LogEntry> = []
  const ids: Array<string | null> = []
  let skipped = 0
  let size = 0
  const reader = readerOf((entry, id) => {
    if (entry === null) {
      skipped += 1
      return
    }
    size += entrySize + (entry.message?.length ?? 0)
    entries.push(clean(entry))
    ids.push(id === null ? null : hide(id))
  })
  let unread = 0
  const failure = yield* Effect.match(
    read((text) => {
      const before = entries.length
      reader.push(text)
      unread = entries.length === before ? unread + text.length : 0
      return size < mostText && unread < mostText
    }),
    { onFailure: (reason) => reason, onSuccess: () => null }
  )
  if (failure !== null) reader.stop()
  const isStopped = size >= mostText || unread >= mostText
  const { isWhole, nextToken } = isStopped || failure !== null ? { isWhole: false, nextToken: null } : reader.end()
  const cut = failure ?? (isStopped ? stopped : isWhole ? null : ended)
  if (entries.length === 0 && cut !== null && cut !== ended) return yield* cut
  return { entries, ids, skipped, nextToken, cut } satisfies Read
})

/** A cursor further ahead of the host's clock than this is the fault of a line with a wrong time. */
const furthestAhead = 5n * 60_000_000_000n
/** Where to go on when every line is ahead of the host's clock: the lines to come may be this late. */
const lateness = 60_000_000_000n

/**
 * The cursor of a page. Of an answer that ended early, the lines after that point would be lost if the ones before it were not in
 * the order of their times; then it has none.
 */
const cursorOf = (
  { cut, entries, nextToken }: Read,
  latest: LogWire.Moment | null,
  hostTime: number | null,
  step: bigint
): string | null => {
  if (cut !== null && !LogWire.isSorted(entries)) return null
  const moment = nextToken === null ? latest : null
  const found = nextToken ?? (moment === null ? null : String(LogWire.toNanos(moment) + step))
  if (found === null || hostTime === null) return found
  const now = BigInt(hostTime) * 1_000_000n
  if (BigInt(found) <= now + furthestAhead) return found
  const timely = LogWire.newestUntil(entries, now + furthestAhead)
  return String(timely === null ? now - lateness : timely + step)
}

/** An id for a line without one: its time, machine and message; null for a line that has no time either. */
const madeUpId = (entry: LogEntry | undefined): string | null =>
  entry === undefined || entry.timestamp === null
    ? null
    : JSON.stringify([entry.timestamp, entry.instance, entry.message])

const platformUrl = "https://api.fly.io"
/** The most lines that the host puts into one page. */
const platformPage = 100

const makePlatform = (options: Options) =>
  Effect.map(LogHttp.make, (get) =>
    FlyLogSource.of({
      page: Effect.fnUntraced(function*({ app, baseUrl, cursor, instance, region, token }) {
        const answer = yield* get({
          baseUrl: baseUrl ?? options.baseUrl ?? platformUrl,
          path: `/api/v1/apps/${encodeURIComponent(app)}/logs`,
          query: { next_token: cursor, instance, region },
          token
        })
        const read = yield* readLines(answer, token, (onLine) => LogWire.readPlatform(app, onLine))
        const { cut, entries, ids, nextToken, skipped } = read
        if (entries.length === 0 && cut !== null) return yield* noPage
        yield* logSkipped(app, skipped)
        return {
          entries,
          ids: ids.map((id, index) => id ?? madeUpId(entries[index])),
          skipped,
          cursor: cursorOf(read, nextToken === null ? LogWire.latestTime(entries).moment : null, answer.hostTime, 0n),
          isFull: entries.length + skipped >= platformPage || cut === stopped,
          hostTime: answer.hostTime,
          cut: cut === null ? null : failed(app)(cut)
        }
      }, (effect, { app }) => Effect.mapError(effect, failed(app)))
    }))

/**
 * The host that Fly's own command line uses, `https://api.fly.io/api/v1/apps/<app>/logs`: the default.
 *
 * **Details**
 *
 * The first page holds the newest 100 lines of the last day; lines are kept for about a week.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerPlatform = (options: Options = {}): Layer.Layer<FlyLogSource, never, HttpClient.HttpClient> =>
  Layer.effect(FlyLogSource, makePlatform(options))

/**
 * Like `layerPlatform`; the address is `FLY_API_BASE_URL` where it is left out and that is set.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Setting.Wrap<Options> = {}
): Layer.Layer<FlyLogSource, Config.ConfigError, HttpClient.HttpClient> =>
  Layer.unwrap(Effect.map(
    Setting.unwrap(options, () => ({
      baseUrl: Effect.map(Setting.read("FLY_API_BASE_URL"), (url) => url ?? undefined)
    })),
    layerPlatform
  ))

const machinesUrl = "https://api.machines.dev/v1/apps"

const makeMachines = (options: Options) =>
  Effect.map(LogHttp.make, (get) =>
    FlyLogSource.of({
      page: Effect.fnUntraced(function*({ app, baseUrl, cursor, instance, region, token }) {
        const answer = yield* get({
          baseUrl: baseUrl ?? options.baseUrl ?? machinesUrl,
          path: `/${encodeURIComponent(app)}/logs`,
          query: { region, instance, start_time: cursor },
          token
        })
        const read = yield* readLines(answer, token, LogWire.readMachines)
        const { cut, entries, ids, skipped } = read
        yield* logSkipped(app, skipped)
        const { moment, unreadable } = LogWire.latestTime(entries)
        if (unreadable > 0) {
          yield* Effect.annotateLogs(
            Effect.logWarning("log lines have no readable time; they may come again with the next page"),
            { app, unreadable }
          )
        }
        return {
          entries,
          ids,
          skipped,
          // the first nanosecond after the newest line
          cursor: cursorOf(read, moment, answer.hostTime, 1n),
          isFull: cut === stopped,
          hostTime: answer.hostTime,
          cut: cut === null ? null : failed(app)(cut)
        }
      }, (effect, { app }) => Effect.mapError(effect, failed(app)))
    }))

/**
 * The Machines API, `https://api.machines.dev/v1/apps/<app>/logs`.
 *
 * **Gotchas**
 *
 * Fly documents no such endpoint, and it may not answer at all: use it only if you know that yours does.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMachines = (options: Options = {}): Layer.Layer<FlyLogSource, never, HttpClient.HttpClient> =>
  Layer.effect(FlyLogSource, makeMachines(options))
