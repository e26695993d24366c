/**
 * Fly.io operations in one place: apps found, deployed and followed, tokens taken care of.
 *
 * `layer` builds the whole tree inside the host's own graph. Every part is a layer of its own and can be replaced.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import type * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Stream from "effect/Stream"
import * as Dispatcher from "../events/Dispatcher.ts"
import * as FlyApps from "./FlyApps.ts"
import * as FlyCli from "./FlyCli.ts"
import * as FlyDeploy from "./FlyDeploy.ts"
import { FlyError, FlyNotFound, NoStreamer, NoToken } from "./FlyError.ts"
import * as FlyLogs from "./FlyLogs.ts"
import * as FlyLogSource from "./FlyLogSource.ts"
import * as FlyLogStream from "./FlyLogStream.ts"
import * as FlyTokens from "./FlyTokens.ts"
import * as FlyTopics from "./FlyTopics.ts"
import * as TokenStorage from "./TokenStorage.ts"

/**
 * Fly.io operations, with everything they need.
 *
 * @category services
 * @since 0.1.0
 */
export class Fly extends Context.Service<Fly, {
  /** Every directory with a `fly.toml` that names an app; see `FlyApps.discoverApps`. */
  readonly discoverApps: (
    path: string,
    options?: { readonly maxDepth?: number | undefined }
  ) => Effect.Effect<ReadonlyArray<FlyApps.App>, FlyError>
  /** Deploys and answers the whole output; see `FlyDeploy.deploy`. */
  readonly deploy: (
    project: string,
    directory: string,
    options?: FlyDeploy.Options
  ) => Effect.Effect<string, FlyError>
  /** Deploys and gives the output line by line; see `FlyDeploy.streamDeploy`. */
  readonly streamDeploy: (
    project: string,
    directory: string,
    options?: FlyDeploy.Options
  ) => Stream.Stream<string, FlyError>
  /** An app's log from now on; see `FlyLogStream.subscribeLogs`. */
  readonly subscribeLogs: FlyLogStream.FlyLogStream["Service"]["subscribeLogs"]
  /** The lines of whatever deploy runs under this ticket, in any process on the same bus; a slow reader is evicted. */
  readonly subscribeDeploy: (ticket: string) => Stream.Stream<string, FlyError>
  /** Who polls which log, and how to stop it. */
  readonly logs: FlyLogStream.FlyLogStream["Service"]
  readonly tokens: FlyTokens.FlyTokens["Service"]
}>()("effect-atlas/fly/Fly") {}

/** What the whole tree stands on; `NodeServices.layer` and any `HttpClient` give it. */
type Platform =
  | HttpClient.HttpClient
  | FileSystem.FileSystem
  | Path.Path
  | ChildProcessSpawner.ChildProcessSpawner

/** A part that stands in for the built-in one. */
type Part<A> = Layer.Layer<A, FlyError | Config.ConfigError, Platform>

/**
 * Options of the tree: settings of its parts, and parts to use instead of the built-in ones.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** False builds nothing: subscriptions fail as `NoStreamer`, everything else says that Fly is switched off. Default true. */
  readonly enabled?: boolean | undefined
  readonly cli?: FlyCli.Options | Part<FlyCli.FlyCli> | undefined
  readonly tokens?: FlyTokens.Options | Part<FlyTokens.FlyTokens> | undefined
  /** Default: private files; see `TokenStorage.layerFile`. */
  readonly storage?: Part<TokenStorage.TokenStorage> | undefined
  /** Default: the host that Fly's own command asks; see `FlyLogSource.layerPlatform`. */
  readonly logSource?: Part<FlyLogSource.FlyLogSource> | undefined
  readonly logs?: FlyLogStream.Options | undefined
  /** Default: within this process. */
  readonly dispatcher?: Part<Dispatcher.Dispatcher> | undefined
}

/** Everything the tree gives, so that a host can also use a part by itself. */
type Parts =
  | Fly
  | FlyCli.FlyCli
  | FlyTokens.FlyTokens
  | TokenStorage.TokenStorage
  | FlyLogs.FlyLogs
  | FlyLogStream.FlyLogStream
  | Dispatcher.Dispatcher

