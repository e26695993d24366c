/**
 * The orchestrator: a compute for each user or task, watched, capped and ended, whatever crashes meanwhile.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { Compute } from "../domain/Compute.ts"
import type { Credential } from "../domain/Credential.ts"
import type { Usd } from "../domain/Money.ts"
import * as Setting from "../domain/Setting.ts"
import type { Providers } from "../provider/Providers.ts"
import {
  type Options,
  Orchestrator,
  type ReadyOptions,
  type SessionElement,
  type StopOptions,
  type Tracked,
  type WatchOptions
} from "./internal/OrchestratorContract.ts"
import * as service from "./internal/service.ts"
import type { CycleOptions, Reaped } from "./Reaper.ts"
import type { SessionId } from "./session/Ids.ts"
import * as SessionEngine from "./SessionEngine.ts"
import type { SessionInfo } from "./SessionInfo.ts"
import type { SessionStore, Unreadable } from "./SessionStore.ts"
import type { Input, SpawnOptions } from "./SpawnOptions.ts"
import type { Spending } from "./Spending.ts"

export {
  type Options,
  Orchestrator,
  type ReadyOptions,
  SessionElement,
  type StopOptions,
  Tracked,
  type WatchOptions
} from "./internal/OrchestratorContract.ts"

/**
 * An orchestrator over an engine, with its feeds and its reaper; they run until the scope closes.
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
> => Effect.map(Effect.andThen(service.checkWatch(options), service.make(options)), Orchestrator.of)

/**
 * An orchestrator on the provided providers and store.
 *
 * **Details**
 *
 * Closing it ends every session that does not persist, and waits up to `closeWithin` until their machines are verified gone.
 * Events are also published through the `dispatcher`, on the topic `compute:<session id>`; see OrchestratorTopics. The layer given
 * there may be merged with this one, before or after it: both use the same dispatcher.
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
export const layer = <E = never, R = never>(
  options: Options<E, R>
): Layer.Layer<Orchestrator | SessionEngine.SessionEngine, AtlasError | E, SessionStore | Providers | R> => {
  const { dispatcher, ...settings } = options
  return Layer.effect(Orchestrator, make(settings)).pipe(
    Layer.provideMerge(Layer.unwrap(
      Effect.map(service.checkEngine(settings), (owner) => SessionEngine.layer({ ...settings, owner }))
    )),
    Layer.provide(dispatcher ?? Layer.empty)
  )
}

/** Provider names between commas. An empty variable counts as not set, so "no provider" is written `none`. */
const names = (text: string): ReadonlyArray<string> =>
  text.trim() === "none" ? [] : text.split(",").map((name) => name.trim()).filter((name) => name !== "")

const optional = <A>(config: Config.Config<A>) => Config.withDefault(config, undefined)

/**
 * An orchestrator configured from the environment: what is left out is read from `ATLAS_OWNER`, which must be set then,
 * `ATLAS_POLL_INTERVAL`,
 * `ATLAS_REAP_PROVIDERS`, `ATLAS_REAP_GRACE`, `ATLAS_CLOSE_WITHIN`, `ATLAS_LONGEST_WAIT`, `ATLAS_RETENTION` and
 * `ATLAS_CONCURRENCY`.
 *
 * **Details**
 *
 * Durations are written as in code (`30 seconds`). The providers to clean up are separated by commas; `none` means none. A
 * variable that is not set has its default.
 *
 * **Example** (With the store of this machine)
 *
 * ```ts
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import { Providers } from "effect-atlas"
 * import { Orchestrator } from "effect-atlas/orchestrator"
 * import * as SessionStoreSqlite from "effect-atlas/orchestrator/SessionStoreSqlite"
 * import * as LocalProvider from "effect-atlas/providers/LocalProvider"
 * import * as Layer from "effect/Layer"
 *
 * // ATLAS_OWNER=shop ATLAS_POLL_INTERVAL="30 seconds" node server.ts
 * const layer = Orchestrator.layerConfig().pipe(
 *   Layer.provide([SessionStoreSqlite.layer(), Providers.layer(LocalProvider.layerConfig())]),
 *   Layer.provide(NodeServices.layer)
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Setting.Wrap<Partial<Options>> = {}
): Layer.Layer<
  Orchestrator | SessionEngine.SessionEngine,
  AtlasError | Config.ConfigError,
  SessionStore | Providers
> =>
  Layer.unwrap(Effect.gen(function*() {
    const given = yield* Setting.unwrap(options, () => ({
      pollInterval: optional(Config.Duration("ATLAS_POLL_INTERVAL")),
      reapProviders: optional(Config.map(Config.String("ATLAS_REAP_PROVIDERS"), names)),
      reapGrace: optional(Config.Duration("ATLAS_REAP_GRACE")),
      closeWithin: optional(Config.Duration("ATLAS_CLOSE_WITHIN")),
      longestWait: optional(Config.Duration("ATLAS_LONGEST_WAIT")),
      retention: optional(Config.Duration("ATLAS_RETENTION")),
      concurrency: optional(Config.Int("ATLAS_CONCURRENCY"))
    }))
    return layer({ ...given, owner: given.owner ?? (yield* Config.NonEmptyString("ATLAS_OWNER")) })
  }))

type Answer<A> = Effect.Effect<A, AtlasError, Orchestrator>

/**
 * Rents a compute for a user and watches it until it ends; answers when the machine is rented, not when it runs.
 *
 * **Details**
 *
 * Candidates (each GPU at each provider, in order) are asked one after the other; only a definite refusal moves on to the next,
 * and the failure names the reason of each. When an answer is lost, the machine is looked for first. With `maxCost` a machine
 * without a price is ended at once, and the message of the `Unsupported` failure says whether it is verified gone. A `maxRuntime`
 * that is over before the rent is answered fails as `Timeout`, and what was rented is ended.
 * Interrupting ends a machine that was rented, or may have been.
 *
 * **Example** (Two GPUs in order of preference)
 *
 * ```ts
 * import { Orchestrator } from "effect-atlas/orchestrator"
 *
 * const session = Orchestrator.spawn(
 *   { gpu: ["h100", "a100_80g"], image: "me/server", ports: ["8000/http"], auth: "bearer" },
 *   { userId: "alice", idleTtl: "20 minutes", maxCost: 10 }
 * )
 * ```
 *
 * @category verbs
 * @since 0.1.0
 */
