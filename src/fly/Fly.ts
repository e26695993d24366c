/**
 * Fly.io operations in one place: find apps, deploy them, follow their logs, and have tokens for all of it.
 *
 * `layer` builds all parts inside the host's own layer graph. Each part is a layer of its own and can be replaced.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Path from "effect/Path"
import type * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Stream from "effect/Stream"
import * as Setting from "../domain/Setting.ts"
import * as Dispatcher from "../events/Dispatcher.ts"
import * as FlyTelemetry from "../telemetry/FlyTelemetry.ts"
import * as Traced from "../telemetry/Traced.ts"
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
 * All Fly.io operations as one service.
 *
 * @category services
 * @since 0.1.0
 */
export class Fly extends Context.Service<Fly, {
  /** Every directory with a `fly.toml`, `fly.json` or `fly.yaml` that names an app; see `FlyApps.discoverApps`. */
  readonly discoverApps: (
    path: string,
    options?: { readonly maxDepth?: number | undefined }
  ) => Effect.Effect<ReadonlyArray<FlyApps.App>, FlyError>
  /** Deploys and returns the whole output; see `FlyDeploy.deploy`. */
  readonly deploy: (
    project: string,
    directory: string,
    options?: FlyDeploy.Options
  ) => Effect.Effect<string, FlyError>
  /** Deploys and streams the output line by line; see `FlyDeploy.streamDeploy`. */
  readonly streamDeploy: (
    project: string,
    directory: string,
    options?: FlyDeploy.Options
  ) => Stream.Stream<string, FlyError>
  /** An app's log from now on; see `FlyLogStream.subscribeLogs`. */
  readonly subscribeLogs: FlyLogStream.FlyLogStream["Service"]["subscribeLogs"]
  /** The lines of the deploy with this ticket, in any process on the same bus; a reader that is too slow is evicted. */
  readonly subscribeDeploy: (ticket: string) => Stream.Stream<string, FlyError>
  /** Which logs are being polled, and how to start and stop that. */
  readonly logs: FlyLogStream.FlyLogStream["Service"]
  /** The tokens that all of this uses. */
  readonly tokens: FlyTokens.FlyTokens["Service"]
}>()("effect-atlas/fly/Fly") {}

/** What all parts need of the host; `NodeServices.layer` and any `HttpClient` provide it. */
type Platform =
  | HttpClient.HttpClient
  | FileSystem.FileSystem
  | Path.Path
  | ChildProcessSpawner.ChildProcessSpawner

/**
 * Settings of the parts, and parts to use instead of the built-in ones; everything may be left out.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<E = never, R = never> {
  /** False builds nothing at all; see `layerDisabled`. Default true. */
  readonly enabled?: boolean | undefined
  readonly cli?: FlyCli.Options | undefined
  readonly tokens?: FlyTokens.Options | undefined
  readonly logs?: FlyLogStream.Options | undefined
  /**
   * One layer with every part that replaces a built-in one, such as `Layer.mergeAll(storage, dispatcher)`: any of `FlyCli`,
   * `FlyTokens`, `TokenStorage`, `FlyLogSource` and `Dispatcher`.
   */
  readonly parts?: Layer.Layer<never, E, R> | undefined
}

/** `Fly` and its parts, so that a host can also use a part by itself. */
type Everything =
  | Fly
  | FlyCli.FlyCli
  | FlyTokens.FlyTokens
  | FlyLogs.FlyLogs
  | FlyLogStream.FlyLogStream
  | Dispatcher.Dispatcher

/**
 * The one service over parts that the host has built itself.
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
      Traced.streamCall(FlyTelemetry.subscribeDeploy, { attributes: { [FlyTelemetry.ticket]: ticket } })(Stream.unwrap(
        Effect.map(
          dispatcher.subscribe(FlyTopics.deploy(ticket)),
          (deliveries) =>
            Stream.flatMap(deliveries, (delivery) => {
              if (delivery._tag === "Message") {
                return Stream.succeed(delivery.message.line)
              }
              return Stream.fail(
                new FlyError({
                  operation: "subscribeDeploy",
                  reason: new NoStreamer({
                    message:
                      "this subscriber read the deploy's lines too slowly and was unsubscribed; the deploy goes on"
                  })
                })
              )
            })
        )
      )),
    logs,
    tokens: yield* FlyTokens.FlyTokens
  })
})

const off = "Fly operations are switched off: the layer was built with enabled: false (ATLAS_FLY_ENABLED)"

/** The service when nothing is built. */
const disabled: Fly["Service"] = (() => {
  const fail = (app: string | null, operation: string, reason: FlyError["reason"]) =>
    Effect.fail(new FlyError({ app, operation, reason }))
  const noCli = fail(null, "deploy", new FlyNotFound({ message: off }))
  const noToken = (operation: string) => (app: string) => fail(app, operation, new NoToken({ message: off }))
  return {
    discoverApps: () => Effect.succeed([]),
    deploy: () => noCli,
    streamDeploy: () => Stream.fromEffect(noCli),
    subscribeLogs: FlyLogStream.disabled.subscribeLogs,
    subscribeDeploy: () => Stream.fromEffect(fail(null, "subscribeDeploy", new NoStreamer({ message: off }))),
    logs: FlyLogStream.disabled,
    tokens: {
      get: noToken("token.get"),
      refresh: noToken("token.refresh"),
      invalidate: () => Effect.void,
      setManual: noToken("token.set")
    }
  }
})()

