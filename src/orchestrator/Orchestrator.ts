/**
 * The orchestrator's front desk: a compute per user or per task, watched, capped and ended, whatever crashes meanwhile.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { Compute } from "../domain/Compute.ts"
import type { Providers, Which } from "../provider/Providers.ts"
import * as desk from "./internal/desk.ts"
import * as settings from "./internal/settings.ts"
import type * as Reaper from "./Reaper.ts"
import type { SessionId } from "./session/Ids.ts"
import type { News, Options as EngineOptions } from "./SessionEngine.ts"
import * as SessionEngine from "./SessionEngine.ts"
import type { SessionInfo } from "./SessionInfo.ts"
import type { SessionStore } from "./SessionStore.ts"
import type * as SpawnOptions from "./SpawnOptions.ts"
import type { Spending } from "./Spending.ts"

export * from "./internal/verbs.ts"

/**
 * A session whose rent is settled: its id, and its machine with the credential that only this process has.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tracked {
  readonly id: SessionId
  /** Its `raw` is null. */
  readonly compute: Compute
}

/**
 * What a stream of events holds: first where each session stands, then what it tells, and a gap where a slow reader lost some.
 *
 * @category models
 * @since 0.1.0
 */
export type SessionElement =
  | { readonly _tag: "State"; readonly session: SessionInfo }
  | ({ readonly _tag: "News" } & News)
  | { readonly _tag: "Gap"; readonly lost: number }

/**
 * How long to wait for an end.
 *
 * @category models
 * @since 0.1.0
 */
export interface StopOptions {
  /** Default 30 seconds. */
  readonly timeout?: Duration.Input | undefined
}

/**
 * How long to wait for a machine to run, and where to look for one that is no session here.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReadyOptions {
  /** Default 15 minutes. */
  readonly timeout?: Duration.Input | undefined
  /** For an id that is no session here: who to ask. Without it such an id fails as `NotTracked`. */
  readonly provider?: Which | undefined
  /** For an id that is no session here: how often to ask; default that of the provider. */
  readonly interval?: Duration.Input | undefined
}

/**
 * The orchestrator in use. An `id` is a session's, or that of its compute; see the functions of the same names.
 *
 * @category services
 * @since 0.1.0
 */
export class Orchestrator extends Context.Service<Orchestrator, {
  readonly spawn: (
    request: SpawnOptions.Input,
    options?: SpawnOptions.SpawnOptions
  ) => Effect.Effect<Tracked, AtlasError>
  readonly runTask: (
    request: SpawnOptions.Input,
    options?: SpawnOptions.SpawnOptions
  ) => Effect.Effect<Tracked, AtlasError>
  readonly scoped: (
    request: SpawnOptions.Input,
    options?: SpawnOptions.SpawnOptions
  ) => Effect.Effect<Tracked, AtlasError, Scope.Scope>
  readonly touch: (id: string) => Effect.Effect<void, AtlasError>
  readonly info: (id: string) => Effect.Effect<SessionInfo, AtlasError>
  readonly getCompute: (id: string) => Effect.Effect<Compute | null, AtlasError>
  readonly stopTracked: (id: string, options?: StopOptions) => Effect.Effect<void, AtlasError>
  readonly listIds: Effect.Effect<ReadonlyArray<SessionId>>
  readonly list: Effect.Effect<ReadonlyArray<SessionInfo>>
  readonly awaitReady: (id: string, options?: ReadyOptions) => Effect.Effect<Compute, AtlasError>
  readonly awaitEnd: (id: string) => Effect.Effect<SessionInfo, AtlasError>
  readonly events: (id: string | null) => Stream.Stream<SessionElement, AtlasError>
  readonly spend: (id: string) => Effect.Effect<number, AtlasError>
  readonly spending: Effect.Effect<Spending>
  readonly reapNow: (options?: Reaper.CycleOptions) => Effect.Effect<Reaper.Reaped>
}>()("effect-atlas/orchestrator/Orchestrator") {}

/**
 * Settings of the watch an orchestrator keeps.
 *
 * @category models
 * @since 0.1.0
 */
export interface WatchOptions {
  /** How often an account is listed while all is quiet; default 1 minute. */
  readonly pollInterval?: Duration.Input | undefined
  /** Providers whose accounts are cleaned of machines that carry our name and no session has; default all that are set up. */
  readonly reapProviders?: ReadonlyArray<string> | undefined
  /** A machine younger than this is never cleaned away; default 1 minute. */
  readonly reapGrace?: Duration.Input | undefined
  /**
   * Names in `providerOpts` that are not stored, besides those that look like a credential; a rent after a restart asks
   * `SessionSecrets` for them.
   */
  readonly withhold?: ReadonlyArray<string> | undefined
}