export const spawn = (request: Input, options?: SpawnOptions): Answer<Tracked> =>
  Orchestrator.use((orchestrator) => orchestrator.spawn(request, options))

/**
 * Rents a compute for one command; the session ends with the command or at its deadline, and its outcome says how.
 *
 * **Example** (To the end)
 *
 * ```ts
 * import { Orchestrator } from "effect-atlas/orchestrator"
 * import * as Effect from "effect/Effect"
 *
 * const outcome = Effect.gen(function*() {
 *   const { id } = yield* Orchestrator.runTask({ command: ["python", "train.py"] }, { maxRuntime: "2 hours", persist: true })
 *   return (yield* Orchestrator.awaitEnd(id)).outcome
 * })
 * ```
 *
 * @category verbs
 * @since 0.1.0
 */
export const runTask = (request: Input, options?: SpawnOptions): Answer<Tracked> =>
  Orchestrator.use((orchestrator) => orchestrator.runTask(request, options))

/**
 * A session for as long as the scope is open: closing it ends the session and waits until its machine is verified gone.
 *
 * **Gotchas**
 *
 * Closing a scope has no error channel. An end that is not proven, or not on record, within 30 seconds is logged and surfaces as a
 * defect that holds the `Uncertain` failure with the machine's id; the orchestrator goes on ending it.
 *
 * @category verbs
 * @since 0.1.0
 */
export const scoped = (
  request: Input,
  options?: SpawnOptions
): Effect.Effect<Tracked, AtlasError, Orchestrator | Scope.Scope> =>
  Orchestrator.use((orchestrator) => orchestrator.scoped(request, options))

/**
 * Counts as use of a session, so that it is not idle; never waits. It has no effect on a task. A session that is over fails as
 * `NotTracked`.
 *
 * @category verbs
 * @since 0.1.0
 */
export const touch = (id: string): Answer<void> => Orchestrator.use((orchestrator) => orchestrator.touch(id))

/**
 * A session as it is now, answered from memory. An unknown id fails as `NotTracked`.
 *
 * @category verbs
 * @since 0.1.0
 */
export const info = (id: string): Answer<SessionInfo> => Orchestrator.use((orchestrator) => orchestrator.info(id))

/**
 * A session's machine as last seen, with its URLs and without its credential; null when it was not seen since a restart.
 *
 * @category verbs
 * @since 0.1.0
 */
export const getCompute = (id: string): Answer<Compute | null> =>
  Orchestrator.use((orchestrator) => orchestrator.getCompute(id))

/**
 * The credential of a session's machine, which a respawn replaces, in the process that rented it; null elsewhere, and where
 * none was asked for.
 *
 * **Example** (The header to send now)
 *
 * ```ts
 * import { Orchestrator } from "effect-atlas/orchestrator"
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 *
 * const header = (id: string) =>
 *   Effect.map(Orchestrator.credential(id), (auth) => auth?._tag === "Bearer" ? Redacted.value(auth.header) : null)
 * ```
 *
 * @category verbs
 * @since 0.1.0
 */
