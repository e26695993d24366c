/**
 * Where an app's log lines come from: a page after a cursor, from one of the two hosts that Fly's own programs ask.
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
import * as LogTime from "./internal/logTime.ts"
import * as LogWire from "./internal/logWire.ts"
import type { LogEntry } from "./LogEntry.ts"

/**
 * Which page: whose, after what, of which machine or region; what is null is not asked for.
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
  /** In place of the layer's. */
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
  /** Beside each entry its id, by which a line that comes twice is known; null where the host gives none. */
  readonly ids: ReadonlyArray<string | null>
  /** Null when the page does not say: then the cursor that was asked with still holds. */
  readonly cursor: string | null
  /** The host had more to give than a page holds, so the next one need not be waited for. */
  readonly isFull: boolean
  /** How many lines were no log entries. */
  readonly skipped: number
}

/**
 * The log host in use.
 *
 * @category services
 * @since 0.1.0
 */
export class FlyLogSource extends Context.Service<FlyLogSource, {
  /** Asks once: never repeated, 10 seconds at most, redirects not followed. Any answer but 200 is a failure. */
  readonly page: (request: PageRequest) => Effect.Effect<Page, FlyError>
}>()("effect-atlas/fly/FlyLogSource") {}

/**
 * Where a source is reached.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly baseUrl?: string | undefined
}

const operation = "logs"

const failed = (app: string) => (reason: FlyErrorReason) => new FlyError({ app, operation, reason })

/** Said without what was skipped: a line we cannot read may hold anything. */
const tellSkipped = (app: string, skipped: number): Effect.Effect<void> =>
  skipped === 0
    ? Effect.void
    : Effect.annotateLogs(Effect.logDebug("skipped what are no log entries"), { app, skipped })

/** A line without an id is known by what it says, when and where; one without a time by nothing. */
const standIn = (entry: LogEntry | undefined): string | null =>
  entry === undefined || entry.timestamp === null
    ? null
    : JSON.stringify([entry.timestamp, entry.instance, entry.message])

const platformUrl = "https://api.fly.io"
/** What the host gives at most. */
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
            message: "the answer has another shape than Fly's logs"
          })
        }
        yield* tellSkipped(app, read.skipped)
        const { entries, ids, nextToken, skipped } = read
        const { moment } = nextToken === null ? LogTime.latest(entries) : { moment: null }
        return {
          entries,
          ids: ids.map((id, index) => id ?? standIn(entries[index])),
          skipped,
          cursor: nextToken ?? (moment === null ? null : String(LogTime.toNanos(moment))),
          isFull: entries.length + skipped >= platformPage
        }
      }, (effect, { app }) => Effect.mapError(effect, failed(app)))
    }))

/**
 * The host that Fly's own command line asks, `https://api.fly.io/api/v1/apps/<app>/logs`: the default.
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
        yield* tellSkipped(app, skipped)
        const { moment, unreadable } = LogTime.latest(entries)
        if (unreadable > 0) {
          yield* Effect.annotateLogs(Effect.logWarning("log lines without a time we can read"), { app, unreadable })
        }
        return {
          entries,
          ids,
          skipped,
          // the first nanosecond after the newest line
          cursor: moment === null ? null : String(LogTime.toNanos(moment) + 1n),
          isFull: false
        }
      }, (effect, { app }) => Effect.mapError(effect, failed(app)))
    }))

/**
 * The Machines API, `https://api.machines.dev/v1/apps/<app>/logs`.
 *
 * **Gotchas**
 *
 * Fly documents no such endpoint, and it may not answer at all: take it only if you know that yours does.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMachines = (options: Options = {}): Layer.Layer<FlyLogSource, never, HttpClient.HttpClient> =>
  Layer.effect(FlyLogSource, makeMachines(options))