/**
 * Fly operations switched off: no file, process, connection or fiber is made.
 *
 * **Details**
 *
 * Subscriptions fail as `NoStreamer`, deploys as `FlyNotFound`, tokens as `NoToken`, each with the message that Fly is
 * switched off; no apps are found.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerDisabled: Layer.Layer<Fly> = Layer.succeed(Fly, disabled)

/** All parts: those in `parts`, and the built-in ones for the rest. */
const assemble = (
  { cli: cliOptions, logs: logOptions, tokens: tokenOptions }: Options,
  parts: Context.Context<never>
): Layer.Layer<Everything, FlyError, Platform> => {
  const part = <Id, Service, E, R>(key: Context.Key<Id, Service>, builtIn: () => Layer.Layer<Id, E, R>) =>
    Option.match(Context.getOption(parts, key), {
      onNone: builtIn,
      onSome: (service) => Layer.succeed(key, service)
    })
  const cli = part(FlyCli.FlyCli, () => FlyCli.layer(cliOptions))
  const tokens = part(FlyTokens.FlyTokens, () =>
    FlyTokens.layer(tokenOptions).pipe(
      Layer.provide([cli, part(TokenStorage.TokenStorage, () => TokenStorage.layerFile())])
    ))
  const source = part(FlyLogSource.FlyLogSource, () => FlyLogSource.layerPlatform())
  // fresh where a layer is a constant: two `Fly` layers in one graph would share it, and get each other's events
  const dispatcher = part(Dispatcher.Dispatcher, () => Layer.fresh(Dispatcher.layerMemory))
  const logs = Layer.fresh(FlyLogs.layer).pipe(Layer.provide([source, tokens]))
  const stream = FlyLogStream.layer(logOptions).pipe(Layer.provide([logs, dispatcher]))
  return Layer.effect(Fly, make).pipe(Layer.provideMerge(Layer.mergeAll(cli, tokens, dispatcher, logs, stream)))
}

/**
 * The service `Fly` and its parts. No request is sent to Fly before a part is used.
 *
 * **Details**
 *
 * Two such layers side by side share nothing but the parts that both were given.
 *
 * **Example** (Inside a host's own layer graph, with events across processes and tokens in memory)
 *
 * ```ts
 * import * as NodeRedis from "@effect/platform-node/NodeRedis"
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import * as Dispatcher from "effect-atlas/events/Dispatcher"
 * import { Fly, TokenStorage } from "effect-atlas/fly"
 * import * as FetchHttpClient from "effect/http/FetchHttpClient"
 * import * as Layer from "effect/Layer"
 *
 * const bus = Dispatcher.layerRedis().pipe(Layer.provide(NodeRedis.layer({ url: "redis://127.0.0.1:6379" })))
 *
 * const layer = Fly.layer({
 *   tokens: { org: "acme" },
 *   parts: Layer.mergeAll(TokenStorage.layerMemory, bus)
 * }).pipe(Layer.provide([NodeServices.layer, FetchHttpClient.layer]))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export function layer<E = never, R = never>(
  options?: { readonly enabled?: true | undefined } & Options<E, R>
): Layer.Layer<Everything, FlyError | E, Platform | R>
/**
 * Switched off: nothing is built; see `layerDisabled`.
 *
 * @category layers
 * @since 0.1.0
 */
export function layer(options: { readonly enabled: false } & Options<unknown, unknown>): Layer.Layer<Fly>
/**
 * Where a setting decides: the layer gives `Fly` alone, since with `false` the parts do not exist.
 *
 * @category layers
 * @since 0.1.0
 */
export function layer<E = never, R = never>(
  options: Options<E, R>
): Layer.Layer<Fly, FlyError | E, Platform | R>
/**
 * The implementation of all of these signatures.
 *
 * @category layers
 * @since 0.1.0
 */
export function layer<E, R>(
  { enabled = true, parts, ...settings }: Options<E, R> = {}
): Layer.Layer<Fly> | Layer.Layer<Everything, FlyError | E, Platform | R> {
  if (!enabled) return layerDisabled
  return parts === undefined
    ? assemble(settings, Context.empty())
    : Layer.flatMap(parts, (given) => assemble(settings, given))
}

/**
 * The same, with what is left out read from the environment: with `ATLAS_FLY_ENABLED=false` (default true) nothing is built; tokens
 * and the log host have variables of their own (see `FlyTokens.config`, `FlyLogSource.layerConfig`).
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = <E = never, R = never>(
  options: Setting.Wrap<Options<E, R>> = {}
): Layer.Layer<Fly, FlyError | Config.ConfigError | E, Platform | R> =>
  Layer.unwrap(Effect.gen(function*() {
    const given = yield* Setting.unwrap(options, () => ({
      enabled: Config.Boolean("ATLAS_FLY_ENABLED").pipe(Config.withDefault(true))
    }))
    if (given.enabled === false) return layerDisabled
    const source = FlyLogSource.layerConfig()
    return layer<E | Config.ConfigError, R | HttpClient.HttpClient>({
      ...given,
      tokens: yield* FlyTokens.config(given.tokens),
      parts: given.parts === undefined ? source : Layer.merge(source, given.parts)
    })
  }))
