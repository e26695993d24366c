/**
 * This machine as a provider: a compute is a real process group with ports, a log, an exit code and a token.
 *
 * Needs no account and costs nothing, and survives the process that started it; see the guide "The local provider".
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { type AtlasError, NotFound, StorageFault, Unsupported } from "../domain/AtlasError.ts"
import * as GpuCatalog from "../domain/GpuCatalog.ts"
import type { ComputeId } from "../domain/Ids.ts"
import { Usd } from "../domain/Money.ts"
import * as Setting from "../domain/Setting.ts"
import * as AccountId from "../provider/AccountId.ts"
import * as Adapter from "../provider/Adapter.ts"
import * as Provider from "../provider/Provider.ts"
import * as StateDirectory from "../storage/StateDirectory.ts"
import * as Gpus from "./local/internal/gpus.ts"
import * as LogEnd from "./local/internal/logEnd.ts"
import * as LogFile from "./local/internal/logFile.ts"
import { described, isOver, thisMachine, toCompute } from "./local/internal/observe.ts"
import * as Plan from "./local/internal/plan.ts"
import * as ProcessTable from "./local/internal/processTable.ts"
import * as Running from "./local/internal/running.ts"
import * as StateDir from "./local/internal/stateDir.ts"

/**
 * Options of the local provider.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** What this provider is called in everything that is said of it; default `local`. A second one needs an id of its own. */
  readonly id?: string | undefined
  /**
   * Where computes are kept; default `$ATLAS_STATE_DIR`, else the user's state directory + `effect-atlas`. For a user without
   * a home directory every call fails as `StorageFault` unless one of them is set.
   */
  readonly stateDir?: string | undefined
  /** Working directory of computes whose request names none in `providerOpts.cwd`; default a directory of their own. */
  readonly cwd?: string | undefined
  /**
   * The most bytes that the log of a compute may have, from 64 KiB, where its request says nothing in `providerOpts.logLimit`;
   * default 1 GiB. What is older is removed, half of the limit at a time.
   */
  readonly logLimit?: number | undefined
  /** What a compute pretends to cost, in US dollars per hour, so that cost features can be tried; default 0. */
  readonly pricePerHour?: number | undefined
}

/** What the local provider asks of the platform; `NodeServices.layer` has it all. */
type Platform = FileSystem.FileSystem | Path.Path | ChildProcessSpawner.ChildProcessSpawner

const cloud = "local"

