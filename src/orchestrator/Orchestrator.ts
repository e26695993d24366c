/**
 * The orchestrator's front desk: a compute per user or per task, watched, capped and ended, whatever crashes meanwhile.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { AtlasError, Ended, invalid, Timeout, Uncertain, Unsupported } from "../domain/AtlasError.ts"
import type { Compute } from "../domain/Compute.ts"
import { decoder, PositiveDuration } from "../domain/Decode.ts"
import { ComputeId } from "../domain/Ids.ts"
import { Owner } from "../provider/NameStamp.ts"
import { Providers } from "../provider/Providers.ts"
import * as Clocks from "./engine/Clocks.ts"
import { notTracked } from "./engine/Waiters.ts"
import * as ProviderFeed from "./ProviderFeed.ts"
import * as Reaper from "./Reaper.ts"
import * as Fault from "./session/Fault.ts"
import { makeSessionId, SessionId } from "./session/Ids.ts"
import * as RentRequest from "./session/RentRequest.ts"
import type { Mode, SessionState } from "./session/State.ts"
import type { Options as EngineOptions, News, Seen } from "./SessionEngine.ts"
import * as SessionEngine from "./SessionEngine.ts"
import * as SessionInfo from "./SessionInfo.ts"
import { SessionStore } from "./SessionStore.ts"
import * as SpawnOptions from "./SpawnOptions.ts"

/**
 * A session whose rent is settled: its id, and its machine with the credential that only this process has.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tracked {
  readonly id: SessionId
  readonly compute: Compute
}

/**
 * What a stream of events holds: first where each session stands, then what it tells, and a gap where a slow reader lost some.
 *
 * @category models
 * @since 0.1.0
 */
export type SessionElement =
  | { readonly _tag: "State"; readonly session: SessionInfo.SessionInfo }
  | ({ readonly _tag: "News" } & News)
  | { readonly _tag: "Gap"; readonly lost: number }

/**
 * What sessions have cost so far, in US dollars.
 *
 * @category models
 * @since 0.1.0
 */
export interface Spending {
  readonly totalUsd: number
  readonly byProvider: ReadonlyMap<string, number>
  /** Sessions without a user count under null. */
  readonly byUser: ReadonlyMap<string | null, number>
}

/**
 * The orchestrator in use. An `id` is a session's, or that of its compute.
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
  readonly touch: (id: string) => Effect.Effect<void, AtlasError>
  readonly info: (id: string) => Effect.Effect<SessionInfo.SessionInfo, AtlasError>
  readonly getCompute: (id: string) => Effect.Effect<Compute | null, AtlasError>
  readonly stopTracked: (
    id: string,
    options?: { readonly timeout?: Duration.Input | undefined }
  ) => Effect.Effect<void, AtlasError>
  readonly listIds: Effect.Effect<ReadonlyArray<SessionId>>
  readonly list: Effect.Effect<ReadonlyArray<SessionInfo.SessionInfo>>
  readonly awaitReady: (
    id: string,
    options?: { readonly timeout?: Duration.Input | undefined }
  ) => Effect.Effect<Compute, AtlasError>
  readonly awaitEnd: (id: string) => Effect.Effect<SessionInfo.SessionInfo, AtlasError>
  readonly events: (id: string | null) => Stream.Stream<SessionElement, AtlasError>
  readonly spend: (id: string) => Effect.Effect<number, AtlasError>
  readonly spending: Effect.Effect<Spending>
  readonly reapNow: (options?: { readonly dryRun?: boolean | undefined }) => Effect.Effect<Reaper.Reaped>
}>()("effect-atlas/orchestrator/Orchestrator") {}

const closing = "30 seconds"
const readyWithin = "15 minutes"

const isOver = ({ state: { phase } }: Seen): boolean => phase._tag === "Ended"
const isEnding = ({ state: { phase } }: Seen): boolean => phase._tag === "Ending" || phase._tag === "Ended"

/** What a caller is told when the machine it waits for will not come. */
const lost = (state: SessionState, operation: string): AtlasError => {
  const { phase, refusals } = state
  const provider = state.spec.candidates[state.attempts.at(-1)?.candidate ?? 0]?.provider ?? null
  const fail = (reason: AtlasError["reason"]) => new AtlasError({ provider, operation, reason })
  if (phase._tag !== "Ending" && phase._tag !== "Ended") return fail(new Ended({ status: "terminated" }))
  const { outcome, reason } = phase
  const gone = phase._tag === "Ended" ? "it is verified gone" : "it is not verified gone yet and is being ended"
  if (reason === "no_price") {
    return fail(
      new Unsupported({ capability: "price", message: `the machine has no price, so maxCost cannot be kept; ${gone}` })
    )
  }
  if (outcome._tag === "Failed" && outcome.fault !== null) {
    const { message } = outcome.fault
    const others = refusals.slice(0, -1).map(({ candidate, fault }) => {
      const place = state.spec.candidates[candidate]
      return `${place?.provider} ${place?.gpu ?? ""}: ${fault.message}`
    })
    const all = others.length === 0 ? message : `${message} (before: ${others.join("; ")})`
    return Fault.toError({ ...outcome.fault, message: all }, operation)
  }
  return fail(
    new Ended({
      status: "terminated",
      exitCode: outcome._tag === "Failed" || outcome._tag === "Completed" ? outcome.exitCode : null,
      message: `the session is over (${reason}); its machine: ${gone}`
    })
  )
}