export const credential = (id: string): Answer<Credential | null> =>
  Orchestrator.use((orchestrator) => orchestrator.credential(id))

/**
 * Ends a session and waits until its machine is verified gone; past `timeout` (default 30 seconds) fails as `Uncertain`,
 * and the orchestrator goes on ending it.
 *
 * @category verbs
 * @since 0.1.0
 */
export const stopTracked = (id: string, options?: StopOptions): Answer<void> =>
  Orchestrator.use((orchestrator) => orchestrator.stopTracked(id, options))

/**
 * The ids of the sessions that are not over.
 *
 * @category verbs
 * @since 0.1.0
 */
export const listIds: Effect.Effect<ReadonlyArray<SessionId>, never, Orchestrator> = Effect.suspend(() =>
  Orchestrator.use((orchestrator) => orchestrator.listIds)
)

/**
 * All stored sessions, including those that are over and not yet forgotten.
 *
 * @category verbs
 * @since 0.1.0
 */
export const list: Effect.Effect<ReadonlyArray<SessionInfo>, never, Orchestrator> = Effect.suspend(() =>
  Orchestrator.use((orchestrator) => orchestrator.list)
)

/**
 * The rows of the store that cannot be read: written by a newer build, or damaged. They are read again each minute, and adopted
 * when they can be; until then no machine is ended that may be theirs.
 *
 * **Details**
 *
 * An entry with the id `*` stands for all that are not known yet, while the store cannot be read at all.
 *
 * @category verbs
 * @since 0.1.0
 */
export const unreadable: Effect.Effect<ReadonlyArray<Unreadable>, never, Orchestrator> = Effect.suspend(() =>
  Orchestrator.use((orchestrator) => orchestrator.unreadable)
)

/**
 * Deletes the record of a session that cannot be read, once its machine has been dealt with, or of one that is over. A session
 * that is not over fails as `Validation`, an unknown id as `NotTracked`.
 *
 * @category verbs
 * @since 0.1.0
 */
export const forget = (id: string): Answer<void> => Orchestrator.use((orchestrator) => orchestrator.forget(id))

/**
 * Waits until a session's machine runs, through respawns. Fails as `Ended` when the session is over, and as `Timeout`, which ends
 * nothing.
 *
 * **Details**
 *
 * For a session this makes no request. An id that is no session here is asked for at `provider`, as `Atlas.awaitReady` does.
 *
 * @category verbs
 * @since 0.1.0
 */
export const awaitReady = (id: string, options?: ReadyOptions): Answer<Compute> =>
  Orchestrator.use((orchestrator) => orchestrator.awaitReady(id, options))

/**
 * Waits until a session is over and its machine is verified gone.
 *
 * @category verbs
 * @since 0.1.0
 */
export const awaitEnd = (id: string): Answer<SessionInfo> =>
  Orchestrator.use((orchestrator) => orchestrator.awaitEnd(id))

/**
 * The events of a session, or of all sessions (null): the present state first, then events; a slow reader gets a `Gap`.
 *
 * **Details**
 *
 * The stream of one session ends when the session is over, or when another process has taken it over (`Released`).
 *
 * @category verbs
 * @since 0.1.0
 */
export const events = (id: string | null): Stream.Stream<SessionElement, AtlasError, Orchestrator> =>
  Stream.unwrap(Orchestrator.use((orchestrator) => Effect.succeed(orchestrator.events(id))))

/**
 * What a session has cost so far, in US dollars.
 *
 * @category verbs
 * @since 0.1.0
 */
export const spend = (id: string): Answer<Usd> => Orchestrator.use((orchestrator) => orchestrator.spend(id))

/**
 * What all stored sessions have cost so far: in total, at each provider, for each user.
 *
 * @category verbs
 * @since 0.1.0
 */
export const spending: Effect.Effect<Spending, never, Orchestrator> = Effect.suspend(() =>
  Orchestrator.use((orchestrator) => orchestrator.spending)
)

/**
 * Runs one cycle of the reaper now, and answers what it ended and what it left alone and why; a dry run ends nothing.
 *
 * **Gotchas**
 *
 * A machine must be seen in two complete listings, those of the feed included, and be older than the grace. So the first cycle
 * after a start ends nothing, unless the feed has seen the machine that long before.
 *
 * @category verbs
 * @since 0.1.0
 */
export const reapNow = (options?: CycleOptions): Effect.Effect<Reaped, never, Orchestrator> =>
  Orchestrator.use((orchestrator) => orchestrator.reapNow(options))