/**
 * The front desk of an engine, with its feeds and its reaper; they run until the scope closes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: WatchOptions
): Effect.Effect<
  Orchestrator["Service"],
  AtlasError,
  SessionEngine.SessionEngine | SessionStore | Providers | Scope.Scope
> => Effect.map(Effect.andThen(settings.checkWatch(options), desk.make(options)), Orchestrator.of)

/**
 * Settings of an orchestrator.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Omit<EngineOptions, "owner">, WatchOptions {
  /** Who rents under its name: 1 to 16 of `a-z 0-9`, one for each store and, on one cloud account, for each orchestrator. */
  readonly owner: string
}

/**
 * An orchestrator on the providers and the store in reach.
 *
 * **Details**
 *
 * Closing it ends every session that does not persist, and waits up to `closeWithin` until their machines are verified gone.
 * Events are also published through a `Dispatcher` where one is in reach, on the topic `compute:<session id>`.
 *
 * **Example** (In memory)
 *
 * ```ts
 * import { Providers } from "effect-atlas"
 * import { Orchestrator, SessionStore } from "effect-atlas/orchestrator"
 * import * as LocalProvider from "effect-atlas/providers/LocalProvider"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const layer = Orchestrator.layer({ owner: "team1" }).pipe(
 *   Layer.provide([SessionStore.layerMemory, Providers.layer(LocalProvider.layer())])
 * )
 *
 * const program = Effect.gen(function*() {
 *   const { compute, id } = yield* Orchestrator.spawn({ command: ["sleep", "60"] }, { userId: "alice", idleTtl: "10 minutes" })
 *   yield* Orchestrator.awaitReady(id)
 *   yield* Orchestrator.touch(id)
 *   return compute.ports
 * }).pipe(Effect.provide(layer))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<Orchestrator | SessionEngine.SessionEngine, AtlasError, SessionStore | Providers> =>
  Layer.effect(Orchestrator, make(options)).pipe(
    Layer.provideMerge(Layer.unwrap(
      Effect.map(settings.checkEngine(options), (owner) => SessionEngine.layer({ ...options, owner }))
    ))
  )

/** A variable that is empty counts as one that is not set, so nobody has a word of its own. */
const names = (text: string): ReadonlyArray<string> =>
  text.trim() === "none" ? [] : text.split(",").map((name) => name.trim()).filter((name) => name !== "")

const optional = <A>(config: Config.Config<A>) => Config.withDefault(config, undefined)

/**
 * An orchestrator configured from the environment: `ATLAS_OWNER`, which must be set, and `ATLAS_POLL_INTERVAL`,
 * `ATLAS_REAP_PROVIDERS`, `ATLAS_REAP_GRACE`, `ATLAS_CLOSE_WITHIN` and `ATLAS_RETENTION`.
 *
 * **Details**
 *
 * Durations are written as in code (`30 seconds`). The providers to clean up stand between commas; `none` is none. What is
 * not set has its default.
 *
 * **Example** (With the store of this machine)
 *
 * ```ts
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import { Providers } from "effect-atlas"
 * import { Orchestrator, SessionStore } from "effect-atlas/orchestrator"
 * import * as LocalProvider from "effect-atlas/providers/LocalProvider"
 * import * as Layer from "effect/Layer"
 *
 * // ATLAS_OWNER=shop ATLAS_POLL_INTERVAL="30 seconds" node server.ts
 * const layer = Orchestrator.layerConfig.pipe(
 *   Layer.provide([SessionStore.layerSqlite(), Providers.layer(LocalProvider.layerConfig)]),
 *   Layer.provide(NodeServices.layer)
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig: Layer.Layer<
  Orchestrator | SessionEngine.SessionEngine,
  AtlasError | Config.ConfigError,
  SessionStore | Providers
> = Layer.unwrap(
  Effect.map(
    Config.all({
      owner: Config.NonEmptyString("ATLAS_OWNER"),
      pollInterval: optional(Config.Duration("ATLAS_POLL_INTERVAL")),
      reapProviders: optional(Config.map(Config.String("ATLAS_REAP_PROVIDERS"), names)),
      reapGrace: optional(Config.Duration("ATLAS_REAP_GRACE")),
      closeWithin: optional(Config.Duration("ATLAS_CLOSE_WITHIN")),
      retention: optional(Config.Duration("ATLAS_RETENTION"))
    }),
    layer
  )
)