const isSessionId = Schema.is(SessionId)
const isComputeId = Schema.is(ComputeId)
const decodeTimeout = decoder(PositiveDuration, "timeout")

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
}

/**
 * The front desk of an engine, with its feeds and its reaper; they run until the scope closes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: WatchOptions
): Effect.fn.Return<
  Orchestrator["Service"],
  never,
  SessionEngine.SessionEngine | SessionStore | Providers | Scope.Scope
> {
  const engine = yield* SessionEngine.SessionEngine
  const providers = yield* Providers
  const store = yield* SessionStore
  const usable = providers.all.filter(({ implemented, missing }) => implemented && missing.length === 0)
  const reaped = usable.filter(({ id }) => options.reapProviders?.includes(id) ?? true)
  const isReaped = new Set<string>(reaped.map(({ id }) => id))
  const reaper = Reaper.make({ engine, store, grace: options.reapGrace })
  yield* ProviderFeed.start({
    engine,
    providers: usable,
    interval: options.pollInterval,
    alwaysListed: isReaped,
    onListing: (listing) => isReaped.has(listing.provider.id) ? Effect.asVoid(reaper.judge(listing)) : Effect.void
  })

  const find = (id: string, operation: string): Effect.Effect<Seen, AtlasError> =>
    Effect.suspend(() => {
      const seen = (isSessionId(id) ? engine.get(id) : undefined) ?? (isComputeId(id) ? engine.byCompute(id) : undefined)
      return seen === undefined ? Effect.fail(notTracked(operation)) : Effect.succeed(seen)
    })

  const infoOf = ({ state }: Seen) => Effect.map(Clocks.read, (now) => SessionInfo.fromState(state, now))

  /** Every place to rent at that can be asked at all; what none of them can is refused before anything is rented. */
  const placesFor = Effect.fnUntraced(function*(
    { gpus, request }: Effect.Success<ReturnType<typeof SpawnOptions.decodeRequest>>,
    wanted: ReadonlyArray<string> | undefined,
    operation: string
  ) {
    const found = yield* Effect.forEach(wanted ?? [undefined], (which) => providers.get(which, operation))
    const places = gpus.flatMap((gpu) => found.map((provider) => ({ provider, gpu })))
    const tried = yield* Effect.forEach(places, ({ gpu, provider }) => {
      const place: RentRequest.Candidate = { provider: provider.id, gpu, regionHints: request.regionHints }
      return Effect.result(Effect.as(provider.compute.prepare({ ...request, gpu }), place))
    })
    const [first, ...rest] = tried.flatMap((one) => one._tag === "Success" ? [one.success] : [])
    if (first !== undefined) return [first, ...rest] as const
    const refusal = tried.find((one) => one._tag === "Failure")
    return yield* refusal === undefined
      ? invalid(operation, [{ path: "provider", message: "give at least one" }])
      : refusal.failure
  })

  const rent = (mode: Mode, operation: string): Orchestrator["Service"]["spawn"] =>
    Effect.fnUntraced(function*(input, options) {
      const decoded = yield* SpawnOptions.decodeRequest(input, operation)
      const { request } = decoded
      const { persist, policy, providers: wanted, userId } = yield* SpawnOptions.decode(
        options,
        mode,
        operation,
        request.idleTtl
      )
      const candidates = yield* placesFor(decoded, wanted, operation)
      const id = yield* makeSessionId
      const spec = {
        id,
        owner: engine.owner,
        mode,
        userId,
        persist,
        request: RentRequest.fromRequest(request),
        candidates,
        policy
      }
      const settled = Effect.gen(function*() {
        yield* engine.begin(spec, { env: request.env, providerOpts: request.providerOpts })
        const seen = yield* engine.when(id, (one) => one.state.phase._tag === "Live" || isEnding(one), operation)
        if (seen.compute !== null && !isEnding(seen)) return { id, compute: seen.compute }
        const over = yield* Effect.timeoutOption(engine.when(id, isOver, operation), closing)
        return yield* lost(Option.getOrElse(over, () => seen).state, operation)
      })
      // who asked has left: what was rented, or may have been, is ended
      return yield* Effect.onInterrupt(settled, () => engine.tell(id, { _tag: "StopRequested", by: "interrupted" }))
    })

  const stopTracked: Orchestrator["Service"]["stopTracked"] = (id, options) =>
    Effect.gen(function*() {
      const { state } = yield* find(id, "stopTracked")
      const limit = yield* decodeTimeout(options?.timeout ?? closing, "stopTracked")
      yield* engine.tell(state.spec.id, { _tag: "StopRequested", by: "caller" })
      // one that is forgotten meanwhile is over
      const gone = Effect.catchReason(
        Effect.asVoid(engine.when(state.spec.id, isOver, "stopTracked")),
        "AtlasError",
        "NotTracked",
        () => Effect.void
      )
      yield* Effect.timeoutOrElse(gone, {
        duration: limit,
        orElse: () =>
          Effect.fail(
            new AtlasError({
              provider: null,
              operation: "stopTracked",
              reason: new Uncertain({
                computeId: state.last,
                message: "not verified gone yet; the orchestrator goes on ending it"
              })
            })
          )
      })
    })

  const awaitReady: Orchestrator["Service"]["awaitReady"] = (id, options) =>
    Effect.gen(function*() {
      const { state } = yield* find(id, "awaitReady")
      const limit = yield* decodeTimeout(options?.timeout ?? readyWithin, "awaitReady")
      const isReady = ({ compute, state: { phase } }: Seen) =>
        phase._tag === "Live" && phase.ready && phase.status === "running" && compute !== null
      const seen = yield* Effect.timeoutOrElse(
        engine.when(state.spec.id, (one) => isReady(one) || isEnding(one), "awaitReady"),
        {
          duration: limit,
          orElse: () =>
            Effect.fail(
              new AtlasError({
                provider: null,
                operation: "awaitReady",
                reason: new Timeout({
                  lastSeen: engine.get(state.spec.id)?.compute ?? null,
                  message: "it was not running in time; nothing was ended"
                })
              })
            )
        }
      )
      return seen.compute !== null && isReady(seen) ? seen.compute : yield* lost(seen.state, "awaitReady")
    })

  const list = Effect.suspend(() => Effect.forEach([...engine.all()], infoOf))

  const events: Orchestrator["Service"]["events"] = (id) =>
    Stream.unwrap(Effect.gen(function*() {
      const known = id === null ? null : (yield* find(id, "events")).state.spec.id
      // heard from before it is looked at: nothing can fall in between
      const news = yield* engine.news(known)
      const now = known === null ? yield* list : [yield* Effect.flatMap(find(known, "events"), infoOf)]
      const elements = Stream.map(news, (delivery): SessionElement =>
        delivery._tag === "Message"
          ? { _tag: "News", ...delivery.message }
          : { _tag: "Gap", lost: delivery._tag === "Gap" ? delivery.lost : 0 })
      return Stream.concat(
        Stream.fromIterable(now.map((session): SessionElement => ({ _tag: "State", session }))),
        elements
      )
    }))

  return Orchestrator.of({
    spawn: rent("interactive", "spawn"),
    runTask: rent("task", "runTask"),
    touch: (id) => Effect.map(find(id, "touch"), ({ state }) => engine.touch(state.spec.id)),
    info: (id) => Effect.flatMap(find(id, "info"), infoOf),
    getCompute: (id) => Effect.map(find(id, "getCompute"), ({ compute }) => compute),
    stopTracked,
    listIds: Effect.sync(() =>
      [...engine.all()].filter((seen) => !isOver(seen)).map(({ state }) => state.spec.id)
    ),
    list,
    awaitReady,
    awaitEnd: (id) =>
      Effect.flatMap(
        find(id, "awaitEnd"),
        ({ state }) => Effect.flatMap(engine.when(state.spec.id, isOver, "awaitEnd"), infoOf)
      ),
    events,
    reapNow: (settings) => Reaper.reapNow(reaper, reaped, settings),
    spend: (id) => Effect.map(Effect.flatMap(find(id, "spend"), infoOf), ({ spentUsd }) => spentUsd),
    spending: Effect.map(list, (sessions) => {
      const add = <K>(map: Map<K, number>, key: K, usd: number) => map.set(key, (map.get(key) ?? 0) + usd)
      return {
        totalUsd: sessions.reduce((sum, { spentUsd }) => sum + spentUsd, 0),
        byProvider: sessions.reduce((map, { provider, spentUsd }) => add(map, provider, spentUsd), new Map<string, number>()),
        byUser: sessions.reduce((map, { spentUsd, userId }) => add(map, userId, spentUsd), new Map<string | null, number>())
      }
    })
  })
})

