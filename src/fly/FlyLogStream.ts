/**
 * An app's log as it grows: one poller an app while somebody listens, however many listen.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { NotFound } from "../domain/AtlasError.ts"
import { Dispatcher } from "../events/Dispatcher.ts"
import * as AppName from "./AppName.ts"
import { AlreadyRunning, FlyError, type FlyErrorReason, NoStreamer } from "./FlyError.ts"
import { FlyLogs } from "./FlyLogs.ts"
import * as FlyTopics from "./FlyTopics.ts"
import * as LogInbox from "./internal/logInbox.ts"
import * as LogPoller from "./internal/logPoller.ts"
import type { LogEntry } from "./LogEntry.ts"

/**
 * What a subscriber gets.
 *
 * **Details**
 *
 * - `Logs`: new lines, oldest first.
 * - `Gap`: so many batches and entries were dropped, because this subscriber read too slowly.
 * - `Failed`: a fetch failed; it goes on after `retryIn`, and nothing is lost.
 * - `Stopped`: nobody fetches the app's logs any more. The stream ends after it.
 *
 * @category models
 * @since 0.1.0
 */
export type Element = LogInbox.Element

/**
 * What one subscriber wants of an app's log; everything may be left out.
 *
 * @category models
 * @since 0.1.0
 */
export interface SubscribeOptions {
  /** Only lines from this region. */
  readonly region?: string | null | undefined
  /** Only lines of this machine. */
  readonly instance?: string | null | undefined
  /** Lines kept for a subscriber that does not read; default 10,000. */
  readonly capacity?: number | undefined
  /** The app's directory, shown by `streamers`; nothing depends on it. */
  readonly projectDir?: string | undefined
}

/**
 * A poller that runs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Streamer {
  readonly app: string
  readonly projectDir: string | null
  readonly subscribers: number
}

/**
 * Following logs.
 *
 * @category services
 * @since 0.1.0
 */
export class FlyLogStream extends Context.Service<FlyLogStream, {
  /**
   * The app's log from now on, beginning with the newest lines for the subscriber that starts it. Each run of the stream
   * is a subscriber; ending it is unsubscribing, and with the last one polling stops.
   */
  readonly subscribeLogs: (app: string, options?: SubscribeOptions) => Stream.Stream<Element, FlyError>
  /** Registers a subscriber until the scope closes: registered when this returns, so nothing fetched after is missed. */
  readonly subscribe: (
    app: string,
    options?: SubscribeOptions
  ) => Effect.Effect<Stream.Stream<Element>, FlyError, Scope.Scope>
  /** Polls without a subscriber, so that one who comes gets only what is new then; `AlreadyRunning` where it is polled. */
  readonly startStreamer: (
    app: string,
    options?: { readonly projectDir?: string | undefined }
  ) => Effect.Effect<void, FlyError>
  /** Ends polling, and with it the streams of all subscribers; `NotFound` where nobody polls. */
  readonly stopStreamer: (app: string) => Effect.Effect<void, FlyError>
  readonly streamerRunning: (app: string) => Effect.Effect<boolean>
  readonly streamers: Effect.Effect<ReadonlyArray<Streamer>>
}>()("effect-atlas/fly/FlyLogStream") {}

/**
 * How logs are followed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** From the end of one poll to the next; default 2 seconds. Failures double it, as far as a minute. */
  readonly interval?: Duration.Input | undefined
}

const failure = (app: string | null, operation: string, reason: FlyErrorReason) =>
  new FlyError({ app, operation, reason })

interface Subscriber {
  readonly inbox: LogInbox.Inbox
  readonly wants: (entry: LogEntry) => boolean
}

interface Running {
  readonly app: AppName.AppName
  readonly projectDir: string | null
  readonly subscribers: Set<Subscriber>
  readonly fiber: Fiber.Fiber<void>
}

const subscriberOf = (app: string, { capacity = 10_000, instance, region }: SubscribeOptions): Subscriber => ({
  inbox: LogInbox.make(app, Math.max(1, capacity)),
  wants: (entry) => (region == null || entry.region === region) && (instance == null || entry.instance === instance)
})

