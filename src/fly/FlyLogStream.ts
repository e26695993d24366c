/**
 * An app's log as it grows: one poller for each app while it has subscribers, however many.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { NotFound } from "../domain/AtlasError.ts"
import { Dispatcher } from "../events/Dispatcher.ts"
import * as FlyTelemetry from "../telemetry/FlyTelemetry.ts"
import * as Traced from "../telemetry/Traced.ts"
import * as AppName from "./AppName.ts"
import { AlreadyRunning, FlyError, type FlyErrorReason, NoStreamer } from "./FlyError.ts"
import { FlyLogs } from "./FlyLogs.ts"
import * as FlyTopics from "./FlyTopics.ts"
import * as LogPoller from "./internal/logPoller.ts"
import { LogEntry } from "./LogEntry.ts"

/**
 * What a subscriber gets.
 *
 * **Details**
 *
 * - `Logs`: new lines, oldest first.
 * - `Gap`: how many batches and entries were dropped, because this subscriber read too slowly.
 * - `Failed`: a fetch failed; the next one follows after `retryIn`, from the same place, so no line is lost.
 * - `Notice`: lines may be missing, because the log host ignores cursors or has more lines of one time than a page holds.
 * - `Stopped`: the app's poller has stopped. The stream ends after it.
 *
 * @category models
 * @since 0.1.0
 */
export const Element = Schema.Union([
  Schema.TaggedStruct("Logs", { app: Schema.String, entries: Schema.Array(LogEntry) }),
  Schema.TaggedStruct("Gap", { app: Schema.String, batches: Schema.Int, entries: Schema.Int }),
  Schema.TaggedStruct("Failed", { app: Schema.String, error: FlyError, retryIn: Schema.Duration }),
  Schema.TaggedStruct("Notice", { app: Schema.String, message: Schema.String }),
  Schema.TaggedStruct("Stopped", { app: Schema.String })
])

/**
 * @category models
 * @since 0.1.0
 */
export type Element = typeof Element.Type

/**
 * Which lines a subscriber gets, and how many wait for it; everything may be left out.
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
 * A running poller of an app's log.
 *
 * @category models
 * @since 0.1.0
 */
export const Streamer = Schema.Struct({
  app: Schema.String,
  projectDir: Schema.NullOr(Schema.String),
  subscribers: Schema.Int
})

/**
 * @category models
 * @since 0.1.0
 */
export type Streamer = typeof Streamer.Type

/**
 * Follows the logs of apps by polling them.
 *
 * @category services
 * @since 0.1.0
 */
export class FlyLogStream extends Context.Service<FlyLogStream, {
  /**
   * The app's log from now on; the first subscriber, who starts the poller, also gets the newest lines before. Each run of
   * the stream is a subscriber; ending the stream unsubscribes, and the last one to leave stops the poller.
   */
  readonly subscribeLogs: (app: string, options?: SubscribeOptions) => Stream.Stream<Element, FlyError>
  /** Registers a subscriber until the scope closes: registered when this returns, so nothing fetched after is missed. */
  readonly subscribe: (
    app: string,
    options?: SubscribeOptions
  ) => Effect.Effect<Stream.Stream<Element>, FlyError, Scope.Scope>
  /** Starts a poller without a subscriber: later subscribers get only lines that are new then. `AlreadyRunning` if it runs. */
  readonly startStreamer: (
    app: string,
    options?: { readonly projectDir?: string | undefined }
  ) => Effect.Effect<void, FlyError>
  /** Stops the app's poller, and with it the streams of all subscribers; `NotFound` where none runs. */
  readonly stopStreamer: (app: string) => Effect.Effect<void, FlyError>
  /** Whether a poller runs for the app. */
  readonly streamerRunning: (app: string) => Effect.Effect<boolean>
  /** All pollers that run. */
  readonly streamers: Effect.Effect<ReadonlyArray<Streamer>>
}>()("effect-atlas/fly/FlyLogStream") {}

/**
 * How often logs are polled.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** From the end of one poll to the next; default 2 seconds. Failures double it, as far as a minute. */
  readonly interval?: Duration.Input | undefined
}

const noPoller = "no poller for this app's logs is running"

const failure = (app: string | null, operation: string, reason: FlyErrorReason) =>
  new FlyError({ app, operation, reason })

/** What waits to be read; a gap is told in the place of what was dropped. */
type Waiting = Exclude<Element, { readonly _tag: "Gap" }>

/** What waits for one subscriber: bounded; the oldest batches are dropped first, and the subscriber gets their number. */
interface Inbox {
  readonly logs: (entries: ReadonlyArray<LogEntry>) => void
  readonly failed: (error: FlyError, retryIn: Duration.Duration) => void
  readonly noticed: (message: string) => void
  readonly stopped: () => void
  /** Waits for the next element; one at a time, so that no more than the bound is ever in memory. */
  readonly pull: Effect.Effect<readonly [Element], Cause.Done>
}

/** The most characters that wait, whatever the number of lines: a line can be as long as an answer. */
const mostText = 32 * 1024 * 1024

const textOf = (entries: ReadonlyArray<LogEntry>): number =>
  entries.reduce((sum, { message }) => sum + (message?.length ?? 0), 0)