const decodeOwner = decoder(Owner, "owner")

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
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<Orchestrator | SessionEngine.SessionEngine, AtlasError, SessionStore | Providers> =>
  Layer.effect(Orchestrator, make(options)).pipe(
    Layer.provideMerge(Layer.unwrap(
      Effect.map(decodeOwner(options.owner, "orchestrator"), (owner) => SessionEngine.layer({ ...options, owner }))
    ))
  )

const use = <A, E, R>(f: (orchestrator: Orchestrator["Service"]) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(Orchestrator, f)

/**
 * Rents a compute for a user and watches it until it ends; answers when the rent is settled, not when it runs.
 *
 * @category verbs
 * @since 0.1.0
 */
export const spawn = (request: SpawnOptions.Input, options?: SpawnOptions.SpawnOptions) =>
  use((orchestrator) => orchestrator.spawn(request, options))

/**
 * Rents a compute for one command; it ends with its command or its deadline, and its outcome says how.
 *
 * @category verbs
 * @since 0.1.0
 */
export const runTask = (request: SpawnOptions.Input, options?: SpawnOptions.SpawnOptions) =>
  use((orchestrator) => orchestrator.runTask(request, options))

/**
 * Counts as use of a session, so that it is not idle; never waits.
 *
 * @category verbs
 * @since 0.1.0
 */
export const touch = (id: string) => use((orchestrator) => orchestrator.touch(id))

/**
 * A session as it is now, answered from memory; fails as `NotTracked`.
 *
 * @category verbs
 * @since 0.1.0
 */
export const info = (id: string) => use((orchestrator) => orchestrator.info(id))

/**
 * Ends a session and waits until its machine is verified gone; past `timeout` (default 30 seconds) fails as `Uncertain`,
 * and the orchestrator goes on ending it.
 *
 * @category verbs
 * @since 0.1.0
 */
export const stopTracked = (id: string, options?: { readonly timeout?: Duration.Input | undefined }) =>
  use((orchestrator) => orchestrator.stopTracked(id, options))

/**
 * Ids of the sessions that are not over.
 *
 * @category verbs
 * @since 0.1.0
 */
export const listIds = use((orchestrator) => orchestrator.listIds)

/**
 * Waits until a session's machine was seen running, through respawns; fails as `Ended`, or as `Timeout` and ends nothing.
 *
 * @category verbs
 * @since 0.1.0
 */
export const awaitReady = (id: string, options?: { readonly timeout?: Duration.Input | undefined }) =>
  use((orchestrator) => orchestrator.awaitReady(id, options))

/**
 * What a session (or with null every session) tells: its present state first, then its events; a slow reader gets a `Gap`.
 *
 * @category verbs
 * @since 0.1.0
 */
export const events = (id: string | null): Stream.Stream<SessionElement, AtlasError, Orchestrator> =>
  Stream.unwrap(use((orchestrator) => Effect.succeed(orchestrator.events(id))))

/**
 * One cycle of the reaper now: what it ended, what it left alone and why; a dry run ends nothing.
 *
 * **Gotchas**
 *
 * A machine must be seen in two complete listings and be older than the grace: the first cycle after a start ends nothing.
 *
 * @category verbs
 * @since 0.1.0
 */
export const reapNow = (options?: { readonly dryRun?: boolean | undefined }) =>
  use((orchestrator) => orchestrator.reapNow(options))

/**
 * A session for as long as the scope is open: closing it ends the session and waits until its machine is verified gone.
 *
 * @category verbs
 * @since 0.1.0
 */
export const scoped = (
  request: SpawnOptions.Input,
  options?: SpawnOptions.SpawnOptions
): Effect.Effect<Tracked, AtlasError, Orchestrator | Scope.Scope> =>
  use((orchestrator) =>
    Effect.acquireRelease(
      orchestrator.spawn(request, options),
      // the orchestrator goes on ending what could not be verified in time, so there is only word of it to leave
      ({ id }) =>
        Effect.catch(
          orchestrator.stopTracked(id),
          (error) => error.kind === "not_tracked" ? Effect.void : Effect.logError(`${id}: ${error.message}`)
        ),
      { interruptible: true }
    )
  )