/**
 * The facade over parts that the host has built itself.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<
  Fly["Service"],
  never,
  | FlyCli.FlyCli
  | FlyTokens.FlyTokens
  | FlyLogStream.FlyLogStream
  | Dispatcher.Dispatcher
  | FileSystem.FileSystem
  | Path.Path
> = Effect.gen(function*() {
  const context = yield* Effect.context<FlyCli.FlyCli | Dispatcher.Dispatcher | FileSystem.FileSystem | Path.Path>()
  const dispatcher = yield* Dispatcher.Dispatcher
  const logs = yield* FlyLogStream.FlyLogStream
  return Fly.of({
    discoverApps: (path, options) => Effect.provideContext(FlyApps.discoverApps(path, options), context),
    deploy: (project, directory, options) =>
      Effect.provideContext(FlyDeploy.deploy(project, directory, options), context),
    streamDeploy: (project, directory, options) =>
      Stream.provideContext(FlyDeploy.streamDeploy(project, directory, options), context),
    subscribeLogs: logs.subscribeLogs,
    subscribeDeploy: (ticket) =>
      Stream.unwrap(
        Effect.map(dispatcher.subscribe(FlyTopics.deploy(ticket)), (deliveries) =>
          Stream.flatMap(deliveries, (delivery) => {
            if (delivery._tag === "Message") {
              return Stream.succeed(delivery.message.line)
            }
            return Stream.fail(
              new FlyError({
                operation: "subscribeDeploy",
                reason: new NoStreamer({ message: "this reader was too slow and has been unsubscribed" })
              })
            )
          }))
      ),
    logs,
    tokens: yield* FlyTokens.FlyTokens
  })
})

const off = "Fly is switched off here: the layer was built with enabled: false"

/** What answers when the tree is not built. */
const disabled: Fly["Service"] = (() => {
  const fail = (app: string | null, operation: string, reason: FlyError["reason"]) =>
    Effect.fail(new FlyError({ app, operation, reason }))
  const noStreamer = (app: string | null, operation: string) => fail(app, operation, new NoStreamer({ message: off }))
  const noCli = (operation: string) => fail(null, operation, new FlyNotFound({ message: off }))
  const noToken = (operation: string) => (app: string) => fail(app, operation, new NoToken({ message: off }))
  const logs: FlyLogStream.FlyLogStream["Service"] = {
    subscribeLogs: (app) => Stream.fromEffect(noStreamer(app, "subscribeLogs")),
    subscribe: (app) => noStreamer(app, "subscribeLogs"),
    startStreamer: (app) => noStreamer(app, "startStreamer"),
    stopStreamer: (app) => noStreamer(app, "stopStreamer"),
    streamerRunning: () => Effect.succeed(false),
    streamers: Effect.succeed([])
  }
  return {
    discoverApps: () => Effect.succeed([]),
    deploy: () => noCli("deploy"),
    streamDeploy: () => Stream.fromEffect(noCli("streamDeploy")),
    subscribeLogs: logs.subscribeLogs,
    subscribeDeploy: () => Stream.fromEffect(noStreamer(null, "subscribeDeploy")),
    logs,
    tokens: {
      get: noToken("token"),
      refresh: noToken("refresh"),
      invalidate: () => Effect.void,
      setManual: noToken("setManual")
    }
  }
})()

/**
 * Nothing built: subscriptions fail as `NoStreamer`, everything else says that Fly is switched off.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerDisabled: Layer.Layer<Fly> = Layer.succeed(Fly, disabled)

const isPart = <A>(option: object | undefined): option is Part<A> => Layer.isLayer(option)

const tree = (options: Options): Layer.Layer<Parts, FlyError | Config.ConfigError, Platform> => {
  const cli: Part<FlyCli.FlyCli> = isPart<FlyCli.FlyCli>(options.cli) ? options.cli : FlyCli.layer(options.cli)
  const storage: Part<TokenStorage.TokenStorage> = options.storage ?? TokenStorage.layerFile()
  const tokens = isPart<FlyTokens.FlyTokens>(options.tokens)
    ? options.tokens
    : FlyTokens.layer(options.tokens).pipe(Layer.provide([cli, storage]))
  // a bus of its own: two trees side by side do not hear each other
  const dispatcher: Part<Dispatcher.Dispatcher> = options.dispatcher ?? Layer.fresh(Dispatcher.layerMemory)
  const source: Part<FlyLogSource.FlyLogSource> = options.logSource ?? FlyLogSource.layerPlatform()
  const logs = FlyLogs.layer.pipe(Layer.provide([source, tokens]))
  const stream = FlyLogStream.layer(options.logs).pipe(Layer.provide([logs, dispatcher]))
  return Layer.effect(Fly, make).pipe(
    Layer.provideMerge(Layer.mergeAll(cli, storage, tokens, dispatcher, logs, stream))
  )
}

/**
 * The whole tree: `Fly` and each of its parts. Nothing is asked of Fly before it is used.
 *
 * **Example** (Inside a host's own graph, with a bus across processes and tokens in memory)
 *
 * ```ts
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import * as Dispatcher from "effect-atlas/events/Dispatcher"
 * import { Fly, TokenStorage } from "effect-atlas/fly"
 * import * as FetchHttpClient from "effect/http/FetchHttpClient"
 * import * as Layer from "effect/Layer"
 *
 * const layer = Fly.layer({
 *   tokens: { org: "acme" },
 *   storage: TokenStorage.layerMemory,
 *   dispatcher: Dispatcher.layerMemory
 * }).pipe(Layer.provide([NodeServices.layer, FetchHttpClient.layer]))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options & { readonly enabled?: true | undefined } = {}
): Layer.Layer<Parts, FlyError | Config.ConfigError, Platform> => tree(options)

/**
 * `Fly` as the environment wants it: `ATLAS_FLY_ENABLED` (default true) builds nothing when it is false; tokens and the log
 * host are read from their own variables (see `FlyTokens.layerConfig`, `FlyLogSource.layerConfig`).
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig: Layer.Layer<Fly, FlyError | Config.ConfigError, Platform> = Layer.unwrap(
  Effect.map(Config.Boolean("ATLAS_FLY_ENABLED").pipe(Config.withDefault(true)), (enabled) => {
    if (!enabled) return layerDisabled
    const tokens = FlyTokens.layerConfig.pipe(Layer.provide([FlyCli.layer(), TokenStorage.layerFile()]))
    return tree({ tokens, logSource: FlyLogSource.layerConfig })
  })
)