/**
 * Following logs by polling.
 *
 * **Details**
 *
 * What subscribers get is also published on the app's topic. Closing the scope stops every poller.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options = {}
): Effect.Effect<FlyLogStream["Service"], never, FlyLogs | Dispatcher | Scope.Scope> =>
  Effect.gen(function*() {
    const logs = yield* FlyLogs
    const dispatcher = yield* Dispatcher
    const interval = Duration.fromInputUnsafe(options.interval ?? Duration.seconds(2))
    const fibers = yield* FiberSet.make<void>()
    const fork = yield* FiberSet.runtime(fibers)()
    const running = new Map<AppName.AppName, Running>()
    /** Pollers that were told to stop; a new one of the same app waits for the old one's last word. */
    const stopping = new Map<AppName.AppName, Fiber.Fiber<void>>()
    let isOpen = true
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        isOpen = false
      })
    )

    const publish = (app: string, message: FlyTopics.LogMessage) =>
      Effect.ignoreCause(dispatcher.publish(FlyTopics.logs(app), message), { log: "Warn" })

    const deliver = (app: string, subscribers: ReadonlySet<Subscriber>) => (entries: ReadonlyArray<LogEntry>) =>
      Effect.suspend(() => {
        // a streamer nobody listens to moves on in silence
        if (subscribers.size === 0) return Effect.void
        for (const { inbox, wants } of subscribers) {
          const wanted = entries.every(wants) ? entries : entries.filter(wants)
          if (wanted.length > 0) inbox.logs(wanted)
        }
        return publish(app, { _tag: "Logs", app, entries })
      })

    // from here to the end of `make` everything that reads or changes who runs is one synchronous step

    const start = (app: AppName.AppName, projectDir: string | null, first: ReadonlyArray<Subscriber>): Running => {
      const subscribers = new Set(first)
      const before = stopping.get(app)
      const polling = LogPoller.run({
        app,
        interval,
        fetch: (cursor) => logs.fetchWithRetry(app, { cursor }),
        deliver: deliver(app, subscribers),
        failed: (error, retryIn) => {
          for (const { inbox } of subscribers) inbox.failed(error, retryIn)
        }
      })
      const fiber = fork(
        Effect.andThen(before === undefined ? Effect.void : Fiber.await(before), polling).pipe(
          Effect.onExit(() =>
            Effect.suspend(() => {
              if (running.get(app)?.fiber === fiber) running.delete(app)
              for (const { inbox } of subscribers) inbox.stopped()
              return publish(app, { _tag: "Stopped", app })
            })
          )
        )
      )
      const streamer: Running = { app, projectDir, subscribers, fiber }
      running.set(app, streamer)
      return streamer
    }

    /** Takes it out at once, so that whoever comes next starts anew, and waits until nothing is left of it. */
    const stop = ({ app, fiber }: Running): Effect.Effect<void> =>
      Effect.suspend(() => {
        running.delete(app)
        stopping.set(app, fiber)
        fiber.addObserver(() => {
          if (stopping.get(app) === fiber) stopping.delete(app)
        })
        fiber.interruptUnsafe()
        return Effect.asVoid(Fiber.await(fiber))
      })

    const unavailable = (app: string, operation: string) =>
      failure(app, operation, new NoStreamer({ message: "logs are not followed any more: the layer is closed" }))

    const subscribe: FlyLogStream["Service"]["subscribe"] = Effect.fnUntraced(function*(name, options = {}) {
      const app = yield* AppName.decode(name, "subscribeLogs")
      const subscriber = subscriberOf(app, options)
      yield* Effect.acquireRelease(
        Effect.suspend(() => {
          if (!isOpen) return Effect.fail(unavailable(app, "subscribeLogs"))
          const known = running.get(app)
          known?.subscribers.add(subscriber)
          return Effect.succeed(known ?? start(app, options.projectDir ?? null, [subscriber]))
        }),
        (streamer) =>
          Effect.suspend(() => {
            streamer.subscribers.delete(subscriber)
            const isLast = streamer.subscribers.size === 0 && running.get(app) === streamer
            return isLast ? stop(streamer) : Effect.void
          })
      )
      return Stream.fromPull(Effect.succeed(subscriber.inbox.pull))
    })

    return FlyLogStream.of({
      subscribe,
      subscribeLogs: (app, options) => Stream.unwrap(subscribe(app, options)),
      startStreamer: Effect.fnUntraced(function*(name, options = {}) {
        const app = yield* AppName.decode(name, "startStreamer")
        return yield* Effect.suspend(() => {
          if (!isOpen) return Effect.fail(unavailable(app, "startStreamer"))
          if (running.has(app)) {
            const message = "the app's logs are followed already"
            return Effect.fail(failure(app, "startStreamer", new AlreadyRunning({ message })))
          }
          start(app, options.projectDir ?? null, [])
          return Effect.void
        })
      }),
      stopStreamer: Effect.fnUntraced(function*(name) {
        const app = yield* AppName.decode(name, "stopStreamer")
        return yield* Effect.suspend(() => {
          const streamer = running.get(app)
          return streamer === undefined
            ? Effect.fail(failure(app, "stopStreamer", new NotFound({ message: "nobody follows the app's logs" })))
            : stop(streamer)
        })
      }),
      streamerRunning: (name) => Effect.sync(() => [...running.keys()].some((app) => app === name)),
      streamers: Effect.sync(() =>
        [...running.values()].map(({ app, projectDir, subscribers }) => ({
          app,
          projectDir,
          subscribers: subscribers.size
        }))
      )
    })
  })

/**
 * Following logs by polling.
 *
 * **Example** (What an app says, for a minute)
 *
 * ```ts
 * import { FlyLogStream } from "effect-atlas/fly"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * const program = Effect.gen(function*() {
 *   const { subscribeLogs } = yield* FlyLogStream.FlyLogStream
 *   yield* subscribeLogs("acme-web").pipe(
 *     Stream.interruptWhen(Effect.sleep("1 minute")),
 *     Stream.runForEach((element) =>
 *       element._tag === "Logs"
 *         ? Effect.forEach(element.entries, ({ message }) => Effect.log(message), { discard: true })
 *         : Effect.log(element._tag)
 *     )
 *   )
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<FlyLogStream, never, FlyLogs | Dispatcher> =>
  Layer.effect(FlyLogStream, make(options))

const disabled = (operation: string) => (app: string) =>
  Effect.fail(failure(app, operation, new NoStreamer({ message: "Fly operations are switched off here" })))

/**
 * For a host that has Fly operations switched off: nothing runs, and every subscription fails as `NoStreamer`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerDisabled: Layer.Layer<FlyLogStream> = Layer.succeed(
  FlyLogStream,
  FlyLogStream.of({
    subscribe: disabled("subscribeLogs"),
    subscribeLogs: (app) => Stream.fromEffect(disabled("subscribeLogs")(app)),
    startStreamer: disabled("startStreamer"),
    stopStreamer: (app) =>
      Effect.fail(failure(app, "stopStreamer", new NotFound({ message: "nobody follows the app's logs" }))),
    streamerRunning: () => Effect.succeed(false),
    streamers: Effect.succeed([])
  })
)