const makeInbox = (app: string, capacity: number): Inbox => {
  const waiting: Array<{ readonly element: Waiting; readonly lines: number; readonly text: number }> = []
  const arrived = Latch.makeUnsafe(false)
  const total = { batches: 0, lines: 0, text: 0 }
  // the newest batch is kept, however large it is
  const isTooMuch = () => (total.lines > capacity || total.text > mostText) && total.batches > 1
  let lost = { batches: 0, entries: 0 }
  let hasEnded = false

  const take = () => {
    const first = waiting.shift()
    if (first?.element._tag !== "Logs") return first
    total.batches -= 1
    total.lines -= first.lines
    total.text -= first.text
    return first
  }

  const put = (element: Waiting, size = { lines: 0, text: 0 }): void => {
    waiting.push({ element, ...size })
    if (element._tag === "Logs") total.batches += 1
    total.lines += size.lines
    total.text += size.text
    while (isTooMuch()) {
      const oldest = take()
      if (oldest?.element._tag === "Logs") {
        lost = { batches: lost.batches + 1, entries: lost.entries + oldest.lines }
      }
    }
    arrived.openUnsafe()
  }

  const next = (): Element | undefined => {
    if (lost.batches === 0) return take()?.element
    const gap: Element = { _tag: "Gap", app, ...lost }
    lost = { batches: 0, entries: 0 }
    return gap
  }

  const pull: Inbox["pull"] = Effect.suspend(() => {
    if (hasEnded) return Cause.done()
    const element = next()
    if (element === undefined) {
      arrived.closeUnsafe()
      return Effect.andThen(arrived.await, pull)
    }
    if (element._tag === "Stopped") hasEnded = true
    return Effect.succeed([element] as const)
  })

  return {
    logs: (entries) => put({ _tag: "Logs", app, entries }, { lines: entries.length, text: textOf(entries) }),
    failed: (error, retryIn) => {
      // a failure that is still unread is replaced: it says nothing that the newer one does not
      if (waiting.at(-1)?.element._tag === "Failed") waiting.pop()
      put({ _tag: "Failed", app, error, retryIn })
    },
    noticed: (message) => put({ _tag: "Notice", app, message }),
    stopped: () => put({ _tag: "Stopped", app }),
    pull
  }
}

interface Subscriber {
  readonly inbox: Inbox
  readonly wants: (entry: LogEntry) => boolean
}

interface Running {
  readonly app: AppName.AppName
  readonly projectDir: string | null
  readonly subscribers: Set<Subscriber>
  readonly fiber: Fiber.Fiber<void>
}

const subscriberOf = (app: string, { capacity = 10_000, instance, region }: SubscribeOptions): Subscriber => ({
  inbox: makeInbox(app, Math.max(1, capacity)),
  wants: (entry) => (region == null || entry.region === region) && (instance == null || entry.instance === instance)
})

/**
 * Makes the service.
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
    /** Pollers that were told to stop; a new one of the same app starts when the old one has published `Stopped`. */
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
        // without a subscriber the poller only advances its cursor and publishes nothing
        if (subscribers.size === 0) return Effect.void
        for (const { inbox, wants } of subscribers) {
          const wanted = entries.every(wants) ? entries : entries.filter(wants)
          if (wanted.length > 0) inbox.logs(wanted)
        }
        return publish(app, { _tag: "Logs", app, entries })
      })

    // from here to the end of `make` every look at `running` and the change that follows are one synchronous step

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
        },
        noticed: (message) => {
          for (const { inbox } of subscribers) inbox.noticed(message)
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

    /** Removes the poller at once, so that the next subscriber starts a new one, and waits until it has ended. */
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
      failure(
        app,
        operation,
        new NoStreamer({ message: "logs cannot be followed any more: the FlyLogStream layer has been closed" })
      )

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
      subscribeLogs: (app, options) =>
        Traced.streamCall(FlyTelemetry.subscribeLogs)(Stream.unwrap(
          Effect.flatMap(
            AppName.decode(app, "subscribeLogs"),
            (name) => Effect.andThen(Effect.annotateCurrentSpan(FlyTelemetry.app, name), subscribe(name, options))
          )
        )),
      startStreamer: Effect.fnUntraced(function*(name, options = {}) {
        const app = yield* AppName.decode(name, "startStreamer")
        return yield* Effect.suspend(() => {
          if (!isOpen) return Effect.fail(unavailable(app, "startStreamer"))
          if (running.has(app)) {
            const message = "a poller for this app's logs is already running"
            return Effect.fail(failure(app, "startStreamer", new AlreadyRunning({ message })))
          }
          start(app, options.projectDir ?? null, [])
          return Effect.void
        })
      }),
      stopStreamer: Effect.fnUntraced(function*(name) {
        const app = yield* AppName.decode(name, "stopStreamer")
        yield* Effect.annotateCurrentSpan(FlyTelemetry.app, app)
        return yield* Effect.suspend(() => {
          const streamer = running.get(app)
          return streamer === undefined
            ? Effect.fail(failure(app, "stopStreamer", new NotFound({ message: noPoller })))
            : stop(streamer)
        })
      }, Traced.call(FlyTelemetry.stopStreamer)),
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
 * Following logs by polling, as a layer.
 *
 * **Example** (The lines of one minute)
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

const off = (operation: string) => (app: string) =>
  Effect.fail(
    failure(app, operation, new NoStreamer({ message: "Fly operations are switched off: this layer follows no logs" }))
  )

/**
 * For a host that has Fly operations switched off: nothing runs, and every subscription fails as `NoStreamer`.
 *
 * @category services
 * @since 0.1.0
 */
export const disabled: FlyLogStream["Service"] = FlyLogStream.of({
  subscribe: off("subscribeLogs"),
  subscribeLogs: (app) => Stream.fromEffect(off("subscribeLogs")(app)),
  startStreamer: off("startStreamer"),
  stopStreamer: (app) => Effect.fail(failure(app, "stopStreamer", new NotFound({ message: noPoller }))),
  streamerRunning: () => Effect.succeed(false),
  streamers: Effect.succeed([])
})

/**
 * The same as a layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerDisabled: Layer.Layer<FlyLogStream> = Layer.succeed(FlyLogStream, disabled)