const adapter = Effect.fnUntraced(function*(options: Options) {
  const provider = yield* AccountId.decode(options.id ?? cloud)
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const price = Usd.make(options.pricePerHour ?? 0)
  const found = options.stateDir === undefined
    ? yield* Effect.result(StateDirectory.find("stateDir"))
    : Result.succeed(path.resolve(options.stateDir))
  // without a root every call fails before it uses one, and a registry still has its other providers
  const root = Result.getOrElse(found, () => "")
  const dir = yield* StateDir.make(root)
  const own = yield* Plan.inherit((name) => Effect.mapError(Setting.read(name), Setting.refused("local")))
  const plan = yield* Plan.make(own, {
    cwd: options.cwd === undefined ? null : path.resolve(options.cwd),
    logLimit: options.logLimit ?? Plan.defaultLogLimit
  })
  const offers = Effect.provideService(
    Gpus.offers(cloud, provider, price),
    ChildProcessSpawner.ChildProcessSpawner,
    spawner
  )
  const running = Running.make({ dir, own, spawner })

  /** Refuses on Windows: the provider needs process groups, signals and `/bin/sh`. */
  const posix = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | Unsupported> =>
    process.platform === "win32"
      ? Effect.fail(new Unsupported({ capability: "compute", message: "the local provider does not run on Windows" }))
      : effect

  /** Uses the state on disk, where this provider can run and has a directory for it. */
  const withState = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | Unsupported | StorageFault> =>
    posix(Effect.andThen(Effect.fromResult(found), effect))

  const entryOf = (id: ComputeId) =>
    Effect.flatMap(withState(dir.read(id)), (entry) =>
      Effect.mapError(
        Effect.fromOption(entry),
        () => new NotFound({ message: `there is no compute ${id} in ${root}` })
      ))

  /** The state of a compute that may be acted on: one whose records are readable. */
  const stateOf = (id: ComputeId) =>
    Effect.flatMap(entryOf(id), (entry) =>
      entry._tag === "Readable"
        ? Effect.succeed(entry.state)
        : Effect.fail(
          new StorageFault({ message: `${entry.why}, so nothing was done about it; ${entry.advice}` })
        ))

  const computeOf = (id: ComputeId) => Effect.flatMap(entryOf(id), (entry) => toCompute(dir, provider, entry))

  return Adapter.make({
    id: provider,
    cloud,
    flags: ["http_proxy", "raw_tcp", "symmetric_ports", "exit_codes"],
    gpuNames: GpuCatalog.driverNames,
    // a listing of our own disk never lags
    settleWindow: 0,
    pollInterval: "100 millis",
    // each create starts processes on this very machine
    concurrency: 64,
    compute: {
      prepare: ({ request }) => withState(plan(request, offers)),
      send: (spawn) =>
        Effect.gen(function*() {
          const state = yield* running.create(spawn, price)
          return described(dir, provider, state, {
            status: state.ports.length === 0 ? "running" : "provisioning",
            exitCode: null,
            failure: null
          })
        }),
      get: computeOf,
      list: () =>
        Effect.flatMap(withState(dir.list), (entries) => {
          let snapshot: ProcessTable.Snapshot | undefined
          const shared = { ...thisMachine, processes: () => snapshot ??= ProcessTable.look() }
          return Effect.forEach(entries, (entry) => toCompute(dir, provider, entry, shared), { concurrency: 16 })
        }),
      terminate: (id) => Effect.flatMap(stateOf(id), running.terminate)
    },
    requestOpts: { logLimit: (bytes) => Effect.succeed({ logLimit: Number(bytes) }) },
    power: {
      stop: (id) => Effect.flatMap(stateOf(id), running.stop),
      start: (id) => Effect.flatMap(stateOf(id), running.restart)
    },
    gpus: { list: () => Effect.map(posix(offers), (all) => all.map(({ type }) => type)) },
    logs: {
      outlivesCompute: true,
      stream: (id, { after = null, follow, tail }) =>
        Stream.unwrap(Effect.map(
          withState(
            tail === undefined || after !== null
              ? Effect.succeed(after)
              : Effect.map(LogEnd.beginOfLast(fs, dir.directoryOf(id), tail), String)
          ),
          (from) =>
            LogFile.lines(fs, dir.directoryOf(id), {
              after: from,
              follow: follow ?? false,
              exists: Effect.asVoid(entryOf(id)),
              isOver: entryOf(id).pipe(
                Effect.map((entry) => entry._tag === "Broken" || isOver(entry.state)),
                Effect.catchTag("NotFound", () => Effect.succeed(true))
              )
            })
        ))
    }
  })
})

/**
 * The local provider with its exact facets: compute, power, gpus, logs.
 *
 * @category services
 * @since 0.1.0
 */
export class LocalProvider extends Context.Service<LocalProvider, Provider.Of<"compute" | "power" | "gpus" | "logs">>()(
  "effect-atlas/providers/LocalProvider"
) {}

/**
 * The local provider, as {@link LocalProvider} and as the neutral `Provider`.
 *
 * **Example** (In a directory of its own)
 *
 * ```ts
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import * as LocalProvider from "effect-atlas/providers/LocalProvider"
 * import * as Layer from "effect/Layer"
 *
 * const layer = LocalProvider.layer({ stateDir: "/tmp/computes", pricePerHour: 1.5 }).pipe(
 *   Layer.provide(NodeServices.layer)
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<LocalProvider | Provider.Provider, AtlasError, Platform> =>
  Provider.layer(LocalProvider, adapter(options))

const optional = (name: string) => Effect.map(Setting.read(name), (value) => value ?? undefined)

/**
 * The local provider configured from the environment: what is left out is read from `ATLAS_STATE_DIR` and
 * `ATLAS_LOCAL_PRICE_PER_HOUR`.
 *
 * **Example** (Another variable for the directory)
 *
 * ```ts
 * import * as LocalProvider from "effect-atlas/providers/LocalProvider"
 * import * as Config from "effect/Config"
 *
 * const layer = LocalProvider.layerConfig({ stateDir: Config.String("COMPUTES"), pricePerHour: 1.5 })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Setting.Wrap<Options> = {}
): Layer.Layer<LocalProvider | Provider.Provider, AtlasError | Config.ConfigError, Platform> =>
  Layer.unwrap(Effect.map(
    Setting.unwrap(options, () => ({
      stateDir: optional("ATLAS_STATE_DIR"),
      pricePerHour: Config.schema(Usd, "ATLAS_LOCAL_PRICE_PER_HOUR").pipe(Config.withDefault(undefined))
    })),
    layer
  ))
