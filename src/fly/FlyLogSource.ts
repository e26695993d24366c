/**
 * Where an app's log lines come from: a page after a cursor, from one of the two hosts that Fly's own programs use.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import { ProviderFault } from "../domain/AtlasError.ts"
import type { AppName } from "./AppName.ts"
import { FlyError, type FlyErrorReason } from "./FlyError.ts"
import * as LogHttp from "./internal/logHttp.ts"
import * as LogWire from "./internal/logWire.ts"
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
  /** Sends one request: never repeated, 10 seconds at most, redirects not followed. Any answer but 200 is a failure. */
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
        const text = yield* get({
          baseUrl: baseUrl ?? options.baseUrl ?? platformUrl,
          path: `/api/v1/apps/${encodeURIComponent(app)}/logs`,
          query: { next_token: cursor, instance, region },
          token
        })
        const read = LogWire.readPlatform(app, text)
        if (read === null) {
          return yield* new ProviderFault({
            status: 200,
            message: "the log host's answer is not a page of Fly logs"
          })
        }
        yield* logSkipped(app, read.skipped)
        const { entries, ids, nextToken, skipped } = read
        const { moment } = nextToken === null ? LogWire.latestTime(entries) : { moment: null }
        return {
          entries,
          ids: ids.map((id, index) => id ?? madeUpId(entries[index])),
          skipped,
          cursor: nextToken ?? (moment === null ? null : String(LogWire.toNanos(moment))),
          isFull: entries.length + skipped >= platformPage
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
 * Like `layerPlatform`, at `FLY_API_BASE_URL` if that is set.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig: Layer.Layer<FlyLogSource, Config.ConfigError, HttpClient.HttpClient> = Layer.unwrap(
  Effect.map(
    Config.NonEmptyString("FLY_API_BASE_URL").pipe(Config.withDefault(platformUrl)),
    (baseUrl) => layerPlatform({ baseUrl })
  )
)

const machinesUrl = "https://api.machines.dev/v1/apps"

const makeMachines = (options: Options) =>
  Effect.map(LogHttp.make, (get) =>
    FlyLogSource.of({
      page: Effect.fnUntraced(function*({ app, baseUrl, cursor, instance, region, token }) {
        const text = yield* get({
          baseUrl: baseUrl ?? options.baseUrl ?? machinesUrl,
          path: `/${encodeURIComponent(app)}/logs`,
          query: { region, instance, start_time: cursor },
          token
        })
        const { entries, ids, skipped } = LogWire.readMachines(text)
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
          cursor: moment === null ? null : String(LogWire.toNanos(moment) + 1n),
          isFull: false
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
